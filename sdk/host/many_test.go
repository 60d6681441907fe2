package host_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

// manySigner is what the buckets of this package can do besides.
type manySigner interface {
	SignGets(ctx context.Context, requests []driver.GetRequest) []driver.Exchange
}

func gets(keys ...string) []driver.GetRequest {
	requests := make([]driver.GetRequest, len(keys))
	for i, key := range keys {
		requests[i] = driver.GetRequest{Key: key, Now: time.Unix(1e9, 0)}
	}
	return requests
}

func TestManyDownloadsAreSigned(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	many := bucket.(manySigner) //nolint:forcetypeassert // the very point
	var keys []string
	for i := range 600 { // of which one message carries 256 at most
		keys = append(keys, fmt.Sprintf("key-%d", i))
	}
	keys[5], keys[300] = "absent", "panic"
	signed := many.SignGets(t.Context(), gets(keys...))
	if len(signed) != len(keys) {
		t.Fatalf("got %d exchanges for %d downloads", len(signed), len(keys))
	}
	for i, got := range signed {
		var want driver.Exchange
		if i != 5 && i != 300 {
			var err error
			if want, err = bucket.SignGet(t.Context(), gets(keys[i])[0]); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-one by one +many):\n%s", keys[i], diff)
		}
	}
	if got := many.SignGets(t.Context(), nil); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}

func TestManyDownloadsStayUnsigned(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		keys   []string
		closed bool
	}{
		"the plugin ends":      {t.Context(), []string{"a", "exit"}, false},
		"one is not answered":  {t.Context(), []string{"hang", "a"}, false},
		"nobody waits":         {canceled, []string{"a", "hang"}, false},
		"the bucket is closed": {t.Context(), []string{"a", "b"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := open(t, host.Options{CallTimeout: 3 * time.Second}) // that of the one which hangs
			if test.closed {
				if err := bucket.Close(); err != nil {
					t.Fatal(err)
				}
			}
			signed := bucket.(manySigner).SignGets(test.ctx, gets(test.keys...)) //nolint:forcetypeassert // the very point
			if diff := cmp.Diff(make([]driver.Exchange, len(test.keys)), signed); diff != "" {
				t.Errorf("signed (-want +got):\n%s", diff)
			}
			if test.closed {
				return
			}
			if _, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "next"}); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}
