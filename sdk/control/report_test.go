package control

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// answered is an imagined SDK's error for an answer.
type answered struct{ kind driver.Kind }

func (answered) Error() string { return "GET http://store.example/k?Signature=canary: refused" }

// newReporter returns a reporter whose keys have the session token "canary-token", and
// how often they were resolved. Its clock stands an hour after the first resolution.
func newReporter(t *testing.T) (*Reporter, *int) {
	t.Helper()
	resolved := 0
	ring := NewKeyring(func(context.Context, Reason) (credentials.Keys, error) {
		resolved++
		return credentials.Keys{AccessKeyID: "id", SecretAccessKey: "s", SessionToken: "canary-token"}, nil
	})
	if _, err := ring.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring.now = func() time.Time { return time.Now().Add(time.Hour) }
	return &Reporter{
		Bucket: "bucket", Keyring: ring, Host: func() string { return "store.example" },
		Answered: func(err error) *driver.Error {
			var refused answered
			if !errors.As(err, &refused) {
				return nil
			}
			return &driver.Error{Kind: refused.kind, Message: "what you sent: Signature=canary&x, token canary-token"}
		},
		Secrets: []*regexp.Regexp{regexp.MustCompile(`(Signature=)[^\s,&]+`)},
	}, &resolved
}

func TestFail(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err  error
		kind driver.Kind
		want string
	}{
		"an answer":         {fmt.Errorf("operation: %w", answered{driver.KindDenied}), driver.KindDenied, "what you sent: Signature=…&x, token …"},
		"a driver's own":    {fmt.Errorf("wrapped: %w", Invalid("the key is %s", "empty")), driver.KindInvalidArgument, "the key is empty"},
		"the network":       {&url.Error{Op: "Get", URL: "http://store.example/?canary", Err: context.DeadlineExceeded}, driver.KindUnavailable, "store.example timed out"},
		"a call given up":   {fmt.Errorf("canary: %w", context.Canceled), driver.KindUnavailable, "the request was cancelled"},
		"the SDK's own":     {fmt.Errorf("GET /?canary: %w", errors.New("no such shape")), driver.KindUnavailable, "no such shape"},
		"an expired answer": {answered{driver.KindExpired}, driver.KindExpired, "what you sent"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reporter, resolved := newReporter(t)
			err := reporter.Fail("Stat", "k", test.err)
			var failure *driver.Error
			if !errors.As(err, &failure) || failure.Kind != test.kind || failure.Op != "Stat" || failure.Bucket != "bucket" || failure.Key != "k" {
				t.Fatalf("Fail = %+v, want %v with operation, bucket and key", failure, test.kind)
			}
			if !strings.Contains(failure.Message, test.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the message is %q, want %q and nothing signed", failure.Message, test.want)
			}
			if _, err := reporter.Keyring.Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
			if again := *resolved > 1; again != (test.kind == driver.KindExpired) {
				t.Errorf("the keys were resolved again: %v", again)
			}
		})
	}
}

func TestFailLeavesSuccessAndTheCauseAlone(t *testing.T) {
	t.Parallel()
	reporter, _ := newReporter(t)
	if err := reporter.Fail("List", "", nil); err != nil {
		t.Errorf("Fail of success = %v", err)
	}
	shared := &driver.Error{Kind: driver.KindFatal, Message: "closed"}
	if err := reporter.Fail("List", "", shared); err == nil || shared.Op != "" {
		t.Errorf("Fail = %v and changed the error that it was given: %+v", err, *shared)
	}
}

func TestFailOpen(t *testing.T) {
	t.Parallel()
	if err := FailOpen("b", nil); err != nil {
		t.Errorf("FailOpen of success = %v", err)
	}
	odd := errors.New("odd")
	for name, test := range map[string]struct {
		err  error
		kind driver.Kind
	}{"known": {fmt.Errorf("wrapped: %w", Invalid("odd")), driver.KindInvalidArgument}, "unknown": {odd, driver.KindFatal}} {
		var failure *driver.Error
		if err := FailOpen("b", test.err); !errors.As(err, &failure) || failure.Op != "Open" || failure.Bucket != "b" || failure.Kind != test.kind || failure.Message != "odd" {
			t.Errorf("%s: FailOpen = %+v, want %v with operation and bucket", name, failure, test.kind)
		}
	}
	if err := FailOpen("b", odd); !errors.Is(err, odd) {
		t.Errorf("FailOpen lost the cause: %v", err)
	}
}
