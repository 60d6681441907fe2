package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs"
	"github.com/dth-dev/dth/core/task"
)

func TestLettersAreTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, test := range map[string]struct {
		letter   sqs.DeadLetter
		kind     string
		what     string
		attempts int
		says     []string // with runs of spaces as one
	}{
		"an object": {
			sqs.DeadLetter{ID: "1", Letter: queue.Letter{Reason: "why", At: at, Batch: task.Batch{Run: "r", Tasks: []task.Task{
				{Key: "a\nb", Size: 1024, ETag: "e", VersionID: "v", Sequencer: "s", Action: task.Delete, Attempt: 5, Reason: "last"},
			}}}},
			"object", `"a\nb"`, 5,
			[]string{"letter 1\n", "since 2026-02-03T04:05:06Z", "run r", "reason why", `object "a\nb"`, "asked delete", "version 1.0 KiB, ETag e, version v, sequencer s", "attempts 5", "last failure last"},
		},
		"many objects": {
			sqs.DeadLetter{Raw: true, Letter: queue.Letter{Batch: task.Batch{Tasks: []task.Task{{Key: "a", Action: task.Look, Attempt: 1}, {Key: "b", Attempt: 2}, {Key: "c"}}}}},
			"objects", "a and 2 more", 2, []string{"asked look", "asked copy", "object c", "attempts -", "moved by SQS"},
		},
		"an order": {
			sqs.DeadLetter{Letter: queue.Letter{Batch: task.Batch{Orders: []task.Order{{Kind: task.OrderAbort, Upload: "u", Token: "secret-token", Attempt: 4}}}}},
			"order", "mpu-abort of u", 4, []string{"order mpu-abort of u", "attempts 4"},
		},
		"bytes that are no text": {
			sqs.DeadLetter{Letter: queue.Letter{Foreign: []byte{0xff, 0}}}, "message", "2 B", 0, []string{"message, base64 /wA="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shown := showLetter(test.letter)
			if shown.Kind != test.kind || shown.What != test.what || shown.attempts() != test.attempts {
				t.Errorf("%q %q %d, want %q %q %d", shown.Kind, shown.What, shown.attempts(), test.kind, test.what, test.attempts)
			}
			var text bytes.Buffer
			if err := writeLetter(&text, shown); err != nil {
				t.Fatal(err)
			}
			var lines []string
			for line := range strings.Lines(text.String()) {
				lines = append(lines, strings.Join(strings.Fields(line), " ")+"\n")
			}
			for _, say := range test.says {
				if !strings.Contains(strings.Join(lines, ""), say) {
					t.Errorf("it does not say %q:\n%s", say, &text)
				}
			}
			if strings.Contains(text.String(), "secret-token") {
				t.Errorf("it shows the token of the state machine:\n%s", &text)
			}
		})
	}
}

// TestFleetCommandsSayWhatIsMissing before anything is asked over the network.
func TestFleetCommandsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	queues := []string{"DTH_QUEUE=q", "DTH_PRIORITY_QUEUE=p", "DTH_DEAD_LETTER_QUEUE=d"}
	for name, test := range map[string]struct {
		environ []string
		args    []string
		says    string
	}{
		"queues":            {nil, []string{"dlq", "list", "--queue=q"}, "a fleet needs --dead-letter-queue, --priority-queue"},
		"a letter":          {queues, []string{"dlq", "redrive"}, "no letter is named"},
		"one of both":       {queues, []string{"dlq", "purge", "--all", "--yes", "x"}, "--all leaves no letter to name"},
		"--yes":             {queues, []string{"dlq", "purge", "--all"}, "write --all --yes"},
		"where a run was":   {nil, []string{"retry", "run"}, "the locations of the run are missing"},
		"tables of a retry": {queues, []string{"retry", "run"}, "a fleet needs --objects-table, --parts-table"},
		"a table of status": {[]string{"DTH_OBJECTS_TABLE=o"}, []string{"status"}, "a fleet needs --parts-table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inProcess(t, append([]string{"HOME=" + t.TempDir()}, test.environ...), test.args...)
			if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, test.says) {
				t.Errorf("%+v", got)
			}
		})
	}
}
