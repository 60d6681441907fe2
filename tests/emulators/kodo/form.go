package main

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/qetag"
)

// form is an upload in one request.
type form struct {
	creation
	fields map[string]string
	store  *bucket.Store // of the token's bucket
	blob   *bucket.Blob
}

// upload stores an object from a form. The token must come before the file; the
// other fields may come in any order.
//
// Source: https://developer.qiniu.com/kodo/api/upload.
func (s *server) upload(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return errMethod
	}
	reader, err := r.MultipartReader()
	if err != nil {
		return errBody
	}
	f := &form{fields: map[string]string{}}
	defer func() {
		if f.store != nil {
			f.store.Discard(f.blob)
		}
	}()
	if err := s.readForm(reader, f); err != nil {
		return err
	}
	if f.blob == nil {
		return &refusal{http.StatusBadRequest, "file is not specified in multipart"}
	}
	if want := f.fields["crc32"]; want != "" {
		if crc, err := strconv.ParseUint(want, 10, 32); err != nil || uint32(crc) != f.blob.CRC32 {
			return errCRC32
		}
	}
	f.key, f.named = f.fields["key"]
	f.size, f.hash = f.blob.Size, qetag.Whole(f.blob.Blocks)
	if f.front, err = front(f.store, f.blob); err != nil {
		return err
	}
	if accept := f.fields["accept"]; accept != "" {
		w = &typed{w, accept}
	}
	return s.keep(w, f.store, &f.creation, f.blob)
}

func (s *server) readForm(reader *multipart.Reader, f *form) error {
	for {
		part, err := reader.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errBody
		case part.FormName() == "file":
			if err := s.readFile(part, f); err != nil {
				return err
			}
			continue
		}
		const longest = 64 << 10
		value, err := io.ReadAll(io.LimitReader(part, longest+1))
		if err != nil || len(value) > longest {
			return errBody
		}
		if name := part.FormName(); !f.set(name, string(value)) {
			f.fields[name] = string(value)
		}
	}
}

func (s *server) readFile(part *multipart.Part, f *form) (err error) {
	if f.blob != nil {
		return errBody
	}
	if f.policy, err = s.account.Upload(f.fields["token"]); err != nil {
		return err
	}
	if f.store, err = s.store(f.policy.Bucket()); err != nil {
		return err
	}
	f.fileName, f.mimeType = part.FileName(), part.Header.Get("Content-Type")
	if f.blob, err = f.store.Receive(part); err != nil {
		return errBody
	}
	return nil
}

// typed gives an answer the Content-Type that a form asked for.
type typed struct {
	http.ResponseWriter
	contentType string
}

func (t *typed) WriteHeader(status int) {
	t.Header().Set("Content-Type", t.contentType)
	t.ResponseWriter.WriteHeader(status)
}
