package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/web"
)

// serve starts a server that ends with the test.
func serve(t *testing.T, process *observe.Process, health func() error) *web.Server {
	t.Helper()
	server, err := web.Listen(web.Options{
		Address: "127.0.0.1:0", Health: health, Process: process, Congestion: "bbr", Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server
}

// get leaves no connection behind.
func get(t *testing.T, method, url string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var stuck atomic.Bool
	server := serve(t, &observe.Process{}, func() error {
		if stuck.Load() {
			return errors.New("no message for 5m0s")
		}
		return nil
	})
	url := "http://" + server.Address() + "/healthz"
	if status, text := get(t, http.MethodGet, url); status != 200 || text != "ok\n" {
		t.Errorf("healthy: %d %q", status, text)
	}
	stuck.Store(true)
	if status, text := get(t, http.MethodGet, url); status != 503 || text != "no message for 5m0s\n" {
		t.Errorf("stuck: %d %q", status, text)
	}
	if status, _ := get(t, http.MethodPost, url); status != 405 {
		t.Errorf("POST: %d", status)
	}
}

// own are the lines of dth itself, sorted.
func own(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "dth_") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	process, counters := &observe.Process{}, &observe.Counters{}
	process.Follow(counters)
	server := serve(t, process, nil)
	url := "http://" + server.Address() + "/metrics"
	if _, text := get(t, http.MethodGet, url); !strings.Contains(text, "dth_objects_total{outcome=\"copied\"} 0\n") {
		t.Errorf("a counter is not there before its first object:\n%s", text)
	}

	for i, counter := range []*atomic.Int64{
		&counters.ListedSource, &counters.ListedDestination, &counters.Planned, &counters.Copied, &counters.Failed,
		&counters.Skipped, &counters.Vanished, &counters.Deleted, &counters.Equal, &counters.PlannedBytes,
		&counters.CopiedBytes, &counters.MovedBytes, &counters.Retried, &counters.InFlight,
		&process.Failures, &process.Parts, &process.Held,
	} {
		counter.Store(int64(i + 1))
	}
	process.SetLag(1500 * time.Millisecond)
	counters.Source.Count(observe.Get)
	counters.Destination.Count(observe.Get)
	counters.Destination.Count(observe.PutPart)
	status, text := get(t, http.MethodGet, url)
	want := []string{
		`dth_copied_bytes_total 11`,
		`dth_evidence_total{grade="both_ends"} 0`,
		`dth_evidence_total{grade="one_end"} 0`,
		`dth_evidence_total{grade="size_only"} 0`,
		`dth_finder_failures_total 15`,
		`dth_held_messages 17`,
		`dth_listed_objects_total{side="destination"} 2`,
		`dth_listed_objects_total{side="source"} 1`,
		`dth_moved_bytes_total 12`,
		`dth_objects_in_flight 14`,
		`dth_objects_total{outcome="copied"} 4`,
		`dth_objects_total{outcome="deleted"} 8`,
		`dth_objects_total{outcome="equal"} 9`,
		`dth_objects_total{outcome="failed"} 5`,
		`dth_objects_total{outcome="skipped"} 6`,
		`dth_objects_total{outcome="vanished"} 7`,
		`dth_parts_in_flight 16`,
		`dth_planned_bytes_total 10`,
		`dth_planned_objects_total 3`,
		`dth_queue_lag_seconds 1.5`,
		`dth_requests_total{operation="get",side="destination"} 1`,
		`dth_requests_total{operation="get",side="source"} 1`,
		`dth_requests_total{operation="put-part",side="destination"} 1`,
		`dth_retries_total 13`,
		`dth_tcp_congestion_control_info{name="bbr"} 1`,
	}
	if diff := cmp.Diff(want, own(text)); status != 200 || diff != "" {
		t.Errorf("metrics, status %d (-want +got):\n%s", status, diff)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	if !strings.Contains(text, "go_goroutines") {
		t.Error("nothing is told of the Go runtime")
	}
}

func TestListenNamesAnAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	if _, err := web.Listen(web.Options{Address: address, Process: &observe.Process{}}); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("Listen = %v", err)
	}
}

func TestCloseWaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server, err := web.Listen(web.Options{
		Address: "127.0.0.1:0", Process: &observe.Process{}, Logger: hclog.NewNullLogger(),
		Health: func() error { close(asked); <-release; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close = %v", err)
	}
	close(release)
	if n, err := client.Read(make([]byte, 100)); n > 0 || err == nil {
		t.Error("the connection is answered after Close")
	}
}
