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

// TestEveryPairResumes kills dth in the middle of a multipart upload from each vendor to
// each; the next run goes on with the parts that are there, and leaves no upload behind.
func TestEveryPairResumes(t *testing.T) {
	t.Parallel()
	for _, from := range vendors {
		for _, to := range vendors {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				resumePair(t, startVendor(t, from, "FIRST"), startVendor(t, to, "SECOND"))
			})
		}
	}
}

func resumePair(t *testing.T, first, second *vendorStore) {
	t.Helper()
	origin := startMem(t, "ORIGIN")
	data := content("large", 41<<20+7)
	origin.put("large", data)
	p := newProgram(t, slices.Concat(origin.keys(), first.keys, second.keys)...)
	p.must(0, "sync", origin.at(""), first.at(""))
	arguments := append([]string{"sync", first.at(""), second.at(""), "--json", "--state=state", "--transfers=1"}, inParts...)
	killed := p.start(arguments...)
	awaitParts(t, killed, filepath.Join(p.folder, "state", "state.db"), 2)
	if err := killed.command.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-killed.ended
	report := p.must(0, arguments...).report(t)
	if report.Bytes.Resumed < 2*(5<<20) || report.Objects.Copied != 1 {
		t.Errorf("%d bytes were resumed, %d objects copied; want two parts or more, and one", report.Bytes.Resumed, report.Objects.Copied)
	}
	if second.emulator != nil {
		if open := second.emulator.OpenUploads(t); len(open) > 0 {
			t.Errorf("uploads of %q are left open", open)
		}
	}
	p.must(0, "sync", second.at(""), origin.at("back/"))
	if !bytes.Equal(origin.get("back/large"), data) {
		t.Error("the object that was resumed holds other bytes")
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
