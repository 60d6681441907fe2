package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sqsapi "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/tests/cloud"
)

// deadLetters is a fleet's queues and tables, and a dth that knows them.
type deadLetters struct {
	*program
	server *cloud.Server
	queues cloud.Queues
}

func startDeadLetters(t *testing.T) *deadLetters {
	t.Helper()
	server := cloud.StartForTest(t, cloud.MiniStack)
	d := &deadLetters{server: server}
	var err error
	if d.queues, err = cloud.CreateQueues(t.Context(), server.SQS(), "dlq"); err != nil {
		t.Fatal(err)
	}
	for _, table := range dynamo.Tables("objects", "parts") {
		if err := cloud.CreateTable(t.Context(), server.DynamoDB(), table, dynamo.Expires); err != nil {
			t.Fatal(err)
		}
	}
	d.program = newProgram(t, append(server.Environment(),
		"DTH_QUEUE="+d.queues.Main.URL, "DTH_PRIORITY_QUEUE="+d.queues.Prio.URL, "DTH_DEAD_LETTER_QUEUE="+d.queues.DLQ.URL,
		"DTH_OBJECTS_TABLE=objects", "DTH_PARTS_TABLE=parts")...)
	return d
}

// open returns the queue as workers have it. It is closed with the test.
func (d *deadLetters) open() *sqs.Queue {
	d.t.Helper()
	config := d.server.Config()
	opened, err := sqs.New(d.t.Context(), sqs.Config{
		Main: d.queues.Main.URL, Priority: d.queues.Prio.URL, DeadLetter: d.queues.DLQ.URL,
		Client: func(o *sqsapi.Options) {
			o.Region, o.Credentials, o.BaseEndpoint = config.Region, config.Credentials, config.BaseEndpoint
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			d.t.Error(err)
		}
	})
	return opened
}

// bodies takes all messages out of a queue and returns their bodies.
func (d *deadLetters) bodies(of cloud.Queue) []string {
	d.t.Helper()
	var bodies []string
	for {
		out, err := d.server.SQS().ReceiveMessage(d.t.Context(), &sqsapi.ReceiveMessageInput{QueueUrl: &of.URL, MaxNumberOfMessages: 10})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, message := range out.Messages {
			bodies = append(bodies, aws.ToString(message.Body))
		}
	}
}

