package sqs

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/queuetest"
	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
)

// quick are the timings of tests on a real clock.
var quick = Timings{Wait: time.Second, Visibility: 30 * time.Second, AckLinger: 20 * time.Millisecond, OverLimit: 10 * time.Millisecond, Close: 10 * time.Second}

// impatient is the retry policy of tests on a real clock.
var impatient = retry.Policy{Attempts: 8, Base: time.Millisecond, Cap: 20 * time.Millisecond}

// fixture is a service with the three queues.
type fixture struct {
	*sqstest.Service
	main, priority, dead *sqstest.Queue
	config               Config
}

func newFixture() *fixture {
	const address = "http://sqs.test"
	f := &fixture{Service: sqstest.New(), dead: &sqstest.Queue{Name: "dead"}}
	f.main = &sqstest.Queue{Name: "main", Dead: f.dead, Receives: 5}
	f.priority = &sqstest.Queue{Name: "priority", Dead: f.dead, Receives: 5}
	f.config = Config{
		Main: f.Add(address, f.main), Priority: f.Add(address, f.priority), DeadLetter: f.Add(address, f.dead),
		Timings: quick, Retry: impatient,
		Client: func(o *sqs.Options) {
			o.Region = "us-east-1"
			o.Credentials = credentials.NewStaticCredentialsProvider("test", "test", "")
			o.BaseEndpoint = new(address)
			o.HTTPClient = &http.Client{Transport: f.Service}
		},
	}
	return f
}

// onRealTimes leaves the timings and the policy as a fleet has them, for tests in a
// bubble.
func (f *fixture) onRealTimes() *fixture {
	f.config.Timings, f.config.Retry = Timings{}, retry.Policy{}
	return f
}

func (f *fixture) open(t testing.TB) *Queue {
	t.Helper()
	q, err := New(t.Context(), f.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(q) })
	return q
}

// kill ends everything that a process does, and waits for that.
func kill(q *Queue) {
	q.end()
	q.running.Wait()
	q.beating.Wait()
	<-q.active.idle()
}

// Join and Kill make the fixture a store of the conformance suite.
func (f *fixture) Join(t testing.TB) queue.Shared { return f.open(t) }

func (f *fixture) Kill(_ testing.TB, q queue.Shared) {
	kill(q.(*Queue))
	for _, each := range []*sqstest.Queue{f.main, f.priority} {
		f.Expire(each)
	}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	queuetest.RunShared(t, func(*testing.T) queuetest.SharedStore { return newFixture() })
}

// work returns a batch of so many small objects.
func work(run string, tasks int) task.Batch {
	batch := task.Batch{Run: run}
	for i := range tasks {
		batch.Tasks = append(batch.Tasks, task.Task{Key: run + "/" + string(rune('a'+i%26)), Size: int64(i)})
	}
	return batch
}

func mustSend(t testing.TB, q *Queue, batch task.Batch) {
	t.Helper()
	if err := q.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func mustReceive(t testing.TB, q *Queue) queue.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	message, err := q.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func mustAck(t testing.TB, q *Queue, messages ...queue.Message) {
	t.Helper()
	if err := q.Ack(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustStop(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// pass lets so much of a bubble's time go by.
func pass(t testing.TB, d time.Duration) {
	t.Helper()
	if err := pause(t.Context(), d); err != nil {
		t.Error(err)
	}
}
