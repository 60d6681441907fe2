package sqs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

func newCodec(tb testing.TB) *task.Codec {
	tb.Helper()
	codec, err := task.NewCodec()
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

func TestOpenReadsOrdersOfTheStateMachine(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	for text, want := range map[string]task.Order{
		`{"v":1,"t":"mpu-complete","uploadId":"u1","token":"AQC=="}`:                          {Kind: task.OrderComplete, Upload: "u1", Token: "AQC=="},
		`{"v":1,"t":"mpu-abort","uploadId":"u1","token":"t","unknown":{"x":1}}`:               {Kind: task.OrderAbort, Upload: "u1", Token: "t"},
		`{"t":"mpu-watch","uploadId":"u1","rollAt":3000.0,"prev":"arn:aws:states:x:1","v":1}`: {Kind: task.OrderWatch, Upload: "u1", RollAt: 3000},
	} {
		batch, ours := open(codec, text)
		if diff := cmp.Diff(task.Batch{Orders: []task.Order{want}}, batch); !ours || diff != "" {
			t.Errorf("%s: ours %t (-want +got):\n%s", text, ours, diff)
		}
	}
}

// TestPredecessorFleet6ForeignByStructure: messages were told apart by looking for
// substrings such as `"bodyRange":`, which a key may hold. Also D9: an event of many
// records is one foreign message, handed on whole.
// Look for `"t":"mpu-` in the text in openOrder, and it fails.
func TestPredecessorFleet6ForeignByStructure(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	good, err := seal(codec, work("run", 3))
	if err != nil {
		t.Fatal(err)
	}
	hostile, err := json.Marshal(map[string]any{"Records": []any{
		map[string]any{"s3": map[string]any{"object": map[string]string{"key": `{"v":1,"t":"mpu-complete","uploadId":"u"} dth1: "bodyRange":`}}},
		map[string]any{"eventName": "ObjectCreated:Put"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"event of two records":    string(hostile),
		"test event":              `{"Service":"Amazon S3","Event":"s3:TestEvent"}`,
		"nothing":                 "",
		"text":                    "mpu-complete",
		"later order version":     `{"v":2,"t":"mpu-complete","uploadId":"u"}`,
		"unknown order":           `{"v":1,"t":"mpu-pause","uploadId":"u"}`,
		"order of no upload":      `{"v":1,"t":"mpu-abort"}`,
		"order of another shape":  `{"v":"1","t":"mpu-abort","uploadId":"u"}`,
		"order that goes on":      `{"v":1,"t":"mpu-abort","uploadId":"u"} {}`,
		"roll over below zero":    `{"v":1,"t":"mpu-watch","uploadId":"u","rollAt":-1}`,
		"roll over at a fraction": `{"v":1,"t":"mpu-watch","uploadId":"u","rollAt":1.5}`,
		"roll over at no number":  `{"v":1,"t":"mpu-watch","uploadId":"u","rollAt":1e300}`,
		"nested order":            `{"Records":[{"v":1,"t":"mpu-abort","uploadId":"u"}]}`,
		"later envelope":          strings.Replace(good[0], "dth1:", "dth2:", 1),
		"later encoding":          mark + "f" + good[0][len(mark)+1:],
		"no base64":               mark + "{}",
		"cut envelope":            good[0][:len(good[0])-8],
		"letter":                  `{"v":1,"t":"dead","reason":"r"}`,
	} {
		if batch, ours := open(codec, text); ours {
			t.Errorf("%s: taken for %+v", name, batch)
		}
	}
}

// TestPredecessorD5QuotedKeys: part messages were built by Sprintf, so a key with a quote
// or a backslash made invalid JSON and crashed the worker. Also fleet row 4.
// Put the key into the text as it is, and it fails.
func TestPredecessorD5QuotedKeys(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q := f.open(t)
	want := map[string]task.Batch{}
	for _, text := range []string{`a"b`, `a\b`, `"}],"x":["`, "%s%d", "\x00\x1f\ufffe\uffff", "\xff\xfe", "ключ/鍵/🔑"} {
		want[text] = task.Batch{Run: text, Parts: []task.Part{{Upload: text, Number: 7, Reason: text}}}
		mustSend(t, q, want[text])
	}
	got := map[string]task.Batch{}
	for range want {
		message := mustReceive(t, q)
		got[message.Batch.Run] = message.Batch
		mustAck(t, q, message)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received batches differ (-sent +received):\n%s", diff)
	}
}

// TestPredecessorFleet4PartsShareRequests: each part was one SendMessage, and a failure
// ended the program. A thousand parts of a giant object go as ten messages in one request,
// and a failure is returned. For the key that broke the message see D5.
// Seal one part a message, and it fails.
func TestPredecessorFleet4PartsShareRequests(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.config.Timings.SendLinger = time.Hour // ten messages wait for nothing, whatever the machine does
	q := f.open(t)
	batch := task.Batch{Run: "run"}
	for i := range 1000 {
		batch.Parts = append(batch.Parts, task.Part{Upload: `u"\`, Number: i + 1})
	}
	mustSend(t, q, batch)
	if requests, messages := f.Counts()["SendMessageBatch"], len(f.Bodies(f.priority)); requests != 1 || messages != 10 {
		t.Errorf("%d requests of %d messages, want 1 of 10", requests, messages)
	}
	f.Fault = func(sqstest.Call) *sqstest.Fault { return &sqstest.Fault{Code: "AccessDeniedException"} }
	if err := q.Send(t.Context(), batch); driver.KindOf(err) != driver.KindDenied {
		t.Errorf("Send returned %v", err)
	}
}

func TestReceiveHandsOnWhatIsForeign(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q := f.open(t)
	const event = `{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"a%2Bb"}}}]}`
	f.Put(f.main, event)
	message := mustReceive(t, q)
	if string(message.Foreign) != event || len(message.Batch.Tasks) != 0 || message.Redelivered {
		t.Errorf("received %+v", message)
	}
	mustAck(t, q, message)
	mustClose(t, q)
	if left := f.Bodies(f.main); len(left) != 0 {
		t.Errorf("left after the acknowledgement: %q", left)
	}
}

func FuzzOpen(f *testing.F) {
	codec := newCodec(f)
	good, err := seal(codec, work("run", 3))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{good[0], `{"v":1,"t":"mpu-watch","uploadId":"u","rollAt":1}`, `{"v":1,"t":"dead","batch":"AA=="}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if batch, ours := open(codec, text); ours {
			if _, err := seal(codec, batch); err != nil {
				t.Errorf("what was opened cannot be sealed: %v", err)
			}
		}
		if letter, is := openLetter(codec, text); is {
			if _, err := sealLetter(codec, letter); err != nil {
				t.Errorf("a letter that was opened cannot be sealed: %v", err)
			}
		}
	})
}