// crashOn receives the only message of a queue until SQS moves it.
func (d *deadLetters) crashOn(of cloud.Queue) {
	d.t.Helper()
	client := d.server.SQS()
	for {
		out, err := client.ReceiveMessage(d.t.Context(), &sqsapi.ReceiveMessageInput{QueueUrl: &of.URL})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return
		}
		_, err = client.ChangeMessageVisibility(d.t.Context(), &sqsapi.ChangeMessageVisibilityInput{
			QueueUrl: &of.URL, ReceiptHandle: out.Messages[0].ReceiptHandle,
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// letter is one letter as --json shows it.
type letter struct {
	ID, Kind, What, Run, Reason, Message string
	Moved                                bool `json:"moved_by_sqs"`
	Objects                              []struct {
		Key, Asked string
		Attempts   int
		Failure    string `json:"last_failure"`
	}
}

// letters returns what dth dlq list shows, by the reason.
func (d *deadLetters) letters() map[string]letter {
	d.t.Helper()
	var shown []letter
	got := d.must(0, "dlq", "list", "--json")
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
		d.t.Fatalf("%v: %+v", err, got)
	}
	byReason := map[string]letter{}
	for _, one := range shown {
		byReason[one.Reason] = one
	}
	if len(byReason) != len(shown) {
		d.t.Fatalf("reasons repeat: %+v", shown)
	}
	return byReason
}

// evil is a key that would steer a terminal.
const evil = "evil\x1b[2J\xff"

// notice is what a store might send; SQS takes these characters.
const notice = "{\"Records\":\n\u009b2J1}"

// fill puts one letter of each kind into the dead-letter queue.
func (d *deadLetters) fill() {
	d.t.Helper()
	opened := d.open()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, one := range []queue.Letter{
		{Reason: "denied\x1b[0m", At: at, Batch: task.Batch{Run: "run-1", Tasks: []task.Task{{
			Key: evil, Size: 2048, ETag: "e1", Attempt: 5, Reason: "source: denied",
		}}}},
		{Reason: "no such upload", At: at, Batch: task.Batch{Run: "run-1", Parts: []task.Part{{Upload: "u-1", Number: 7, Attempt: 3, Reason: "part: gone"}}}},
		{Reason: "cannot be read", At: at, Foreign: []byte(notice)},
	} {
		if err := opened.Bury(d.t.Context(), one); err != nil {
			d.t.Fatal(err)
		}
	}
	// What SQS moves itself: a message of ours, and one of a store.
	if err := opened.Send(d.t.Context(), task.Batch{Run: "run-2", Tasks: []task.Task{{Key: "a"}, {Key: "b", Action: task.Delete}}}); err != nil {
		d.t.Fatal(err)
	}
	d.crashOn(d.queues.Main)
}

func TestDeadLettersAreShown(t *testing.T) {
	t.Parallel()
	d := startDeadLetters(t)
	if got := d.must(0, "dlq", "list"); got.stdout != "the dead-letter queue is empty\n" {
		t.Errorf("empty: %+v", got)
	}
	if got := d.must(0, "dlq", "list", "--json"); got.stdout != "[]\n" {
		t.Errorf("empty as JSON: %+v", got)
	}
	d.fill()
	shown := d.letters()
	moved := fmt.Sprintf("received %d times and never acknowledged: a worker crashed on it each time", cloud.Receives)
	kinds := map[string]string{}
	for reason, one := range shown {
		kinds[reason] = one.Kind + ": " + one.What
	}
	want := map[string]string{
		"denied\x1b[0m":  `object: "evil\x1b[2J\xff"`,
		"no such upload": "part: 7 of u-1",
		"cannot be read": "message: 18 B",
		moved:            "objects: a and 1 more",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if one := shown[moved]; !one.Moved || one.Run != "run-2" || len(one.Objects) != 2 || one.Objects[1].Asked != "delete" {
		t.Errorf("moved by SQS: %+v", one)
	}

	table := d.must(0, "dlq", "list").stdout
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "ID ") || strings.ContainsAny(table, "\x1b\u009b") || !strings.Contains(table, "2026-02-03 04:05:06") {
		t.Errorf("table: %q", table)
	}
	for reason, says := range map[string][]string{
		"denied\x1b[0m":  {`object          "evil\x1b[2J\xff"`, "2.0 KiB, ETag e1", "attempts      5", "last failure  source: denied", "run             run-1", "reason          denied [0m"},
		"no such upload": {"part            7 of u-1", "last failure  part: gone"},
		"cannot be read": {`message  {"Records":  2J1}`},
		moved:            {"moved by    SQS", "object      a", "object      b"},
	} {
		text := d.must(0, "dlq", "show", shown[reason].ID).stdout
		for _, say := range says {
			if !strings.Contains(text, say) {
				t.Errorf("letter %q does not say %q:\n%s", reason, say, text)
			}
		}
		if strings.ContainsAny(text, "\x1b\u009b") {
			t.Errorf("letter %q steers the terminal: %q", reason, text)
		}
	}
	var one letter
	got := d.must(0, "dlq", "show", "--json", shown["cannot be read"].ID)
	if err := json.Unmarshal([]byte(got.stdout), &one); err != nil || one.Message != notice {
		t.Errorf("%v: %+v", err, one)
	}
	got = d.must(2, "dlq", "show", "nonsense")
	got.expect(t, 2, `dth: letter "nonsense" is not in the dead-letter queue, or somebody else looks at it just now: dth dlq list shows the letters`)
}

func TestDeadLettersAreDecidedAbout(t *testing.T) {
	t.Parallel()
	d := startDeadLetters(t)
	d.fill()
	shown := d.letters()

	for name, arguments := range map[string][]string{
		"purge of all without --yes": {"dlq", "purge", "--all"},
		"purge of nothing":           {"dlq", "purge"},
		"redrive of nothing":         {"dlq", "redrive"},
		"redrive of all and one":     {"dlq", "redrive", "--all", "x"},
	} {
		if got := d.run(arguments...); got.code != 2 || got.stdout != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := d.must(2, "dlq", "redrive", "nonsense", shown["denied\x1b[0m"].ID); !strings.Contains(got.stderr, `"nonsense" is not in`) || got.stdout != "1 letter sent back\n" {
		t.Errorf("one of two: %+v", got)
	}
	if got := d.must(0, "dlq", "purge", shown["no such upload"].ID); got.stdout != "1 letter removed\n" {
		t.Errorf("purge: %+v", got)
	}
	if left := d.letters(); len(left) != 2 {
		t.Errorf("left: %+v", left)
	}
	if got := d.must(0, "dlq", "redrive", "--all"); got.stdout != "2 letters sent back\n" {
		t.Errorf("redrive: %+v", got)
	}
	if bodies := d.bodies(d.queues.Main); len(bodies) != 3 || !slices.Contains(bodies, notice) {
		t.Errorf("the main queue has %q", bodies)
	}
	if got := d.must(0, "dlq", "purge", "--all", "--yes"); got.stdout != "0 letters removed\n" {
		t.Errorf("purge of nothing: %+v", got)
	}
}

// status returns a run as dth status shows it.
func (d *deadLetters) status(run string) (status struct {
	observe.Report
	Queues struct {
		Dead int64 `json:"dead_letters"`
	}
}) {
	d.t.Helper()
	got := d.must(0, "status", run, "--json")
	if err := json.Unmarshal([]byte(got.stdout), &status); err != nil {
		d.t.Fatalf("%v: %+v", err, got)
	}
	return status
}

// TestRetryOfAFleet fails two objects for good, then retries the run by its records, and
// by its letters: neither copies or counts an object twice.
func TestRetryOfAFleet(t *testing.T) {
	t.Parallel()
	d := startDeadLetters(t)
	source, destination := startMem(t, "SRC"), startMem(t, "DST")
	d.env = append(d.env, append(source.keys(), destination.keys()...)...)
	for i := range 10 {
		source.put(fmt.Sprintf("good-%d", i), []byte("x"))
	}
	for _, key := range []string{"bad-1", "bad-2"} {
		source.put(key, []byte("yy"))
		source.Inject(memdriver.Fault{Call: "Get", Key: key, Effect: memdriver.Fail(400, "Broken")})
	}
	worker := d.start("worker", source.at(""), destination.at(""), "--attempts=1")
	found := d.must(1, "finder", source.at(""), destination.at(""), "--wait", "--json").report(t)
	if found.Objects.Copied != 10 || found.Objects.Failed != 2 {
		t.Fatalf("%+v", found)
	}
	before := d.status(found.Run)
	if before.State != "failed" || before.Objects.Failed != 2 || len(before.Problems) != 2 || before.Queues.Dead != 2 {
		t.Errorf("before: %+v", before)
	}
	if got := d.must(0, "status"); strings.Count(got.stdout, found.Run) != 1 {
		t.Errorf("runs: %+v", got)
	}

	source.Heal()
	got := d.must(0, "retry", found.Run)
	if got.stdout != fmt.Sprintf("2 objects of run %s are looked at again: dth status %[1]s\n", found.Run) {
		t.Errorf("retry: %+v", got)
	}
	for d.status(found.Run).Objects.Failed > 0 { // the test's own deadline ends it
	}
	d.must(0, "dlq", "redrive", "--all")
	marker := d.must(0, "retry", found.Run) // nothing is left to retry
	if !strings.HasPrefix(marker.stdout, "0 objects of run") {
		t.Errorf("second retry: %+v", marker)
	}
	d.drained()
	if err := worker.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if end := worker.wait(); end.code != 0 {
		t.Errorf("worker: %+v", end)
	}
	after := d.status(found.Run)
	if o := after.Objects; o.Copied != 12 || o.Failed != 0 || o.Planned != 12 || after.Bytes.Copied != 14 || len(after.Problems) != 0 || after.Queues.Dead != 0 {
		t.Errorf("after: %+v", after)
	}
	if n := len(destination.Keys(bucket)); n != 12 {
		t.Errorf("the destination has %d objects", n)
	}
	for _, command := range [][]string{{"status", "nonsense"}, {"retry", "nonsense"}} {
		if got := d.must(2, command...); !strings.Contains(got.stderr, `there is no run "nonsense"`) {
			t.Errorf("%q: %+v", command, got)
		}
	}
}

// drained waits until no message is in the main queue.
func (d *deadLetters) drained() {
	d.t.Helper()
	opened := d.open()
	for {
		depth, err := opened.Depth(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		if depth == (queue.Depth{}) {
			return
		}
	}
}
