package sqs

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/queuetest"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/tests/cloud"
)

// onTheWire are the timings against emulators: what a killed process held comes again
// after ten seconds, which a busy machine does not spend between two extensions.
var onTheWire = Timings{Wait: 2 * time.Second, Visibility: 10 * time.Second, Heartbeat: 3 * time.Second, AckLinger: 50 * time.Millisecond}

// wire is a store of the conformance suite in an emulator.
type wire struct {
	config Config
	server *cloud.Server
	queues cloud.Queues
}

func newWire(t *testing.T, server *cloud.Server, name string) *wire {
	t.Helper()
	queues, err := cloud.CreateQueues(t.Context(), server.SQS(), name)
	if err != nil {
		t.Fatal(err)
	}
	return &wire{
		server: server,
		queues: queues,
		config: Config{
			Main: queues.Main.URL, Priority: queues.Prio.URL, DeadLetter: queues.DLQ.URL, Timings: onTheWire,
			Client: func(o *sqs.Options) {
				config := server.Config()
				o.Region, o.Credentials, o.BaseEndpoint = config.Region, config.Credentials, config.BaseEndpoint
			},
		},
	}
}

func (w *wire) open(t testing.TB) *Queue {
	t.Helper()
	q, err := New(t.Context(), w.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(q) })
	return q
}

func (w *wire) Join(t testing.TB) queue.Shared { return w.open(t) }

func (w *wire) Kill(_ testing.TB, q queue.Shared) { kill(q.(*Queue)) }

// put stores a message as the state machine or a store does.
func (w *wire) put(t *testing.T, to cloud.Queue, body string) {
	t.Helper()
	if _, err := w.server.SQS().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &to.URL, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

// emulators run a test against each SQS that there is. moto hands messages out twice
// when asked by many at once, so it is not among them.
func emulators(t *testing.T, test func(t *testing.T, server *cloud.Server)) {
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.FauxQS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, cloud.StartForTest(t, kind))
		})
	}
}

func TestQueueOnTheWire(t *testing.T) {
	t.Parallel()
	emulators(t, func(t *testing.T, server *cloud.Server) {
		var stores atomic.Int64
		queuetest.RunShared(t, func(t *testing.T) queuetest.SharedStore {
			return newWire(t, server, fmt.Sprintf("store-%d", stores.Add(1)))
		})
	})
}

// TestOrdersAndLettersOnTheWire: what the state machine sends is understood, SQS moves
// what nobody acknowledges, and the dead-letter queue gives both kinds of letters back.
func TestOrdersAndLettersOnTheWire(t *testing.T) {
	t.Parallel()
	emulators(t, func(t *testing.T, server *cloud.Server) {
		const receives = 3 // each takes until the hold ends
		w := newWire(t, server, "letters")
		policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, w.queues.DLQ.ARN, receives)
		if _, err := server.SQS().SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: &w.queues.Prio.URL, Attributes: map[string]string{"RedrivePolicy": policy},
		}); err != nil {
			t.Fatal(err)
		}
		w.config.Timings = Timings{Wait: time.Second, Visibility: 3 * time.Second, Heartbeat: time.Hour} // every hold ends
		w.config.PriorityLimits = Limits{Messages: 20}                                                   // though nothing is acknowledged
		crashing := w.open(t)
		w.put(t, w.queues.Prio, `{"v":1,"t":"mpu-watch","uploadId":"u1","rollAt":3000,"prev":"arn:x"}`)
		want := task.Order{Kind: task.OrderWatch, Upload: "u1", RollAt: 3000}
		var id string
		var receiving sync.WaitGroup
		receiving.Go(func() {
			for { // receiving again is also what makes SQS move it
				message, err := crashing.Receive(t.Context())
				if err != nil {
					return
				}
				if id = message.Name; len(message.Batch.Orders) != 1 || message.Batch.Orders[0] != want {
					t.Errorf("received %+v, want the order %+v", message.Batch, want)
				}
			}
		})
		const letters = 25
		for i := range letters {
			err := crashing.Bury(t.Context(), queue.Letter{Reason: "denied", Batch: work(fmt.Sprintf("run-%d", i), 2), At: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
		}
		moved(t, crashing, letters+1)
		mustStop(t, crashing)
		receiving.Wait()

		w.config.Timings = onTheWire
		q := w.open(t)
		raw := 0
		for letter, err := range q.DeadLetters(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if letter.Raw {
				raw++
				if letter.ID != id || !strings.HasPrefix(letter.Reason, fmt.Sprintf("received %d times and never acknowledged", receives)) || letter.Batch.Orders[0] != want {
					t.Errorf("SQS moved %+v, want message %s", letter, id)
				}
			}
		}
		if raw != 1 {
			t.Errorf("%d messages were moved, want 1", raw)
		}
		if count, err := q.Redrive(t.Context(), []string{id}); count != 1 || err != nil {
			t.Errorf("Redrive of one returned %d and %v", count, err)
		}
		if count, err := q.Redrive(t.Context(), nil); count != letters || err != nil {
			t.Errorf("Redrive of the rest returned %d and %v", count, err)
		}
		runs := map[string]bool{}
		for len(runs) < letters+1 {
			message := mustReceive(t, q)
			runs[message.Batch.Run] = true
			mustAck(t, q, message)
		}
		mustStop(t, q)
		mustClose(t, q)
	})
}

// moved waits until so many messages are in the dead-letter queue.
func moved(t *testing.T, q *Queue, count int64) {
	t.Helper()
	for range 600 {
		depth, err := q.DeadDepth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if depth.Waiting == count {
			return
		}
		pass(t, 50*time.Millisecond)
	}
	t.Fatalf("there are not %d dead letters after a while", count)
}

// TestStaleReceiptsOnTheWire: whoever lost a message neither deletes nor returns it.
func TestStaleReceiptsOnTheWire(t *testing.T) {
	t.Parallel()
	emulators(t, func(t *testing.T, server *cloud.Server) {
		w := newWire(t, server, "stale")
		w.config.Timings = Timings{Wait: time.Second, Visibility: 3 * time.Second, Heartbeat: time.Hour}
		first := w.open(t)
		mustSend(t, first, work("run", 1))
		lost := mustReceive(t, first)
		mustStop(t, first)
		w.config.Timings = onTheWire
		second := w.open(t)
		again := mustReceive(t, second)
		if again.Name != lost.Name || !again.Redelivered || first.Held(lost) {
			t.Errorf("received %+v, want message %s redelivered and lost by the first", again, lost.Name)
		}
		mustAck(t, first, lost)
		if err := first.Return(t.Context(), lost); err != nil {
			t.Errorf("Return of a lost message: %v", err)
		}
		mustClose(t, first)
		depth, err := second.Depth(t.Context())
		if err != nil || depth != (queue.Depth{Held: 1}) || !second.Held(again) {
			t.Errorf("depth is %+v, %v, want one message held", depth, err)
		}
	})
}
