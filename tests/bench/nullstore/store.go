package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// stamp is the Last-Modified of all objects: results do not depend on the day.
var stamp = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// store holds what the server knows: sizes and digests, never bytes.
type store struct {
	digests digests
	mu      sync.RWMutex
	buckets map[string]*bucket
	uploads map[string]*upload
	begun   int // uploads so far, the source of their ids
}

type bucket struct {
	objects map[string]object
	sorted  []string // keys in order; nil after a write, until the next listing
}

type object struct {
	size int64
	digest
	hasCRC bool // false for an upload whose parts the server cannot name
}

type upload struct {
	bucket, key string
	parts       map[int]object
}

func newStore() *store {
	return &store{buckets: map[string]*bucket{}, uploads: map[string]*upload{}}
}

// fill parses NAME=COUNTxBYTES and makes the bucket.
func (s *store) fill(spec string) error {
	name, shape, _ := strings.Cut(spec, "=")
	var count int
	var size int64
	if n, err := fmt.Sscanf(shape, "%dx%d", &count, &size); n != 2 || err != nil || name == "" || count < 0 || size < 0 {
		return fmt.Errorf("%q: write NAME=COUNTxBYTES, for example src=20000x4096", spec)
	}
	b := s.bucket(name)
	for i := range count {
		b.objects[fmt.Sprintf("data/%04d/object-%07d", i/1000, i)] = object{size: size, digest: s.digests.ofSize(size), hasCRC: true}
	}
	return nil
}

// bucket returns the bucket of that name. Every name exists: a bucket that was
// not filled is empty.
func (s *store) bucket(name string) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		b = &bucket{objects: map[string]object{}}
		s.buckets[name] = b
	}
	return b
}

func (s *store) get(bucketName, key string) (object, bool) {
	b := s.bucket(bucketName)
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := b.objects[key]
	return found, ok
}

func (s *store) put(bucketName, key string, o object) {
	b := s.bucket(bucketName)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := b.objects[key]; !ok {
		b.sorted = nil
	}
	b.objects[key] = o
}

func (s *store) remove(bucketName, key string) {
	b := s.bucket(bucketName)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(b.objects, key)
	b.sorted = nil
}

// entry is one line of a listing.
type entry struct {
	key string
	object
}

// list returns up to limit entries with the prefix after the given key, and
// whether more follow.
func (s *store) list(bucketName, prefix, after string, limit int) ([]entry, bool) {
	b := s.bucket(bucketName)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.sorted == nil {
		b.sorted = make([]string, 0, len(b.objects))
		for key := range b.objects {
			b.sorted = append(b.sorted, key)
		}
		slices.Sort(b.sorted)
	}
	first, found := slices.BinarySearch(b.sorted, max(prefix, after))
	if found && after >= prefix && after != "" {
		first++
	}
	var page []entry
	for _, key := range b.sorted[first:] {
		if !strings.HasPrefix(key, prefix) {
			return page, false
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, entry{key, b.objects[key]})
	}
	return page, false
}

func (s *store) createUpload(bucketName, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	id := fmt.Sprintf("upload-%06d", s.begun)
	s.uploads[id] = &upload{bucket: bucketName, key: key, parts: map[int]object{}}
	return id
}

func (s *store) putPart(id string, number int, part object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	if ok {
		u.parts[number] = part
	}
	return ok
}

func (s *store) abort(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
}

// complete joins all parts of an upload. Where they are the synthetic object of
// that size, part by part, the whole has its CRC; otherwise none is told.
func (s *store) complete(id string) (object, bool) {
	s.mu.Lock()
	u, ok := s.uploads[id]
	delete(s.uploads, id)
	s.mu.Unlock()
	if !ok {
		return object{}, false
	}
	whole, joined := object{hasCRC: true}, md5.New()
	for number := 1; number <= len(u.parts); number++ {
		part := u.parts[number]
		aligned := whole.size%int64(len(pattern)) == 0
		whole.hasCRC = whole.hasCRC && aligned && part.digest == s.digests.ofSize(part.size)
		whole.size += part.size
		sum, _ := hex.DecodeString(strings.Trim(part.etag, `"`))
		joined.Write(sum)
	}
	if whole.hasCRC {
		whole.crc = s.digests.ofSize(whole.size).crc
	}
	whole.etag = fmt.Sprintf(`"%x-%d"`, joined.Sum(nil), len(u.parts))
	s.put(u.bucket, u.key, whole)
	return whole, true
}

// openUploads returns key and id of every open upload of the bucket.
func (s *store) openUploads(bucketName, prefix string) map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	open := map[string]string{}
	for id, u := range s.uploads {
		if u.bucket == bucketName && strings.HasPrefix(u.key, prefix) {
			open[id] = u.key
		}
	}
	return open
}

// parts returns the parts of an upload, by number.
func (s *store) parts(id string) (map[int]object, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ok := s.uploads[id]
	if !ok {
		return nil, false
	}
	copied := map[int]object{}
	for number, part := range u.parts {
		copied[number] = part
	}
	return copied, true
}
