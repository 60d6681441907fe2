package integration

import (
	"bytes"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads the state of a run under way

	"github.com/dth-dev/dth/tests/servers"
)

// partsLetThrough is how many of the 9 parts reach the destination before the kill.
const partsLetThrough = 4

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
	release := holdParts(t, second)
	arguments := append([]string{"sync", first.at(""), second.at(""), "--json", "--state=state", "--transfers=1"}, inParts...)
	killed := p.start(arguments...)
	awaitParts(t, killed, filepath.Join(p.folder, "state", "state.db"), 2)
	if err := killed.command.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-killed.ended
	release()
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

// holdParts has the store hold back every part after the first few, so that a run cannot
// end before it is killed, until release is called.
func holdParts(t *testing.T, store *vendorStore) (release func()) {
	t.Helper()
	if store.emulator != nil {
		operation := map[string]string{"oss": "UploadPart", "cos": "UploadPart", "kodo": "uploadPart"}[store.vendor]
		store.emulator.Inject(t, servers.Fault{"op": operation, "do": "delay", "skip": partsLetThrough, "times": -1, "millis": time.Hour.Milliseconds()})
		return func() { store.emulator.Heal(t) }
	}
	return holdPartsOfS3(t, store)
}

// holdPartsOfS3 does it for a server of S3, by a proxy in front of it.
func holdPartsOfS3(t *testing.T, store *vendorStore) (release func()) {
	t.Helper()
	address, err := url.Parse(store.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var parts atomic.Int32
	released := make(chan struct{})
	forward := httputil.NewSingleHostReverseProxy(address)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") && r.Method == http.MethodPut && parts.Add(1) > partsLetThrough {
			select {
			case <-released:
			case <-r.Context().Done():
				return
			}
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release) // before the proxy closes, which waits for what is held
	store.options = strings.Replace(store.options, store.endpoint, proxy.URL, 1)
	return release
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
