package integration

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/standin"
)

// TestFleetPrefixes: a finder with a list of prefixes compares those, each once, and
// nothing else; one that does not compare sends everything.
func TestFleetPrefixes(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	for i := range 20 {
		for _, prefix := range []string{"a/", "a/b/", "ab/", "c/", "d"} {
			source.put(fmt.Sprintf("%s%d", prefix, i), []byte(prefix))
		}
	}
	p := newProgram(t, slices.Concat(source.keys(), destination.keys(), f.env)...)
	worker := startWorker(t, p, source.at(""), destination.at(""))
	find := []string{"finder", source.at(""), destination.at(""), "--wait", "--json"}
	const list = "c/\n\n  \na/b/\na/\r\nc/\na/b/1\nnowhere/\n"
	source.put("list.txt", []byte(list))
	for _, step := range []struct {
		name  string
		flags []string
		want  observe.Objects
		held  int
	}{
		{"a file", []string{"--prefixes-from=" + p.write("list", list)}, observe.Objects{ListedSource: 60, Planned: 60, Copied: 60}, 60},
		{"an object", []string{"--prefixes-from=" + source.at("list.txt")}, observe.Objects{ListedSource: 60, ListedDestination: 60, Equal: 60}, 60},
		{"a file, not compared", []string{"--prefixes-from=list", "--skip-compare"}, observe.Objects{ListedSource: 60, Planned: 60, Equal: 60}, 60},
		{"everything", nil, observe.Objects{ListedSource: 101, ListedDestination: 60, Equal: 60, Planned: 41, Copied: 41}, 101},
	} {
		got := p.must(0, append(slices.Clone(find), step.flags...)...).report(t)
		if diff := cmp.Diff(step.want, got.Objects); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if held := len(destination.Keys(bucket)); held != step.held {
			t.Errorf("%s: the destination holds %d objects, want %d", step.name, held, step.held)
		}
	}
	stopWorker(t, worker)
	for name, text := range map[string]string{"empty": "", "blank": "\n \r\n\n"} {
		if got := p.must(2, append(slices.Clone(find), "--prefixes-from="+p.write(name, text))...); got.stdout != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestFleetRemembersWhatIsEqual: where the ETags of both ends cannot be compared the
// records of the objects decide once, and from then on the ledger, which costs next to
// nothing to read.
func TestFleetRemembersWhatIsEqual(t *testing.T) {
	t.Parallel()
	const objects = 2000
	f := startFleet(t)
	door := f.doorway()
	source, destination := startMem(t, "SOURCE"), startVendor(t, "kodo", "DESTINATION")
	for i := range objects {
		source.put(fmt.Sprintf("%04d", i), content(fmt.Sprint(i), 50))
	}
	p := newProgram(t, slices.Concat(source.keys(), destination.keys, f.env)...)
	flags := []string{source.at(""), destination.at("")}
	worker := startWorker(t, p, flags...)
	find := append([]string{"finder", "--json"}, flags...)
	if got := p.must(0, append(slices.Clone(find), "--wait")...).report(t).Objects; got.Copied != objects {
		t.Fatalf("copied %d, want %d", got.Copied, objects)
	}
	stopWorker(t, worker)
	for _, pass := range []struct {
		name        string
		least, most int64
	}{{"second", objects, objects * 105 / 100}, {"third", 0, objects / 100}, {"fourth", 0, objects / 100}} {
		door.Reset()
		got := p.must(0, find...).report(t).Objects
		reads := door.Totals().Reads
		t.Logf("%s pass: %d reads of DynamoDB for %d objects, %+v", pass.name, reads, objects, door.Counts())
		if got.Equal != objects || got.Planned != 0 {
			t.Errorf("%s pass: %d equal, %d planned", pass.name, got.Equal, got.Planned)
		}
		if reads < pass.least || reads > pass.most {
			t.Errorf("%s pass: %d reads, want %d to %d", pass.name, reads, pass.least, pass.most)
		}
	}
}

// TestFinderMemory: what a finder needs does not depend on how many objects it finds.
func TestFinderMemory(t *testing.T) {
	const objects = 200_000
	aws := httptest.NewServer(standin.New())
	t.Cleanup(aws.Close)
	source, destination := startNull(t, fmt.Sprintf("%dx100", objects)), startNull(t, "0x0")
	p := newProgram(t, slices.Concat(keys("SRC", "source", "source-secret"), keys("DST", "destination", "destination-secret"),
		cloud.EnvironmentAt(aws.URL), standin.Variables(aws.URL))...)
	r := p.start("finder", nullAt(source, "env:SRC"), nullAt(destination, "env:DST"), "--json")
	host, plugins := r.peaks()
	got := r.wait()
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	if found := got.report(t).Objects; found.Planned != objects {
		t.Errorf("found %+v", found)
	}
	t.Logf("peaks of resident memory: host %d MiB, plugins %v MiB", host>>20, mebibytes(plugins))
	if host == 0 || host > hostMemory {
		t.Errorf("host: %d MiB, want at most %d", host>>20, hostMemory>>20)
	}
	for _, peak := range plugins {
		if peak > pluginMemory {
			t.Errorf("plugin: %d MiB, want at most %d", peak>>20, pluginMemory>>20)
		}
	}
}
