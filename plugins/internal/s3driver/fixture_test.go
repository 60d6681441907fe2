package s3driver

import (
	"context"
	"net/http"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// openAt opens the bucket "bucket" below an endpoint, path style.
func openAt(t testing.TB, endpoint string, profile Profile, credentials string) *Bucket {
	t.Helper()
	root, err := ParseEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	location := root.Locate("bucket", AddressingPath, "us-east-1")
	bucket, err := Open(t.Context(), Config{
		Bucket: "bucket", Identity: root.Host() + "/bucket", Credentials: credentials, Profile: profile, Transport: driver.Transport{Proxy: "none"},
		Locate: func(context.Context, *http.Client) (Location, error) { return location, nil },
		Beside: func(_ context.Context, source driver.CopySource) (Config, error) {
			other, err := ParseEndpoint(source.Options["endpoint"])
			return Config{
				Bucket: source.Bucket, Identity: other.Host() + "/" + source.Bucket,
				Locate: func(context.Context, *http.Client) (Location, error) {
					return other.Locate(source.Bucket, AddressingPath, "us-east-1"), nil
				},
			}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}
