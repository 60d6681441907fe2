// Package kill proves that a host that is killed at any moment loses nothing: the
// next run goes on and ends with an identical destination.
package kill

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

const (
	transfers = 8
	partSize  = 5 << 20
	// roundKills is how often the host is killed at most before a run may end.
	roundKills = 5
)

// kills is how often the host is killed in all: a sample in the ordinary tests, more
// at length.
func kills() int {
	if os.Getenv("DTH_FAULTS") == "long" {
		return 100
	}
	return 15
}

// TestHostKilledAtRandomMoments kills dth again and again over a mix of small
// objects and objects in parts. After each few kills a run may end; then the
// destination must be identical, no upload of ours open, a foreign one still there,
// and no more sent twice than was in flight.
func TestHostKilledAtRandomMoments(t *testing.T) {
	w := newWorld(t)
	foreign := w.plantUpload("parts/1.bin")
	w.change(0)
	w.requestsToCopy()
	w.runToTheEnd() // tells how long a run takes
	for round, killed := 1, 0; killed < kills(); round++ {
		w.change(round)
		needed, before, killedHere := w.requestsToCopy(), w.writes(), 0
		for killedHere < roundKills && w.runAndKill() {
			killedHere++
		}
		killed += killedHere
		w.runToTheEnd()
		w.checkDestination()
		w.checkUploads(foreign)
		// A kill costs at most what was in flight: one PUT or part for each transfer.
		if most := needed + killedHere*2*transfers; w.writes()-before > most {
			t.Errorf("round %d: %d writes to the destination, want at most %d for %d needed ones", round, w.writes()-before, most, needed)
		}
		t.Logf("round %d: %d writes, %d needed, %d kills", round, w.writes()-before, needed, killedHere)
		w.checkQuiet()
	}
}

type world struct {
	t                   *testing.T
	source, destination *memdriver.Server
	dir, program        string
	changed             map[string]int // keys that the next run must copy, and their size
	delay               *rand.Rand
	longest             time.Duration // of the runs that came to their end
}

func newWorld(t *testing.T) *world {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &world{t: t, dir: t.TempDir(), changed: map[string]int{}, delay: rand.New(rand.NewPCG(seed, 1))}
	for name, server := range map[string]**memdriver.Server{"src": &w.source, "dst": &w.destination} {
		started, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = started.Close() })
		started.CreateBucket(name)
		*server = started
	}
	w.program = w.install()
	return w
}

