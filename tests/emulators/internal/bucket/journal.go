package bucket

import (
	"encoding/json"
	"os"
)

// journal is a file of records, one JSON value a line. It is not synced: it has
// to survive the end of the process, not of the machine.
type journal struct {
	file    *os.File
	encoder *json.Encoder
}

// record is one change; exactly one field is set.
type record struct {
	Put    *Object     `json:",omitempty"`
	Delete *string     `json:",omitempty"`
	Upload *Upload     `json:",omitempty"`
	Part   *partRecord `json:",omitempty"`
	End    *endRecord  `json:",omitempty"`
}

type partRecord struct {
	ID   string
	Part Part
}

// endRecord ends an upload, with the object that it became if it was completed.
type endRecord struct {
	ID     string
	Object *Object `json:",omitempty"`
}

func createJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{file: file, encoder: json.NewEncoder(file)}, nil
}

// write adds a record. A nil journal keeps nothing.
func (j *journal) write(r record) error {
	if j == nil {
		return nil
	}
	return j.encoder.Encode(r)
}

func (j *journal) Close() error { return j.file.Close() }

// apply makes the change that a record tells of.
func (s *Store) apply(r record) error {
	switch {
	case r.Put != nil:
		return s.put(r.Put)
	case r.Delete != nil:
		if o, ok := s.objects[*r.Delete]; ok {
			s.remove(o)
		}
	case r.Upload != nil:
		s.uploads[r.Upload.ID] = &upload{Upload: *r.Upload, parts: map[int]Part{}}
	case r.Part != nil:
		if u, ok := s.uploads[r.Part.ID]; ok {
			return s.putPart(u, r.Part.Part)
		}
	case r.End != nil:
		if r.End.Object != nil {
			if err := s.put(r.End.Object); err != nil {
				return err
			}
		}
		if u, ok := s.uploads[r.End.ID]; ok {
			s.endUpload(u)
		}
	}
	return nil
}
