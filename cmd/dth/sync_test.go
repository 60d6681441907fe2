package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/memdriver"
)

func TestSyncPlanVerifyStatus(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1", "b/c": "22", "emoji 🎈": "333"})
	put(t, s.destination, "dst", map[string]string{"own": "x"})

	if got := s.run("plan", s.from, s.to, "--exit-code"); got.code != exitDifferent || !strings.Contains(got.stdout, "3 new, 0 changed") {
		t.Fatalf("plan before: %+v", got)
	}
	if got := s.run("plan", s.from, s.to); got.code != exitDone {
		t.Fatalf("plan without --exit-code: %+v", got)
	}
	if got := s.run("verify", s.from, s.to); got.code != exitDifferent || !strings.Contains(got.stdout, "missing b/c: ") || !strings.Contains(got.stdout, "extra own: ") {
		t.Fatalf("verify before: %+v", got)
	}
	if keys := s.destination.Keys("dst"); len(keys) != 1 {
		t.Fatalf("plan or verify wrote %v", keys)
	}

	got := s.run("sync", s.from, s.to)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if got.code != exitDone || lines[len(lines)-1] != "the destination keeps 1 extra object that the source does not have (--delete removes it)" {
		t.Fatalf("sync: %+v", got)
	}
	if diff := cmp.Diff([]string{"a", "b/c", "emoji 🎈", "own"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}

	got = s.run("sync", s.from, s.to, "--json")
	var report observe.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %+v", err, got)
	}
	if got.code != exitDone || report.State != "done" || report.Objects.Equal != 3 || report.Objects.Copied != 0 || report.Objects.Extra != 1 {
		t.Errorf("second sync: %d %+v", got.code, report)
	}
	if got := s.run("verify", s.from, s.to, "--read", "--json"); got.code != exitDifferent || !strings.Contains(got.stdout, `"key": "own"`) {
		t.Errorf("verify --read: %+v", got)
	}

	got = s.run("status")
	if rows := strings.Count(got.stdout, "mem://src -> mem://dst"); got.code != exitDone || rows != 2 {
		t.Errorf("status shows %d runs: %+v", rows, got)
	}
	got = s.run("status", report.Run)
	if got.code != exitDone || !strings.Contains(got.stdout, "run "+report.Run+" done in ") {
		t.Errorf("status of a run: %+v", got)
	}
	if got := s.run("status", "nonsense"); got.code != exitUsage || !strings.Contains(got.stderr, `there is no run "nonsense"`) {
		t.Errorf("status of nothing: %+v", got)
	}
}

func TestSyncDeletes(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1"})
	put(t, s.destination, "dst", map[string]string{"own": "x"})
	got := s.run("sync", s.from, s.to, "--delete")
	if got.code != exitGuard || !strings.Contains(got.stderr, "--max-delete 10%") {
		t.Fatalf("a deletion above the cap: %+v", got)
	}
	got = s.run("sync", s.from, s.to, "--delete", "--max-delete=1")
	if got.code != exitDone || !strings.HasSuffix(got.stdout, "the destination keeps no extra objects\n") {
		t.Fatalf("a deletion within the cap: %+v", got)
	}
	if diff := cmp.Diff([]string{"a"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
}

func TestSyncListsFailures(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"bad\x1b": "1", "good": "2"})
	s.destination.Inject(memdriver.Fault{Call: "Put", Key: "bad\x1b", Effect: memdriver.Fail(400, "InvalidRequest")})
	got := s.run("sync", s.from, s.to)
	if got.code != exitIncomplete || !strings.Contains(got.stdout, `failed "bad\x1b": destination: `) {
		t.Fatalf("%+v", got)
	}
	if strings.Contains(got.stdout+got.stderr, "\x1b") {
		t.Error("an escape character reaches the terminal")
	}
	runs := s.run("status")
	run := strings.Fields(strings.Split(runs.stdout, "\n")[1])[0]
	if shown := s.run("status", run); !strings.Contains(shown.stdout, `failed "bad\x1b": destination: `) {
		t.Errorf("status of the run: %+v", shown)
	}
}

