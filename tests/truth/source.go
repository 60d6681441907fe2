package truth

import (
	"bytes"
	"math"
	"slices"
	"sync"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// sourceModel knows every version that each key of the source ever had, and when. Time is
// the number of changes so far.
type sourceModel struct {
	server *memdriver.Server
	bucket string
	clock  *clock

	mu    sync.Mutex
	now   int
	lives map[string][]life
}

// life is how long a key held a version: from the change number from up to before the
// change number to.
type life struct {
	version  Version
	from, to int
	second   int64 // of the store's clock when it was written
}

const forever = math.MaxInt

// span is the time of a command. It includes both ends: what changed while it ran was
// there before and after.
type span struct{ from, to int }

// moment returns the present.
func (s *sourceModel) moment() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// write puts a version into the bucket.
func (s *sourceModel) write(key string, version Version) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(key)
	s.lives[key] = append(s.lives[key], life{version, s.now, forever, s.clock.now().Unix()})
	_, err := s.server.Put(s.bucket, key, version.bytes(), version.attributes(false))
	return err
}

// erase deletes a key.
func (s *sourceModel) erase(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(key)
	return s.server.Remove(s.bucket, key)
}

// end ends the present version of a key at the next change. The lock is held.
func (s *sourceModel) end(key string) {
	s.now++
	if lives := s.lives[key]; len(lives) > 0 && lives[len(lives)-1].to == forever {
		lives[len(lives)-1].to = s.now
	}
}

// during returns the versions that the key had at some moment of the span.
func (s *sourceModel) during(key string, when span) []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	var versions []Version
	for _, l := range s.lives[key] {
		if l.from <= when.to && l.to > when.from {
			versions = append(versions, l.version)
		}
	}
	return versions
}

// present returns the key's version, if it has one.
func (s *sourceModel) present(key string) (Version, bool) {
	now := s.moment()
	versions := s.during(key, span{now, now})
	if len(versions) == 0 {
		return Version{}, false
	}
	return versions[0], true
}

// throughout says whether the key was there at every moment of the span.
func (s *sourceModel) throughout(key string, when span) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	covered := when.from
	for _, l := range s.lives[key] {
		if l.from <= covered && l.to > covered {
			covered = l.to
		}
	}
	return covered > when.to
}

// keys returns all keys that ever were, in order.
func (s *sourceModel) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.lives {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// seconds returns the seconds of the store's clock at which a key was written with exactly
// these bytes.
func (s *sourceModel) seconds(key string, data []byte) map[int64]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[int64]bool{}
	for _, l := range s.lives[key] {
		if l.version.Size == len(data) && bytes.Equal(l.version.bytes(), data) {
			found[l.second] = true
		}
	}
	return found
}
