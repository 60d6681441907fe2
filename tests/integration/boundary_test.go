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
	report, passed := syncCounted(t, nullAt(source, "env:SRC"), nullAt(destination, "env:DST"), environ)
	if report.Bytes.Copied != 1<<30 {
		t.Fatalf("copied %d bytes", report.Bytes.Copied)
	}
	t.Logf("1 GiB copied in %d parts; %d bytes passed between host and plugins", report.Requests.Destination["put-part"], passed)
	if passed == 0 || passed > 1<<20 {
		t.Errorf("%d bytes passed between host and plugins, want at most 1 MiB", passed)
	}
}

// TestNoVendorMovesBytes copies 48 MiB to and from each vendor's store: what passes
// between host and plugins does not depend on it.
func TestNoVendorMovesBytes(t *testing.T) {
	t.Parallel()
	for _, vendor := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
			origin.put("large", content("large", 48<<20))
			origin.put("small", content("small", 4<<10))
			environ := append(origin.keys(), store.keys...)
			for _, pair := range [][2]string{{origin.at(""), store.at("")}, {store.at(""), origin.at("back/")}} {
				report, passed := syncCounted(t, pair[0], pair[1], environ)
				if report.Objects.Copied != 2 || report.Objects.Failed != 0 {
					t.Fatalf("%s to %s: %+v, %+v", pair[0], pair[1], report.Objects, report.Problems)
				}
				if passed == 0 || passed > 256<<10 {
					t.Errorf("%s to %s: %d bytes passed between host and plugins, want at most 256 KiB", pair[0], pair[1], passed)
				}
			}
		})
	}
}

// syncCounted syncs in this process through real plugin processes, and counts the bytes
// that pass between both, in both directions.
func syncCounted(t *testing.T, source, destination string, environ []string) (*observe.Report, int64) {
	t.Helper()
	flags := map[string]job.Value{"part-size": {Text: "16MiB"}, "multipart-threshold": {Text: "16MiB"}}
	resolved, err := job.Input{Flags: flags}.Sync(source, destination)
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
	if err != nil {
		t.Fatal(err)
	}
	return report, traffic.Sent.Load() + traffic.Received.Load()
}
