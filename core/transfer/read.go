package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Read streams a whole listed object and returns the checksum of its bytes. It
// fails when the object is no longer the listed one.
func (s *Side) Read(ctx context.Context, object driver.Object, algorithm driver.Algorithm) (sum driver.Checksum, err error) {
	err = s.read(ctx, object, func(t task.Task, body io.Reader) error {
		hasher := checksum.NewHasher(algorithm)
		n, err := io.Copy(hasher, body)
		if err == nil && n != t.Size {
			err = io.ErrUnexpectedEOF
		}
		sum = hasher.Sums()[0]
		return err
	})
	return sum, err
}

// Load returns the bytes of an object, which must not have more than most.
func (s *Side) Load(ctx context.Context, key string, most int64) ([]byte, error) {
	object, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if object.Size > most {
		return nil, s.failed(0, &driver.Error{
			Op: "GET", Key: object.Key, Kind: driver.KindInvalidArgument, Message: fmt.Sprintf("it has %d bytes, more than the %d that are read", object.Size, most),
		})
	}
	object.VersionID = "" // the ETag binds the read; to name a version takes a right of its own
	content := make([]byte, object.Size)
	err = s.read(ctx, object, func(_ task.Task, body io.Reader) error {
		_, err := io.ReadFull(body, content)
		return err
	})
	return content, err
}

// read opens an object of exactly the version that was looked at and has it consumed,
// again from its start after a failure on the way.
func (s *Side) read(ctx context.Context, object driver.Object, consume func(t task.Task, body io.Reader) error) error {
	t := task.FromObject(object, s.Prefix)
	return s.attempt(ctx, func(ctx context.Context) error {
		signed, err := s.signGet(ctx, t)
		if err != nil {
			return err
		}
		answer, err := s.get(ctx, t, signed, 0, 0)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if err := checkWhole(t, answer); err != nil {
			return s.failed(0, err)
		}
		if err := consume(t, answer.Body); err != nil {
			return s.interrupted(t.Key, err)
		}
		return nil
	})
}
