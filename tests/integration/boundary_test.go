package integration

import (
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/registry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/host"
)

// TestBytesDoNotCrossTheBoundary copies 1 GiB between two stores through real plugin
// processes and counts what passes on their sockets, in both directions.
func TestBytesDoNotCrossTheBoundary(t *testing.T) {
	source, destination := startNull(t, "1x1073741824"), startNull(t, "0x0")
	environ := append(keys("SRC", "source", "source-secret"), keys("DST", "destination", "destination-secret")...)
	flags := map[string]job.Value{"part-size": {Text: "16MiB"}, "multipart-threshold": {Text: "16MiB"}}
	resolved, err := job.Input{Flags: flags}.Sync(nullAt(source, "env:SRC"), nullAt(destination, "env:DST"))
	if err != nil {
		t.Fatal(err)
	}
	traffic := &host.Traffic{}
	plugins := registry.New([]string{pluginDir(installed)}, host.Options{Environ: environ, SocketDir: sockets(), Traffic: traffic})
	from, err := plugins.Open(t.Context(), resolved.Source)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := plugins.Open(t.Context(), resolved.Destination)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	state, err := statefile.Open(t.Context(), t.TempDir(), statefile.Options{Command: "test", Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	e, err := engine.New(engine.Config{
		Job: resolved, Source: from, Destination: to, State: state, Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	report, err := e.Sync(t.Context())
	if err != nil || report.Bytes.Copied != 1<<30 {
		t.Fatalf("copied %d bytes: %v", report.Bytes.Copied, err)
	}
	sent, received := traffic.Sent.Load(), traffic.Received.Load()
	t.Logf("1 GiB copied in %d parts; %d bytes to the plugins, %d from them", report.Requests.Destination["put-part"], sent, received)
	if sent == 0 || received == 0 || sent+received > 1<<20 {
		t.Errorf("%d bytes passed between host and plugins, want at most 1 MiB", sent+received)
	}
}
