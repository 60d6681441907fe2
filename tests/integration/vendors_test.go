package integration

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/tests/servers"
)

// vendorStore is one bucket of one vendor, behind its own plugin.
type vendorStore struct {
	vendor   string // name of the plugin
	bucket   string
	options  string // of its locations
	endpoint string // among them
	prefix   string // of its credentials reference
	refer    string // a whole reference, instead of prefix
	root     string // begins every key, empty or with "/" at its end
	keys     []string
	emulator *servers.Emulator // nil where a server of S3 stands behind it
}

// at returns the location of a prefix of the bucket.
func (s *vendorStore) at(prefix string) string {
	if s.refer != "" {
		return fmt.Sprintf("%s://%s/%s?%s&credentials=%s", s.vendor, s.bucket, s.root+prefix, s.options, s.refer)
	}
	return fmt.Sprintf("%s://%s/%s?%s&credentials=env:%s", s.vendor, s.bucket, s.root+prefix, s.options, s.prefix)
}

// startCopier starts a server of the vendor that copies by itself: MinIO loses headers
// when it does, so its profile does without.
func startCopier(t *testing.T, vendor, prefix string) *vendorStore {
	t.Helper()
	if vendor != "s3compat" {
		return startVendor(t, vendor, prefix)
	}
	server := startReal(t, servers.VersityGW, prefix)
	return &vendorStore{vendor: vendor, bucket: bucket, options: "endpoint=" + server.Endpoint + "&profile=versitygw", prefix: prefix, keys: server.keys()}
}

// vendors are the names of all plugins.
var vendors = []string{"s3", "oss", "cos", "kodo", "s3compat"}

// startVendor starts a server of the vendor with one empty bucket, whose credentials are
// behind env:PREFIX.
func startVendor(t *testing.T, vendor, prefix string) *vendorStore {
	t.Helper()
	switch vendor {
	case "s3":
		server := startReal(t, servers.VersityGW, prefix)
		return &vendorStore{vendor: vendor, bucket: bucket, options: "endpoint=" + server.Endpoint + "&region=us-east-1", endpoint: server.Endpoint, prefix: prefix, keys: server.keys()}
	case "s3compat":
		server := startReal(t, servers.MinIO, prefix)
		return &vendorStore{vendor: vendor, bucket: bucket, options: "endpoint=" + server.Endpoint + "&profile=minio", endpoint: server.Endpoint, prefix: prefix, keys: server.keys()}
	}
	name := map[string]string{"oss": "data", "cos": "data-1250000000", "kodo": "data"}[vendor]
	emulator := servers.StartEmulator(t, servers.EmulatorConfig{
		Vendor: vendor, Buckets: []string{name}, AccessKey: prefix + "-access-key", SecretKey: prefix + "-secret-key",
	})
	options := map[string]string{
		"oss": "region=cn-hangzhou&endpoint=", "cos": "region=ap-guangzhou&endpoint=", "kodo": "endpoint=",
	}[vendor] + emulator.Endpoint
	return &vendorStore{
		vendor: vendor, bucket: name, options: options, endpoint: emulator.Endpoint, prefix: prefix, emulator: emulator,
		keys: keys(prefix, emulator.AccessKey, emulator.SecretKey),
	}
}
