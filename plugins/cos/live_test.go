package main

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

const (
	liveBucket      = "DTH_LIVE_COS_BUCKET"
	liveRegion      = "DTH_LIVE_COS_REGION"
	liveCredentials = "DTH_LIVE_COS_CREDENTIALS" // a reference; empty for the vendor's chain
)

// live returns the location to test against, and otherwise what to say instead.
func live(lookUp func(string) string) (request driver.OpenRequest, instead string) {
	bucket, region := lookUp(liveBucket), lookUp(liveRegion)
	if bucket == "" || region == "" {
		return request, "live COS: not run, set " + liveBucket + ", " + liveRegion + " and " + liveCredentials
	}
	return driver.OpenRequest{Bucket: bucket, Credentials: lookUp(liveCredentials), Options: map[string]string{"region": region}}, ""
}

// TestLive runs the suite against a bucket of a real account, below a prefix of its
// own that it removes afterwards. Without such a bucket it says so.
func TestLive(t *testing.T) {
	request, instead := live(os.Getenv)
	if instead != "" {
		t.Log(instead)
		for _, name := range []string{liveBucket, liveRegion, liveCredentials} {
			if !strings.Contains(instead, name) {
				t.Errorf("%q does not name %s", instead, name)
			}
		}
		return
	}
	prefix := "dth-live-" + strings.ToLower(rand.Text()) + "/"
	t.Cleanup(func() { sweep(t, request, prefix) })
	drivertest.Run(t, drivertest.Harness{Driver: store{metadata: metadataService}, Bucket: request, Prefix: prefix})
}

// sweep removes objects and uploads below the prefix.
func sweep(t *testing.T, request driver.OpenRequest, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // the test's own has ended
	defer cancel()
	b, err := store{metadata: metadataService}.open(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for list := (driver.ListRequest{Prefix: prefix}); ; {
		page, err := b.List(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Objects {
			if err := b.Delete(ctx, driver.DeleteRequest{Key: object.Key}); err != nil {
				t.Error(err)
			}
		}
		if list.Token = page.Next; page.Next == "" {
			break
		}
	}
	for list := (driver.ListUploadsRequest{Prefix: prefix}); ; {
		page, err := b.ListUploads(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		for _, upload := range page.Uploads {
			if err := b.AbortUpload(ctx, upload.UploadRef); err != nil {
				t.Error(err)
			}
		}
		if list.Token = page.Next; page.Next == "" {
			return
		}
	}
}

// TestSweep proves that a live run leaves nothing behind, and nothing else.
func TestSweep(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	request := at(suite, "env:GOOD", server.Endpoint, nil)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	client := clientOf(t, server)
	for _, key := range []string{"live/a", "live/b c", "lively"} {
		b.put(t, client, key, "body", driver.Attributes{})
		if _, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, request, "live/")
	objects, err := b.List(t.Context(), driver.ListRequest{})
	if err != nil || len(objects.Objects) != 1 || objects.Objects[0].Key != "lively" {
		t.Errorf("left are %+v, %v; want lively alone", objects, err)
	}
	uploads, err := b.ListUploads(t.Context(), driver.ListUploadsRequest{})
	if err != nil || len(uploads.Uploads) != 1 || uploads.Uploads[0].Key != "lively" {
		t.Errorf("left are %+v, %v; want the upload of lively alone", uploads, err)
	}
}
