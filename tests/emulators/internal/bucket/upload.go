package bucket

import (
	"cmp"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"time"
)

// Upload is an upload in parts that was begun.
type Upload struct {
	ID      string
	Created time.Time
	Object  Object // the key, and what was said of the object at the beginning; no body
}

// Part is one part of an upload.
type Part struct {
	Number   int
	Blob     *Blob
	ETag     string
	Modified time.Time
	NoCRC64  bool // the vendor would not have the part's CRC-64, though the blob does
}

type upload struct {
	Upload
	parts map[int]Part
}

// ErrNoUpload says that no upload has the id: it never began, or ended.
var ErrNoUpload = errors.New("no such upload")

// CreateUpload begins an upload. It sets the id if that is empty, and returns it.
func (s *Store) CreateUpload(u Upload) (id string, err error) {
	if u.ID == "" {
		u.ID = rand.Text()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.write(record{Upload: &u}); err != nil {
		return "", err
	}
	s.uploads[u.ID] = &upload{Upload: u, parts: map[int]Part{}}
	return u.ID, nil
}

// Upload returns an upload.
func (s *Store) Upload(id string) (Upload, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ok := s.uploads[id]
	if !ok {
		return Upload{}, false
	}
	return u.Upload, true
}

// Uploads returns all uploads, in ascending order of key, then beginning, then id.
func (s *Store) Uploads() []Upload {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Upload, 0, len(s.uploads))
	for _, u := range s.uploads {
		all = append(all, u.Upload)
	}
	slices.SortFunc(all, func(a, b Upload) int {
		return cmp.Or(cmp.Compare(a.Object.Key, b.Object.Key), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// PutPart keeps a part, in place of any of the same number. The caller still
// discards the blob.
func (s *Store) PutPart(id string, p Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	if !ok {
		return ErrNoUpload
	}
	if err := s.journal.write(record{Part: &partRecord{ID: id, Part: p}}); err != nil {
		return err
	}
	return s.putPart(u, p)
}

func (s *Store) putPart(u *upload, p Part) error {
	if err := s.spool.hold(p.Blob); err != nil {
		return err
	}
	if old, ok := u.parts[p.Number]; ok {
		s.spool.release(old.Blob)
	}
	u.parts[p.Number] = p
	return nil
}

// Parts returns an upload's parts, ascending.
func (s *Store) Parts(id string) ([]Part, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ok := s.uploads[id]
	if !ok {
		return nil, false
	}
	return u.sorted(), true
}

func (u *upload) sorted() []Part {
	return slices.SortedFunc(maps.Values(u.parts), func(a, b Part) int { return cmp.Compare(a.Number, b.Number) })
}

// Complete makes an object of parts and ends the upload, in one step. choose gets
// the object that has the key now (or nil), the upload, and its parts ascending;
// it returns the new object, whose body Complete sets, and the parts to join, or
// refuses, and then nothing changed.
func (s *Store) Complete(id string, choose func(old *Object, u Upload, parts []Part) (Object, []Part, error)) (*Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	if !ok {
		return nil, ErrNoUpload
	}
	o, parts, err := choose(s.objects[u.Object.Key], u.Upload, u.sorted())
	if err != nil {
		return nil, err
	}
	blobs := make([]*Blob, len(parts))
	o.Parts = make([]int64, len(parts))
	for i, p := range parts {
		blobs[i], o.Parts[i] = p.Blob, p.Blob.Size
	}
	o.Key, o.Blob = u.Object.Key, join(blobs)
	if err := s.end(u, &o); err != nil {
		return nil, err
	}
	return &o, nil
}

// Abort ends an upload and drops its parts. It returns [ErrNoUpload] when there is none.
func (s *Store) Abort(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	if !ok {
		return ErrNoUpload
	}
	return s.end(u, nil)
}

func (s *Store) end(u *upload, o *Object) error {
	r := record{End: &endRecord{ID: u.ID, Object: o}}
	if err := s.journal.write(r); err != nil {
		return err
	}
	journal := s.journal
	s.journal = nil // the one record says both
	defer func() { s.journal = journal }()
	return s.apply(r)
}

func (s *Store) endUpload(u *upload) {
	for _, p := range u.parts {
		s.spool.release(p.Blob)
	}
	delete(s.uploads, u.ID)
}
