package integration

import (
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestFleetHasOneFinder: while a finder works another one ends at once and says so. When
// the first is killed in the middle of its listing, the next one takes its place as soon
// as its lease has ended, and everything arrives.
func TestFleetHasOneFinder(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	for i := range 3000 {
		source.put(fmt.Sprintf("%02d/%04d", i%10, i), content(fmt.Sprint(i), 100))
	}
	p := newProgram(t, slices.Concat(source.keys(), destination.keys(), f.env)...)
	flags := []string{source.at(""), destination.at(""), "--lease=3s", "--retry-after=1s"}
	find := append([]string{"finder", "--json"}, flags...)

	// The first finder gets one page and waits for the others for ever.
	arrived, never := make(chan struct{}, 1000), make(chan struct{})
	hold := memdriver.Hold(never)
	source.Inject(memdriver.Fault{Call: "List", First: 2, Effect: func(next http.Handler) http.Handler {
		return memdriver.Do(func() { arrived <- struct{}{} })(hold(next))
	}})
	first := p.start(find...)
	<-arrived
	if got := p.must(6, find...); got.stdout != "" {
		t.Errorf("the second finder reported %s", got.stdout)
	}
	if err := first.command.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	first.wait()
	source.Heal()
	close(never)

	worker := startWorker(t, p, flags...)
	report := p.successor(append(find, "--wait")).report(t)
	if report.State != "done" || report.Objects.ListedSource != 3000 {
		t.Errorf("the successor: %s %+v", report.State, report.Objects)
	}
	f.await("0+0+0")
	stopWorker(t, worker)
	sameAs(t, "the destination", source, destination)
	if got := p.must(0, append(find, "--wait")...).report(t).Objects; got.Planned != 0 || got.Equal != 3000 {
		t.Errorf("the last finder planned %d and found %d equal", got.Planned, got.Equal)
	}
}

// successor runs a finder as soon as the one before it has lost its lease.
func (p *program) successor(arguments []string) run {
	p.t.Helper()
	again := time.NewTicker(200 * time.Millisecond) // the end of a lease is no event
	defer again.Stop()
	for {
		got := p.run(arguments...)
		if got.code == 0 {
			return got
		}
		if got.code != 6 {
			p.t.Fatalf("the successor ended with %d: %s", got.code, got.stderr)
		}
		<-again.C
	}
}
