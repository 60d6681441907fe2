package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

// TestLive runs the suite against a real bucket, below a prefix of its own, where the
// environment names one. It says so where it does not.
func TestLive(t *testing.T) {
	request, message := liveRequest(os.Getenv)
	if request == nil {
		for _, variable := range []string{"DTH_LIVE_OSS_BUCKET", "DTH_LIVE_OSS_REGION", "DTH_LIVE_OSS_CREDENTIALS"} {
			if !strings.Contains(message, variable) {
				t.Errorf("%q does not name %s", message, variable)
			}
		}
		t.Log(message)
		return
	}
	prefix := fmt.Sprintf("dth-live-%d/", time.Now().UnixNano())
	t.Cleanup(func() { sweep(t, *request, prefix) })
	absent := *request
	absent.Bucket = fmt.Sprintf("dth-absent-%d", time.Now().UnixNano())
	drivertest.Run(t, drivertest.Harness{Driver: store{}, Bucket: *request, Prefix: prefix, Absent: &absent})
}

// liveRequest returns how to open the real bucket, or nil and what to set for one.
func liveRequest(environment func(string) string) (*driver.OpenRequest, string) {
	bucket := environment("DTH_LIVE_OSS_BUCKET")
	if bucket == "" {
		return nil, "live OSS: not run, set DTH_LIVE_OSS_BUCKET, and DTH_LIVE_OSS_REGION and DTH_LIVE_OSS_CREDENTIALS (a reference) as needed"
	}
	return &driver.OpenRequest{
		Bucket: bucket, Credentials: environment("DTH_LIVE_OSS_CREDENTIALS"), Options: map[string]string{"region": environment("DTH_LIVE_OSS_REGION")},
	}, ""
}

func TestLiveRequest(t *testing.T) {
	t.Parallel()
	set := map[string]string{"DTH_LIVE_OSS_BUCKET": "b", "DTH_LIVE_OSS_REGION": "cn-hangzhou", "DTH_LIVE_OSS_CREDENTIALS": "env:X"}
	request, _ := liveRequest(func(name string) string { return set[name] })
	if request == nil || request.Bucket != "b" || request.Credentials != "env:X" || request.Options["region"] != "cn-hangzhou" {
		t.Errorf("liveRequest = %+v", request)
	}
}

// sweep removes what a run left below its prefix, and nothing else.
func sweep(t *testing.T, request driver.OpenRequest, prefix string) {
	ctx := context.WithoutCancel(t.Context()) // which has ended by now
	opened, err := store{}.Open(ctx, request)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = opened.Close() }()
	for token := ""; ; {
		page, err := opened.List(ctx, driver.ListRequest{Prefix: prefix, Token: token})
		if err != nil {
			t.Error(err)
			return
		}
		for _, object := range page.Objects {
			if err := opened.Delete(ctx, driver.DeleteRequest{Key: object.Key}); err != nil {
				t.Error(err)
			}
		}
		if token = page.Next; token == "" {
			return
		}
	}
}

// TestSweepKeepsToItsPrefix runs what clears a real bucket on an emulated one.
func TestSweepKeepsToItsPrefix(t *testing.T) {
	request := at(suite, "env:GOOD", startEmulator(t).Endpoint, nil)
	b := opened(t, request)
	for _, key := range []string{"keep", "p/a", "p/b/c"} {
		put(t, b, key, []byte("x"), driver.Attributes{})
	}
	sweep(t, request, "p/")
	page, err := b.List(t.Context(), driver.ListRequest{})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "keep" {
		t.Errorf("left is %+v, %v; want keep alone", page.Objects, err)
	}
}
