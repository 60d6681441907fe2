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
	request := driver.PutRequest{Size: int64(len(data))}
	if rules := s.Session.Checksums; rules.BodyFirst && len(rules.Stored) > 0 {
		hasher := checksum.NewHasher(rules.Stored[0])
		_, _ = hasher.Write(data) // never fails
		request.Checksum = hasher.Sums()[0]
	}
	return s.policy.Do(ctx, func(int) error {
		_, err := s.put(ctx, request, key, bytes.NewReader(data), nil)
		return err
	})
}
