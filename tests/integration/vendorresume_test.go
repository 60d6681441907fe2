package integration

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads the state of a run under way
)

// TestEveryVendorResumes kills dth in the middle of a multipart upload to each vendor;
// the next run goes on with the parts that are there, and leaves no upload behind.
func TestEveryVendorResumes(t *testing.T) {
	t.Parallel()
	for _, vendor := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
			data := content("large", 61<<20+7)
			origin.put("large", data)
			p := newProgram(t, slices.Concat(origin.keys(), store.keys)...)
			arguments := append([]string{"sync", origin.at(""), store.at(""), "--json", "--state=state", "--transfers=1"}, inParts...)
			killed := p.start(arguments...)
			awaitParts(t, killed, filepath.Join(p.folder, "state", "state.db"), 3)
			if err := killed.command.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-killed.ended
			report := p.must(0, arguments...).report(t)
			if report.Bytes.Resumed < 3*(5<<20) || report.Objects.Copied != 1 {
				t.Errorf("%d bytes were resumed, %d objects copied; want three parts or more, and one", report.Bytes.Resumed, report.Objects.Copied)
			}
			if store.emulator != nil {
				if open := store.emulator.OpenUploads(t); len(open) > 0 {
					t.Errorf("uploads of %q are left open", open)
				}
			}
			p.must(0, "sync", store.at(""), origin.at("back/"))
			if !bytes.Equal(origin.get("back/large"), data) {
				t.Error("the object that was resumed holds other bytes")
			}
		})
	}
}

// awaitParts waits until the state of a run records some parts.
func awaitParts(t *testing.T, r *running, path string, want int) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond) // what another process wrote is no event to us
	defer look.Stop()
	for {
		select {
		case <-r.ended:
			t.Fatalf("dth ended before it was killed: %+v", r.wait())
		case <-look.C:
		}
		if recordedParts(path) >= want {
			return
		}
	}
}

// recordedParts returns how many parts the state records; 0 while there is no state.
func recordedParts(path string) int {
	state, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return 0
	}
	defer state.Close()
	var parts int
	if err := state.QueryRow("SELECT count(*) FROM parts").Scan(&parts); err != nil {
		return 0
	}
	return parts
}
