package transfer

import (
	"context"
	"io"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Read streams a whole listed object and returns the checksum of its bytes. It
// fails when the object is no longer the listed one.
func (s *Side) Read(ctx context.Context, object driver.Object, algorithm driver.Algorithm) (sum driver.Checksum, err error) {
	t := task.FromObject(object, s.Prefix)
	err = s.policy.Do(ctx, func(int) error {
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
		hasher := checksum.NewHasher(algorithm)
		n, err := io.Copy(hasher, answer.Body)
		if err == nil && n != t.Size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return s.interrupted(t.Key, err)
		}
		sum = hasher.Sums()[0]
		return nil
	})
	return sum, err
}
