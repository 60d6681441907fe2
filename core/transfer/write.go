package transfer

import (
	"bytes"
	"context"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

// Write stores a small object of dth's own under the relative key. Where it fails the
// object may be there all the same.
func (s *Side) Write(ctx context.Context, key string, data []byte) error {
	return s.writeAt(ctx, s.Prefix+key, data)
}

// writeAt is Write under an absolute key.
func (s *Side) writeAt(ctx context.Context, key string, data []byte) error {
	request := driver.PutRequest{Key: key, Size: int64(len(data))}
	if rules := s.Session.Checksums; rules.BodyFirst && len(rules.Stored) > 0 {
		hasher := checksum.NewHasher(rules.Stored[0])
		_, _ = hasher.Write(data) // never fails
		request.Checksum = hasher.Sums()[0]
	}
	return s.attempt(ctx, func(ctx context.Context) error {
		_, err := s.putAt(ctx, request, bytes.NewReader(data), nil)
		return err
	})
}
