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
	liveBucket      = "DTH_LIVE_KODO_BUCKET"
	liveCredentials = "DTH_LIVE_KODO_CREDENTIALS" // a reference; empty for the vendor's chain
)

// live returns the location to test against, and otherwise what to say instead.
func live(lookUp func(string) string) (request driver.OpenRequest, instead string) {
	if lookUp(liveBucket) == "" {
		return request, "live Kodo: not run, set " + liveBucket + " and " + liveCredentials
	}
	return driver.OpenRequest{Bucket: lookUp(liveBucket), Credentials: lookUp(liveCredentials)}, ""
}

// TestLive runs the suite against a bucket of a real account, below a prefix of its
// own that it removes afterwards. Without such a bucket it says so.
func TestLive(t *testing.T) {
	request, instead := live(os.Getenv)
	if instead != "" {
		t.Log(instead)
		for _, name := range []string{liveBucket, liveCredentials} {
			if !strings.Contains(instead, name) {
				t.Errorf("%q does not name %s", instead, name)
			}
		}
		return
	}
	prefix := "dth-live-" + strings.ToLower(rand.Text()) + "/"
	t.Cleanup(func() { sweep(t, request, prefix) })
	drivertest.Run(t, drivertest.Harness{Driver: store{}, Bucket: request, Prefix: prefix})
}

// sweep removes the objects below the prefix. Uploads that a failed run left end by
// themselves.
func sweep(t *testing.T, request driver.OpenRequest, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // the test's own has ended
	defer cancel()
	b, err := store{}.Open(ctx, request)
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
			return
		}
	}
}

// TestSweep proves that a live run leaves nothing behind, and nothing else.
func TestSweep(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	for _, key := range []string{"live/a", "live/b c", "lively"} {
		if _, err := c.put(key, "body", driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, at(t, suite, "env:GOOD", server.Endpoint, nil), "live/")
	page, err := c.List(t.Context(), driver.ListRequest{})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "lively" {
		t.Errorf("left are %+v, %v; want lively alone", page.Objects, err)
	}
}
