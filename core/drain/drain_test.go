package drain_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/drain"
)

func staticCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
}

// notice returns why the watcher's context has ended.
func notice(t *testing.T, w *drain.Watcher) *drain.Notice {
	t.Helper()
	var found *drain.Notice
	if cause := context.Cause(w.Context()); !errors.As(cause, &found) {
		t.Fatalf("the context ended because of %v", cause)
	}
	return found
}

func TestWatcherDrains(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path, text string
		want       drain.Notice
	}{
		"Spot interruption": {
			spot, `{"action": "terminate", "time": "2026-09-18T08:22:00Z"}`,
			drain.Notice{Reason: drain.Interrupted, Deadline: time.Date(2026, 9, 18, 8, 22, 0, 0, time.UTC)},
		},
		"Spot interruption that nobody can read": {spot, `soon`, drain.Notice{Reason: drain.Interrupted}},
		"rebalance":                              {rebalance, `{"noticeTime": "2026-09-18T08:22:00Z"}`, drain.Notice{Reason: drain.Rebalance}},
		"termination":                            {lifecycle, "Terminated", drain.Notice{Reason: drain.Terminated}},
		"termination while warm":                 {lifecycle, "Warmed:Terminated\n", drain.Notice{Reason: drain.Terminated}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, ticks := newCloud(t, map[string]string{lifecycle: "InService"}), make(chan time.Time)
			w := drain.Watch(t.Context(), cloud.options(ticks))
			defer w.Close()
			for range 3 { // the third tick is taken when the second look is over
				ticks <- time.Time{}
			}
			if err := w.Context().Err(); err != nil {
				t.Fatalf("drains without a reason: %v", context.Cause(w.Context()))
			}
			cloud.set(c.path, c.text)
			pump(t, ticks, w.Context().Done())
			if diff := cmp.Diff(c.want, *notice(t, w)); diff != "" {
				t.Errorf("notice (-want +got):\n%s", diff)
			}
			if n := cloud.issued(); n != 1 {
				t.Errorf("%d session tokens were made, for a few seconds", n)
			}
		})
	}
}

func TestWatcherLooksBeforeTheFirstTick(t *testing.T) {
	t.Parallel()
	cloud := newCloud(t, map[string]string{spot: `{"action": "stop"}`})
	w := drain.Watch(t.Context(), cloud.options(make(chan time.Time)))
	defer w.Close()
	<-w.Context().Done()
	if got := notice(t, w).Reason; got != drain.Interrupted {
		t.Errorf("reason = %q", got)
	}
}

func TestWatcherDrainsWhenAskedToStop(t *testing.T) {
	t.Parallel()
	asked := errors.New("SIGTERM")
	stop, cancel := context.WithCancelCause(t.Context())
	w := drain.Watch(stop, newCloud(t, nil).options(make(chan time.Time)))
	defer w.Close()
	cancel(asked)
	<-w.Context().Done()
	want := drain.Notice{Reason: drain.Stopped, Err: asked}
	if diff := cmp.Diff(want, *notice(t, w), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
}

func TestWatcherSeesTheTerminationAfterARebalance(t *testing.T) {
	t.Parallel()
	cloud, ticks := newCloud(t, map[string]string{rebalance: "{}"}), make(chan time.Time)
	w := drain.Watch(t.Context(), cloud.options(ticks))
	defer w.Close()
	pump(t, ticks, w.Context().Done())
	cloud.set(lifecycle, "Terminated")
	pump(t, ticks, w.Terminating())
	if got := notice(t, w).Reason; got != drain.Rebalance {
		t.Errorf("the first reason is forgotten: %q", got)
	}
}

func TestWatcherSurvivesAnOutageOfTheMetadata(t *testing.T) {
	t.Parallel()
	cloud, ticks := newCloud(t, nil), make(chan time.Time)
	options, said := cloud.options(ticks), &safeBuffer{}
	options.Logger = hclog.New(&hclog.LoggerOptions{Output: said, Level: hclog.Info})
	w := drain.Watch(t.Context(), options)
	defer w.Close()
	ticks <- time.Time{}
	cloud.fail(true)
	for range 20 {
		ticks <- time.Time{}
	}
	cloud.set(spot, "{}")
	cloud.fail(false)
	pump(t, ticks, w.Context().Done())
	if n := bytes.Count(said.Bytes(), []byte("[WARN]")); n != 1 {
		t.Errorf("an outage is told %d times, not once:\n%s", n, said.Bytes())
	}
}

func TestWatcherLeavesAMachineWithoutMetadataInPeace(t *testing.T) {
	t.Parallel()
	cases := map[string]http.HandlerFunc{
		"another cloud": http.NotFound, // which has no session tokens
		"no instance": func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
			fmt.Fprint(w, "a session token")
		},
		"no session tokens": func(w http.ResponseWriter, r *http.Request) { // anybody may be made to ask it
			if r.Method == http.MethodPut {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, "Terminated")
		},
		"no permission": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusForbidden) },
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				answer(w, r)
			}))
			defer server.Close()
			said, ticks := &safeBuffer{}, make(chan time.Time)
			stop, cancel := context.WithCancel(t.Context())
			w := drain.Watch(stop, drain.Options{
				Endpoint: server.URL, Ticks: ticks,
				Logger: hclog.New(&hclog.LoggerOptions{Output: said, Level: hclog.Info}),
			})
			for range 1000 {
				ticks <- time.Time{}
			}
			if err := w.Context().Err(); err != nil {
				t.Errorf("it drains: %v", context.Cause(w.Context()))
			}
			cancel()
			<-w.Context().Done()
			if err := w.Complete(t.Context()); err != nil {
				t.Errorf("Complete = %v", err)
			}
			if n := requests.Load(); n == 0 || n > 60 {
				t.Errorf("%d requests in 1000 ticks, instead of a few", n)
			}
			if len(said.Bytes()) > 0 {
				t.Errorf("log:\n%s", said.Bytes())
			}
		})
	}
}

func TestWatcherCloses(t *testing.T) {
	t.Parallel()
	w := drain.Watch(t.Context(), newCloud(t, nil).options(nil))
	w.Close()
	w.Close()
	if cause := context.Cause(w.Context()); !errors.Is(cause, context.Canceled) {
		t.Errorf("the context of a closed watcher ended because of %v", cause)
	}
}

// safeBuffer is a buffer that a logger and a test share.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.text.Bytes())
}

func TestWatcherHeedsThatMetadataIsDisabled(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	cloud, ticks := newCloud(t, map[string]string{lifecycle: "Terminated"}), make(chan time.Time)
	stop, cancel := context.WithCancel(t.Context())
	w := drain.Watch(stop, cloud.options(ticks))
	ticks <- time.Time{}
	cancel()
	<-w.Context().Done()
	if got := notice(t, w).Reason; got != drain.Stopped {
		t.Errorf("reason = %q", got)
	}
	if err := w.Complete(t.Context()); err != nil || cloud.issued() != 0 {
		t.Errorf("Complete = %v, after %d session tokens", err, cloud.issued())
	}
}
