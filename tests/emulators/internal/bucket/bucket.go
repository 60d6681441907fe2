// Package bucket keeps what one emulated bucket holds: its objects, their bodies
// and the uploads that are not finished. It knows no vendor and no HTTP.
package bucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Object is one object. What the store hands out is shared and must not be
// changed; [Store.Update] makes a changed copy.
type Object struct {
	Key      string
	Blob     *Blob
	Modified time.Time
	ETag     string // as the vendor shows it
	NoCRC64  bool   // the vendor would not have the body's CRC-64, though the blob does
	Class    string
	Header   http.Header // what the vendor keeps of the headers, in its own names
	Tags     map[string]string
	Restore  *Restore // nil unless a restore of an archived object was asked for
	Parts    []int64  // sizes of the parts that the object was made of, nil when it came whole
}

// Restore says from when till when an archived object can be read.
type Restore struct {
	Ready  time.Time // before it, the restore is under way
	Expiry time.Time // after it, the object is archived again
	Days   int
	Tier   string
}

// Store keeps one bucket. It may be used from many goroutines.
type Store struct {
	dir       string
	sums      Sums
	temporary bool

	mu      sync.RWMutex
	journal *journal // nil for a temporary store
	keys    index
	objects map[string]*Object
	uploads map[string]*upload
	spool   spool
}

// Open opens the bucket kept below dir and reads back what an earlier run left
// there. An empty dir stands for a temporary folder, which Close removes.
func Open(dir string, sums Sums) (*Store, error) {
	s := &Store{dir: dir, sums: sums, temporary: dir == "", objects: map[string]*Object{}, uploads: map[string]*upload{}}
	if s.temporary {
		made, err := os.MkdirTemp("", "emulator-")
		if err != nil {
			return nil, err
		}
		s.dir = made
	}
	s.spool = spool{dir: filepath.Join(s.dir, "bodies"), holds: map[string]int{}}
	if err := os.MkdirAll(s.spool.dir, 0o700); err != nil {
		return nil, err
	}
	if s.temporary {
		return s, nil
	}
	if err := s.restart(); err != nil {
		return nil, fmt.Errorf("read back the bucket kept in %s: %w", s.dir, err)
	}
	return s, nil
}

// Close ends the store. A temporary store's folder is gone afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporary {
		return os.RemoveAll(s.dir)
	}
	return s.journal.Close()
}

// Put stores an object in place of any of the same key, unless allow, which gets
// the object of that key or nil, returns an error. Nobody sees anything between
// the two. The caller still discards the object's blob, as after any other use.
func (s *Store) Put(o Object, allow func(old *Object) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if allow != nil {
		if err := allow(s.objects[o.Key]); err != nil {
			return err
		}
	}
	return s.put(&o)
}

func (s *Store) put(o *Object) error {
	if err := s.spool.hold(o.Blob); err != nil {
		return err
	}
	if err := s.journal.write(record{Put: o}); err != nil {
		s.spool.release(o.Blob)
		return err
	}
	if old := s.objects[o.Key]; old != nil {
		s.spool.release(old.Blob)
	} else {
		s.keys.insert(o.Key)
	}
	s.objects[o.Key] = o
	return nil
}

// Get returns the object of a key.
func (s *Store) Get(key string) (*Object, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.objects[key]
	return o, ok
}

// Read returns the object of a key with its body, which stays readable until it
// is closed, whatever happens to the object meanwhile.
func (s *Store) Read(key string) (*Object, *Body, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok || s.spool.hold(o.Blob) != nil {
		return nil, nil, false
	}
	return o, &Body{store: s, blob: o.Blob}, true
}

// ErrNoObject says that no object has the key.
var ErrNoObject = errors.New("no such object")

// Update replaces the object of a key by a changed copy, unless change returns
// an error. The body can't be changed. It returns [ErrNoObject] when there is none.
func (s *Store) Update(key string, change func(*Object) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[key]
	if !ok {
		return ErrNoObject
	}
	changed := *old
	changed.Header = old.Header.Clone()
	changed.Tags = maps.Clone(old.Tags)
	if err := change(&changed); err != nil {
		return err
	}
	changed.Key, changed.Blob = old.Key, old.Blob
	if err := s.journal.write(record{Put: &changed}); err != nil {
		return err
	}
	s.objects[key] = &changed
	return nil
}

// Delete removes the object of a key and says whether there was one.
func (s *Store) Delete(key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[key]
	if !ok {
		return false, nil
	}
	if err := s.journal.write(record{Delete: &key}); err != nil {
		return false, err
	}
	s.remove(old)
	return true, nil
}

func (s *Store) remove(o *Object) {
	delete(s.objects, o.Key)
	s.keys.remove(o.Key)
	s.spool.release(o.Blob)
}

// Discard gives up the caller's hold on a blob that [Store.Receive] returned. A
// body that nothing else holds is gone then. Discarding nil does nothing.
func (s *Store) Discard(b *Blob) {
	if b == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spool.release(b)
}

// restart replays the journal and begins one that says the same without history.
func (s *Store) restart() error {
	path := filepath.Join(s.dir, "journal")
	s.spool.history = true
	if err := s.replay(path); err != nil {
		return err
	}
	s.spool.history = false
	found, err := s.spool.found()
	if err != nil {
		return err
	}
	defer s.spool.release(found) // what nothing below holds is gone then
	fresh, err := createJournal(path + ".new")
	if err != nil {
		return err
	}
	s.journal = fresh
	for _, o := range s.objects {
		if err := errors.Join(s.spool.hold(o.Blob), fresh.write(record{Put: o})); err != nil {
			return err
		}
	}
	for _, u := range s.uploads {
		if err := fresh.write(record{Upload: &u.Upload}); err != nil {
			return err
		}
		for _, p := range u.parts {
			if err := errors.Join(s.spool.hold(p.Blob), fresh.write(record{Part: &partRecord{ID: u.ID, Part: p}})); err != nil {
				return err
			}
		}
	}
	return os.Rename(path+".new", path)
}

func (s *Store) replay(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer file.Close()
	for decoder := json.NewDecoder(file); ; {
		var r record
		err := decoder.Decode(&r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // a killed run may leave half a line
			return nil
		} else if err != nil {
			return err
		}
		if err := s.apply(r); err != nil {
			return err
		}
	}
}