// install builds the reference plugin beside a link to dth.
func (w *world) install() string {
	w.t.Helper()
	root := filepath.Join("..", "..", "..")
	program, err := filepath.Abs(filepath.Join(root, "bin", "dth"))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		w.t.Fatalf("%v: run make build first", err)
	}
	const plugin = "dth-plugin-mem"
	build := exec.CommandContext(w.t.Context(), "go", "build", "-o", filepath.Join(w.dir, "plugins", plugin), "./sdk/memdriver/"+plugin)
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, output)
	}
	manifest, err := os.ReadFile(filepath.Join(root, "sdk", "memdriver", plugin, plugin+".yaml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(w.dir, "plugins", plugin+".yaml"), manifest, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return program
}

// change puts new objects and new versions of old ones into the source.
func (w *world) change(round int) {
	w.t.Helper()
	put := func(key string, size int) {
		data := bytes.Repeat([]byte(fmt.Sprintf("%s in round %d;", key, round)), size/16+1)[:size]
		if _, err := w.source.Put("src", key, data, driver.Attributes{ContentType: fmt.Sprintf("round/%d", round)}); err != nil {
			w.t.Fatal(err)
		}
		w.changed[key] = size
	}
	for i := range 600 {
		put(fmt.Sprintf("small/%d", (round*50+i)%1000), 1000+i)
	}
	for i := range 6 {
		put(fmt.Sprintf("parts/%d.bin", i), 3*partSize+i)
	}
}

// requestsToCopy is how many PUTs and parts the changed objects need.
func (w *world) requestsToCopy() int {
	requests := 0
	for _, size := range w.changed {
		requests += max(1, (size+partSize-1)/partSize)
	}
	clear(w.changed)
	return requests
}

func (w *world) writes() int { return w.destination.Count("Put") + w.destination.Count("Part") }

func (w *world) command() *exec.Cmd {
	location := func(server *memdriver.Server, bucket string) string {
		return "mem://" + bucket + "?credentials=env:MEM&endpoint=" + server.Endpoint()
	}
	command := exec.Command(w.program, "sync", location(w.source, "src"), location(w.destination, "dst"),
		"--state", filepath.Join(w.dir, "state"), "--plugin-dir", filepath.Join(w.dir, "plugins"),
		"--transfers", fmt.Sprint(transfers), "--part-size", fmt.Sprint(partSize), "--multipart-threshold", fmt.Sprint(2*partSize))
	command.Env = append(os.Environ(), "MEM_ACCESS_KEY_ID=id", "MEM_SECRET_ACCESS_KEY=secret")
	return command
}

// runAndKill kills a run with SIGKILL at a random moment; false when the run ended
// before.
func (w *world) runAndKill() bool {
	w.t.Helper()
	command := w.command()
	var output bytes.Buffer
	command.Stderr = &output
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	timer := time.AfterFunc(time.Duration(w.delay.Int64N(int64(w.longest))), func() { _ = command.Process.Kill() })
	defer timer.Stop()
	err := command.Wait()
	var exited *exec.ExitError
	if err != nil && (!errors.As(err, &exited) || exited.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
		w.t.Fatalf("the run ended by itself: %v\n%s", err, output.Bytes())
	}
	return err != nil
}

func (w *world) runToTheEnd() {
	w.t.Helper()
	began := time.Now()
	if output, err := w.command().CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, output)
	}
	w.longest = max(w.longest, time.Since(began))
}

// checkQuiet runs once more: what the journal says must leave nothing to do.
func (w *world) checkQuiet() {
	w.t.Helper()
	before := w.writes() + w.source.Count("Get")
	w.runToTheEnd()
	if after := w.writes() + w.source.Count("Get"); after != before {
		w.t.Errorf("a run over identical buckets moved %d times", after-before)
	}
}

func (w *world) checkDestination() {
	w.t.Helper()
	keys := w.source.Keys("src")
	if got := w.destination.Keys("dst"); !slices.Equal(keys, got) {
		w.t.Fatalf("the destination has %d keys, the source %d", len(got), len(keys))
	}
	for _, key := range keys {
		source, want, err := w.source.Get("src", key)
		if err != nil {
			w.t.Fatal(err)
		}
		destination, got, err := w.destination.Get("dst", key)
		if err != nil {
			w.t.Fatal(err)
		}
		if !bytes.Equal(got, want) || source.Attributes.ContentType != destination.Attributes.ContentType {
			w.t.Errorf("%s differs", key)
		}
	}
}

// plantUpload opens an upload that is not ours.
func (w *world) plantUpload(key string) string {
	w.t.Helper()
	bucket, err := memdriver.New(func(name string) string {
		return map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": "secret"}[name]
	}).Open(w.t.Context(), driver.OpenRequest{
		Bucket: "dst", Credentials: "env:MEM", Options: map[string]string{"endpoint": w.destination.Endpoint()},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer bucket.Close()
	upload, err := bucket.(driver.Uploader).CreateUpload(w.t.Context(), driver.CreateUploadRequest{Key: key})
	if err != nil {
		w.t.Fatal(err)
	}
	// Stores tell when an upload began in whole seconds; ours begin in a later one.
	<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	return upload.ID
}

func (w *world) checkUploads(foreign string) {
	w.t.Helper()
	uploads := w.destination.Uploads("dst")
	if len(uploads) != 1 || uploads[0].ID != foreign {
		w.t.Errorf("open uploads %+v, want only the foreign one, %s", uploads, foreign)
	}
}
