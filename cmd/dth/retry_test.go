package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestRetry takes what failed again, as a run of its own.
func TestRetry(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1", "b": "22"})
	s.source.Inject(memdriver.Fault{Call: "Get", Key: "b", Effect: memdriver.Fail(400, "Broken")})
	run := func(code int, args ...string) (report observe.Report) {
		t.Helper()
		got := s.run(append(args, s.from, s.to, "--json")...)
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != code {
			t.Fatalf("%v: %+v", err, got)
		}
		return report
	}
	first := run(exitIncomplete, "sync")
	put(t, s.source, "src", map[string]string{"c": "333"})
	second := run(exitIncomplete, "retry", first.Run)
	s.source.Heal()
	third := run(exitDone, "retry", second.Run)
	if second.Objects.Failed != 1 || third.Objects.Copied != 1 || third.Bytes.Copied != 2 {
		t.Errorf("second %+v, third %+v", second.Objects, third.Objects)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
	if got := s.run("status"); strings.Count(got.stdout, "mem://src -> mem://dst") != 3 {
		t.Errorf("runs: %+v", got)
	}
	if got := s.run("retry", "nonsense", s.from, s.to, "--json"); got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, `there is no run "nonsense"`) {
		t.Errorf("unknown run: %+v", got)
	}
}

// TestRetryKnowsOfNoExtras: a retry lists nothing of either side, and says nothing of what they
// hold, though it looks single keys up in listings.
func TestRetryKnowsOfNoExtras(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.destination.CreateBucket("src") // of the source's name: it is looked whether both are one
	s.to = strings.Replace(s.to, "mem://dst", "mem://src", 1)
	put(t, s.source, "src", map[string]string{"a": "1", "b": "22"})
	put(t, s.destination, "src", map[string]string{"extra": "1"})
	s.source.Inject(memdriver.Fault{Call: "Get", Key: "b", Effect: memdriver.Fail(400, "Broken")})
	var first, second observe.Report
	synced := s.run("sync", s.from, s.to, "--json")
	if err := json.Unmarshal([]byte(synced.stdout), &first); err != nil || first.Unlisted {
		t.Fatal(err, synced)
	}
	again := s.run("retry", first.Run, s.from, s.to, "--json")
	if err := json.Unmarshal([]byte(again.stdout), &second); err != nil || !second.Unlisted || second.Requests.Destination["list"] == 0 {
		t.Fatal(err, again)
	}
	s.source.Heal()
	got := s.run("retry", second.Run, s.from, s.to)
	shown := s.run("status", second.Run)
	for _, text := range []string{got.stdout, shown.stdout} {
		if got.code != exitDone || strings.Contains(text, "extra object") || strings.Contains(text, "listed") {
			t.Errorf("exit %d, %s", got.code, text)
		}
	}
}