// TestSyncListsWhatVanished: by name, in the report and in the status, with exit code 0.
func TestSyncListsWhatVanished(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"gone": "1", "here": "2"})
	s.source.Inject(memdriver.Fault{Call: "Get", Key: "gone", Effect: memdriver.Do(func() { remove(t, s.source, "src", "gone") })})
	const told = "vanished gone: deleted at the source before it was copied\n"
	got := s.run("sync", s.from, s.to)
	if got.code != exitDone || !strings.Contains(got.stdout, told) {
		t.Fatalf("%+v", got)
	}
	runs := s.run("status")
	run := strings.Fields(strings.Split(runs.stdout, "\n")[1])[0]
	if shown := s.run("status", run); !strings.Contains(shown.stdout, told) {
		t.Errorf("status: %+v", shown)
	}
	if shown := s.run("status", run, "--json"); !strings.Contains(shown.stdout, "\"vanished\": [\n    \"gone\"\n  ]") {
		t.Errorf("status as JSON: %+v", shown)
	}
}

func TestSyncNamedJobs(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"x/a": "1", "y/b": "2"})
	s.write("dth.yaml", `
stores:
  from: {plugin: mem, credentials: env:SRC, endpoint: "`+s.source.Endpoint()+`"}
  to: {plugin: mem, credentials: env:DST, endpoint: "`+s.destination.Endpoint()+`"}
jobs:
  x: {source: from:src/x/, destination: to:dst/one/}
  y: {source: from:src/y/, destination: to:dst/two/}
`)
	if got := s.run("sync", "@x"); got.code != exitDone {
		t.Fatalf("@x: %+v", got)
	}
	if diff := cmp.Diff([]string{"one/a"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("after @x (-want +got):\n%s", diff)
	}
	if got := s.run("sync", "@all"); got.code != exitDone || strings.Count(got.stdout, "run ") != 2 {
		t.Fatalf("@all: %+v", got)
	}
	if diff := cmp.Diff([]string{"one/a", "two/b"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("after @all (-want +got):\n%s", diff)
	}
	if got := s.run("sync", "@all", "--state", "one"); got.code != exitSetup || !strings.Contains(got.stderr, "jobs x and y have one state folder") {
		t.Errorf("@all with one state: %+v", got)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"dir/key*": "bytes"})
	s.source.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Fail(403, "AccessDenied")})
	s.destination.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Fail(403, "AccessDenied")})
	from, to := strings.Replace(s.from, "src?", "src/dir/key%2A?", 1), strings.Replace(s.to, "dst?", "dst/copies/?", 1)
	if got := s.run("copy", from, to); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	object, data, err := s.destination.Get("dst", "copies/key*")
	if err != nil || string(data) != "bytes" || object.Attributes.ContentType != "text/plain" {
		t.Errorf("%+v %q %v", object, data, err)
	}
	missing := s.run("copy", strings.Replace(s.from, "src?", "src/none?", 1), to)
	if missing.code != exitSetup || !strings.HasPrefix(missing.stderr, "dth: source: ") {
		t.Errorf("a missing object: %+v", missing)
	}
	nowhere := s.run("copy", from, strings.Replace(s.to, "dst?", "nowhere/?", 1))
	if nowhere.code != exitIncomplete || !strings.HasPrefix(nowhere.stdout, `failed mem://src/dir/key%2A: destination: bucket "nowhere": `) ||
		!strings.Contains(nowhere.stdout, "create the bucket") {
		t.Errorf("a missing bucket: %+v", nowhere)
	}
}

// TestKilledRunHasNoFigures: what it did is not on record, and status does not call that nothing.
func TestKilledRunHasNoFigures(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1"})
	release, reached := make(chan struct{}), make(chan struct{}, 16)
	defer close(release)
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(func() { reached <- struct{}{} })})
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Hold(release)})
	command, _, _ := s.command("sync", s.from, s.to)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it was killed
	runs := s.run("status")
	run := strings.Fields(strings.Split(runs.stdout, "\n")[1])[0]
	got := s.run("status", run)
	if got.code != exitDone || strings.Contains(got.stdout, "copied") || !strings.HasSuffix(got.stdout, "it has no report: it is still running, or was killed\n") {
		t.Errorf("%+v", got)
	}
}

