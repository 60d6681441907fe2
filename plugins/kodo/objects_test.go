package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestChecksumsOfHashes tells hashes of bytes from those of parts.
func TestChecksumsOfHashes(t *testing.T) {
	t.Parallel()
	for hash, want := range map[string][]driver.Checksum{
		"Fto5o-5ea0sNMlW_75VgGJCv2AcJ": {{Algorithm: driver.AlgorithmQETag, Value: "\x16\xda9\xa3\xee^kK\r2U\xbf\xef\x95`\x18\x90\xaf\xd8\x07\t"}}, // of nothing
		"ngAA":                         {{Algorithm: driver.AlgorithmQETag, Value: "\x9e\x00\x00", Composite: true}},
		"not/url/safe":                 nil,
		"":                             nil,
	} {
		if diff := cmp.Diff(want, checksums(hash)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", hash, diff)
		}
	}
}

// TestStatOfFrozenObjects proves that an object that cannot be read is still told of.
func TestStatOfFrozenObjects(t *testing.T) {
	c := newClient(t, startEmulator(t), suite)
	if _, err := c.put("k", "hello", driver.Attributes{StorageClass: "DEEP_ARCHIVE"}); err != nil {
		t.Fatal(err)
	}
	object, err := c.Stat(t.Context(), driver.StatRequest{Key: "k"})
	if err != nil || object.Size != 5 || object.StorageClass != "DEEP_ARCHIVE" || object.ETag == "" {
		t.Errorf("%+v, %v", object, err)
	}
	_, err = c.Restore(t.Context(), driver.RestoreRequest{Key: "k", Days: 8})
	if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), "7 days") {
		t.Errorf("for eight days: %v", err)
	}
}

// TestAttributesThatKodoLosesAreRefused proves that nothing is dropped in silence, by
// forms and by uploads.
func TestAttributesThatKodoLosesAreRefused(t *testing.T) {
	b := openBucket(t, suite, startEmulator(t).Endpoint, nil)
	pair := func(name, value string) driver.Attributes {
		return driver.Attributes{Metadata: []driver.Metadata{{Name: name, Value: value}}}
	}
	for want, attributes := range map[string]driver.Attributes{
		"keeps no tags":                  {Tags: []driver.Tag{{Key: "a", Value: "b"}}},
		`no storage class "STANDARD_IA"`: {StorageClass: "STANDARD_IA"},
		"longer than 50":                 pair(strings.Repeat("n", 51), "v"),
		"characters":                     pair("a.b", "v"),
		"US-ASCII":                       pair("a", "ä"),
		"1025 bytes, Kodo takes 1024":    pair("a", strings.Repeat("v", 1024)),
		"no HTTP date":                   {Expires: "0"},
	} {
		_, put := b.SignPut(t.Context(), driver.PutRequest{Key: "k", Attributes: attributes})
		_, create := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k", Attributes: attributes})
		for op, err := range map[string]error{"put": put, "create": create} {
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", op, err, want)
			}
		}
	}
	_, err := b.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: maxForm + 1})
	if driver.KindOf(err) != driver.KindInvalidArgument {
		t.Errorf("a form that is too large: %v", err)
	}
	for name, err := range map[string]error{
		"get": func() error {
			_, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k", VersionID: "v"})
			return err
		}(),
		"stat": func() error { _, err := b.Stat(t.Context(), driver.StatRequest{Key: "k", VersionID: "v"}); return err }(),
	} {
		if driver.KindOf(err) != driver.KindUnsupported {
			t.Errorf("%s of a version: %v", name, err)
		}
	}
}
