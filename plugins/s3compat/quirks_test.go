package main

import (
	"context"
	"testing"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// quirky is the driver with one profile changed.
type quirky struct {
	store
	change func(*s3driver.Profile)
}

func (q quirky) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	config, err := q.configure(request)
	if err != nil {
		return nil, err
	}
	q.change(&config.Profile)
	return s3driver.Open(ctx, config)
}

// poor is a store with every quirk that a server can be treated as having: listings of
// version 1 without URL encoding, no conditional GET, path style, and no checksum of any
// kind. Stores in the profiles have some of them each.
func poor(profile *s3driver.Profile) {
	profile.Addressing = s3driver.AddressingPath
	profile.Listing.V1, profile.Listing.NoEncoding = true, true
	profile.ConditionalGet = false
	profile.Checksums = s3driver.Checksums{}
	profile.Keys.NoControl = true
	profile.Keys.Forbidden = append(profile.Keys.Forbidden, "\uFFFE", "\uFFFF")
}

// TestQuirksVersityGW copies ranges as well, which it does right without checksums.
func TestQuirksVersityGW(t *testing.T) {
	change := func(profile *s3driver.Profile) {
		poor(profile)
		profile.Copies.Parts = true
	}
	conform(t, quirky{change: change}, servers.StartVersityGW(t, accessKey, secretKey), map[string]string{"profile": "versitygw"})
}

func TestQuirksMinIO(t *testing.T) {
	conform(t, quirky{change: poor}, servers.StartMinIO(t, accessKey, secretKey), map[string]string{"profile": "minio"})
}
