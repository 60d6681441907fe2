package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
)

func TestWriteReport(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := observe.Report{
		Run: "20260102T030405Z", Source: "s3://a", Destination: "oss://b", Started: started, Finished: started.Add(10 * time.Second), State: "failed",
		Objects:  observe.Objects{ListedSource: 12345, ListedDestination: 20, Equal: 8, Planned: 12337, Copied: 12000, Failed: 330, Skipped: 7, Unmappable: 5, Adapted: 3, Vanished: 3, Replanned: 2, Extra: 12, Deleted: 2},
		Bytes:    observe.Bytes{Planned: 5 << 30, Copied: 4 << 30, Moved: 5 << 30, Resumed: 1 << 20},
		Evidence: observe.Evidence{BothEnds: 11000, OneEnd: 900, SizeOnly: 100},
		Requests: observe.Sides{Source: map[string]int64{"list": 13, "get": 12500}, Destination: map[string]int64{"list": 1, "put": 12400}},
		Problems: []observe.Problem{
			{Key: "a/b", Outcome: journal.OutcomeFailed, Error: "destination: no"},
			{Key: "killed", Outcome: "interrupted"},
			{Key: " line\nbreak", Outcome: journal.OutcomeSkipped, Error: "source:\x1b[2J frozen"},
		},
		Vanished: []string{"gone\x1b"},
		Adapted: []observe.Adaptation{
			{Key: "a\x1bb", Written: "a%1Bb", Changes: []string{`metadata "a_b" written as "a-x5f-b"`}},
			{Key: "c", Changes: []string{`tags "t" left out: the store keeps no tags`}},
		},
		UploadsLeft: []observe.UploadLeft{{Key: "d\n", Reason: "destination: bucket \"b\": AbortUpload: denied"}},
	}
	nothing := observe.Report{Run: "20260102T030405Z", Source: "s3://a", Destination: "oss://b", Started: started, Finished: started, State: "done",
		Requests: observe.Sides{Source: map[string]int64{"list": 1}, Destination: map[string]int64{"list": 1}}}
	interrupted := nothing
	interrupted.State = "interrupted"
	one := nothing
	one.Objects.Extra = 1
	copied := observe.Report{Run: "20260102T030405Z", Source: "s3://a/k", Destination: "oss://b/k", Started: started, Finished: started.Add(time.Second), State: "done",
		Objects: observe.Objects{Planned: 1, Copied: 1}, Bytes: observe.Bytes{Planned: 5, Copied: 5, Moved: 5}, Evidence: observe.Evidence{BothEnds: 1},
		Requests: observe.Sides{Source: map[string]int64{"stat": 1, "get": 1}, Destination: map[string]int64{"put": 1}}}
	retried := copied
	retried.Source, retried.Destination, retried.Unlisted = "s3://a", "oss://b", true
	retried.Requests.Destination = map[string]int64{"list": 2, "put": 1}
	for name, report := range map[string]observe.Report{"copy": copied, "retried": retried, "full": full, "nothing": nothing, "interrupted": interrupted, "one-extra": one} {
		var text bytes.Buffer
		if err := writeReport(&text, &report); err != nil {
			t.Fatal(err)
		}
		golden(t, "report/"+name+".txt", text.String())
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain": "plain", "emoji 🎈": "emoji 🎈", "": `""`, " a": `" a"`, "a ": `"a "`, "a\nb": `"a\nb"`, `a"b`: `"a\"b"`,
		"\x1b[2J": `"\x1b[2J"`, "\xff": `"\xff"`, "\u009b": `"\u009b"`, "\u202e": `"\u202e"`,
	} {
		if got := printable(text); got != want {
			t.Errorf("printable(%q) = %s, want %s", text, got, want)
		}
	}
	if got := printableText("a\x1b[2J\u009b b"); strings.ContainsAny(got, "\x1b\u009b") {
		t.Errorf("printableText lets %q through", got)
	}
}

func TestCommandQuotesForShells(t *testing.T) {
	t.Parallel()
	p := process{args: []string{"sync", "s3://a/?x=1&y=2", "it's", "", "plain/-_.:=@%"}}
	if got, want := p.command(), `dth sync 's3://a/?x=1&y=2' 'it'\''s' '' plain/-_.:=@%`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
