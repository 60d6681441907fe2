package main

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestArchivedIsTold: plan counts what is archived, sync and copy name it with its class and
// end as they do for whatever is skipped.
func TestArchivedIsTold(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"plain": "1"})
	if _, err := s.source.Put("src", "cold", []byte("2"), driver.Attributes{StorageClass: "ARCHIVE"}); err != nil {
		t.Fatal(err)
	}
	plan := s.run("plan", s.from, s.to)
	if plan.code != exitDone || !strings.Contains(plan.stdout, "archived    1 of those to copy: ") {
		t.Errorf("plan: %+v", plan)
	}
	const reason = "archived in class ARCHIVE"
	synced := s.run("sync", s.from, s.to)
	for _, want := range []string{
		`skipped cold: source: bucket "src": List "cold": ` + reason + "; restore it first, then run again\n",
		"skipped   1\n", "archived  1 of the skipped, which the source must restore first\n", "copied    1 of 1",
	} {
		if synced.code != exitIncomplete || !strings.Contains(synced.stdout, want) {
			t.Errorf("sync: exit code %d without %q:\n%s", synced.code, want, synced.stdout)
		}
	}
	if again := s.run("sync", s.from, s.to, "--allow-skipped", "--json"); again.code != exitDone || !strings.Contains(again.stdout, `"archived": 1`) {
		t.Errorf("with --allow-skipped: %+v", again)
	}
	one := s.run("copy", strings.Replace(s.from, "src?", "src/cold?", 1), strings.Replace(s.to, "dst?", "dst/cold?", 1))
	if one.code != exitIncomplete || !strings.Contains(one.stdout, `GET "cold": `+reason) {
		t.Errorf("copy: %+v", one)
	}
}
