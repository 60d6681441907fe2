package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// TestPagesOfRealServers lists keys one a page, in each way that a profile can ask for: what
// servers repeat of a token, a marker or a start, encoded or not, is what was asked for.
func TestPagesOfRealServers(t *testing.T) {
	keys := []string{"+", "a b+c/%2F", "a b+c/ü&<>\"'", "key@1", "key:5", "z"}
	slices.Sort(keys)
	for name, product := range products {
		server := servers.StartForTest(t, servers.Config{Product: product, AccessKey: accessKey, SecretKey: secretKey})
		if err := server.CreateBucket(t.Context(), "suite"); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
		t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
		for i, listing := range []s3driver.Listing{{}, {NoEncoding: true}, {V1: true}, {V1: true, NoEncoding: true}} {
			t.Run(fmt.Sprintf("%s/%+v", name, listing), func(t *testing.T) {
				change := func(profile *s3driver.Profile) {
					profile.Listing.V1, profile.Listing.NoEncoding = listing.V1, listing.NoEncoding
				}
				bucket, err := quirky{change: change}.Open(t.Context(), driver.OpenRequest{
					Bucket: "suite", Credentials: "env:GOOD", Options: map[string]string{"endpoint": server.Endpoint, "profile": name},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = bucket.Close() }()
				if runner := executor(t, bucket); i == 0 {
					for _, key := range keys {
						put(t, runner, bucket, key, []byte("body"), driver.Attributes{})
					}
				}
				for start, after := range append([]string{""}, keys...) {
					for _, prefix := range []string{"", "a b+c/"} {
						if after != "" && !strings.HasPrefix(after, prefix) {
							continue // MinIO takes no marker that does not begin with the prefix
						}
						want := slices.DeleteFunc(slices.Clone(keys[start:]), func(key string) bool { return !strings.HasPrefix(key, prefix) })
						listed := pages(t, bucket, driver.ListRequest{Prefix: prefix, StartAfter: after, MaxKeys: 1})
						if diff := cmp.Diff(want, listed); len(want)+len(listed) > 0 && diff != "" {
							t.Errorf("after %q below %q (-want +got):\n%s", after, prefix, diff)
						}
					}
				}
			})
		}
	}
}

// pages lists all pages from the first one on.
func pages(t *testing.T, bucket driver.Bucket, request driver.ListRequest) []string {
	t.Helper()
	var found []string
	for {
		page, err := bucket.List(t.Context(), request)
		if err != nil {
			t.Fatalf("List(%+v): %v", request, err)
		}
		for _, object := range page.Objects {
			found = append(found, object.Key)
		}
		if request.Token = page.Next; request.Token == "" {
			return found
		}
	}
}
