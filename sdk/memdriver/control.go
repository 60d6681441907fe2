package memdriver

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"net/http"
	"strconv"

	"github.com/dth-dev/dth/sdk/driver"
)

// done answers calls that return nothing.
type done bool

// control answers a call of the control plane: gob in, gob out, because gob
// keeps strings that are not UTF-8.
type control func(s *Server, bucket string, body []byte) (any, error)

// controls are the calls of the control plane by name.
var controls = map[string]control{
	"List": on(func(s *Server, b *bucketData, r listRequest) (driver.ListPage, error) { return b.list(r, s.silent) }),
	"Stat": on(func(_ *Server, b *bucketData, r driver.StatRequest) (driver.Object, error) {
		object, err := b.get(r.Key)
		if err != nil {
			return driver.Object{}, err
		}
		return object.Object, nil
	}),
	"Delete": on(func(_ *Server, b *bucketData, r driver.DeleteRequest) (done, error) {
		b.delete(r.Key)
		return true, nil
	}),
	"CreateUpload": on(func(s *Server, b *bucketData, r createUpload) (driver.Upload, error) {
		s.uploads++
		return b.create(fmt.Sprintf("upload-%08d", s.uploads), r, s.now()), nil
	}),
	"ListParts": on(func(_ *Server, b *bucketData, r driver.ListPartsRequest) (driver.PartsPage, error) {
		return b.listParts(r)
	}),
	"CompleteUpload": on(func(s *Server, b *bucketData, r driver.CompleteUploadRequest) (driver.Object, error) {
		return b.complete(r, s.now())
	}),
	"AbortUpload": on(func(_ *Server, b *bucketData, r driver.UploadRef) (done, error) {
		if _, err := b.upload(r); err == nil {
			delete(b.uploads, r.ID)
		}
		return true, nil
	}),
	"CopyObject": on((*Server).copyObject),
	"CopyPart":   on((*Server).copyPart),
	"Tags": on(func(_ *Server, b *bucketData, r driver.StatRequest) ([]driver.Tag, error) {
		object, err := b.get(r.Key)
		if err != nil {
			return nil, err
		}
		return object.tags, nil
	}),
	"Restore": on(func(_ *Server, b *bucketData, r driver.RestoreRequest) (done, error) { return true, b.restore(r.Key) }),
	"ListUploads": on(func(_ *Server, b *bucketData, r driver.ListUploadsRequest) (driver.UploadsPage, error) {
		return b.listUploads(r), nil
	}),
}

// on makes a control of a function on one bucket.
func on[Request, Response any](do func(*Server, *bucketData, Request) (Response, error)) control {
	return func(s *Server, bucket string, body []byte) (any, error) {
		var request Request
		if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&request); err != nil {
			return nil, &failure{400, "MalformedRequest", "the body of the call cannot be read"}
		}
		var response Response
		err := s.within(bucket, func(b *bucketData) (err error) {
			response, err = do(s, b, request)
			return err
		})
		return response, err
	}
}

func (s *Server) serveControl(w http.ResponseWriter, c call, body []byte) error {
	control, exists := controls[c.name]
	if !exists {
		return &failure{501, "NotImplemented", "the store has no call of this name"}
	}
	response, err := control(s, c.bucket, body)
	if err != nil {
		return err
	}
	var encoded bytes.Buffer
	if err := gob.NewEncoder(&encoded).Encode(response); err != nil {
		return fmt.Errorf("encode the answer to %s: %w", c.name, err)
	}
	w.Header().Set("Content-Length", strconv.Itoa(encoded.Len()))
	_, _ = w.Write(encoded.Bytes()) // the client is gone when this fails
	return nil
}