// TestInterrupt holds a PUT, interrupts, and resumes.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1", "b": "2"})
	release, reached := make(chan struct{}), make(chan struct{}, 16)
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(func() { reached <- struct{}{} })})
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Hold(release)})
	command, stdout, stderr := s.command("sync", s.from, s.to)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	interrupted := time.Now()
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // the exit code says it
	if code := command.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if took := time.Since(interrupted); took > 7*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if want := "dth: to go on, run: dth sync 'mem://src?"; !strings.Contains(stderr.String(), want) {
		t.Errorf("no command that resumes in:\n%s", stderr)
	}
	close(release)
	s.destination.Heal()
	if got := s.run("sync", s.from, s.to); got.code != exitDone {
		t.Errorf("the resumed run: %+v", got)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
}

func TestSecondInterruptStopsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1"})
	release, reached := make(chan struct{}), make(chan struct{}, 16)
	defer close(release)
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(func() { reached <- struct{}{} })})
	s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Hold(release)})
	command, _, _ := s.command("sync", s.from, s.to)
	command.Stderr = nil
	messages, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// The first signal was taken when the program says so.
	said := make([]byte, 256)
	if n, err := messages.Read(said); err != nil || !strings.Contains(string(said[:n]), "stopping") {
		t.Fatalf("%q, %v", said[:n], err)
	}
	interrupted := time.Now()
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // the exit code says it
	if code := command.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(interrupted); took > 2*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func TestAlreadyRunning(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	folder := filepath.Join(s.state, "held")
	held, err := statefile.Open(t.Context(), folder, statefile.Options{Command: "dth sync elsewhere", Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	got := s.run("sync", s.from, s.to, "--state", folder)
	if got.code != exitRunning || !strings.Contains(got.stderr, `in use by "dth sync elsewhere"`) {
		t.Errorf("%+v", got)
	}
}

// TestPlanTellsDeletions that sync does with the same settings, of flags or of a job.
func TestPlanTellsDeletions(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1", "b": "1", "c": "1"})
	if got := s.run("sync", s.from, s.to); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	put(t, s.destination, "dst", map[string]string{"own": "x"})
	s.write("dth.yaml", `
stores:
  from: {plugin: mem, credentials: env:SRC, endpoint: "`+s.source.Endpoint()+`"}
  to: {plugin: mem, credentials: env:DST, endpoint: "`+s.destination.Endpoint()+`"}
jobs:
  few: {source: from:src/, destination: to:dst/, delete: true, max-delete: 0}
  any: {source: from:src/, destination: to:dst/, delete: true, max-delete: 100%}
  typo: {source: from:src/typo/, destination: to:dst/, delete: true}
`)
	for name, test := range map[string]struct {
		args []string
		says string
		code int
	}{
		"not asked for":  {[]string{s.from, s.to}, "the destination keeps 1 extra object that the source does not have (--delete removes it)\n", exitDone},
		"by default":     {[]string{s.from, s.to, "--delete"}, "sync would delete nothing: 1 of the destination's 4 objects are not at the source, and --max-delete 10% (the default) allows 0 to be deleted", exitDifferent},
		"by flag":        {[]string{s.from, s.to, "--delete", "--max-delete=1"}, "sync would delete 1 object that only the destination has\n", exitDifferent},
		"job, too many":  {[]string{"@few"}, "max-delete: 0 (dth.yaml:6:76) allows 0 to be deleted", exitDifferent},
		"job":            {[]string{"@any"}, "sync would delete 1 object that only the destination has\n", exitDifferent},
		"job, by typing": {[]string{"@typo"}, "has no object whose key begins with \"typo/\"", exitDifferent},
	} {
		got := s.run(append([]string{"plan", "--exit-code"}, test.args...)...)
		if got.code != test.code || !strings.Contains(got.stdout, test.says) {
			t.Errorf("%s: %+v lacks %q", name, got, test.says)
		}
	}
	if got := s.run("sync", "@typo"); got.code != exitGuard || !strings.Contains(got.stderr, "delete: true (dth.yaml:8:") {
		t.Errorf("sync of an empty source: %+v", got)
	}
	if got := s.run("sync", "@few"); got.code != exitGuard {
		t.Errorf("sync above the cap: %+v", got)
	}
	if got := s.run("sync", "@any"); got.code != exitDone || !strings.HasSuffix(got.stdout, "the destination keeps no extra objects\n") {
		t.Errorf("sync: %+v", got)
	}
}
