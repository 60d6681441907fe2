package sqs

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// through makes the wire's queues pass a proxy.
func (w *wire) through(endpoint string) {
	w.config.Client = func(o *sqs.Options) {
		config := cloud.ConfigAt(endpoint)
		o.Region, o.Credentials, o.BaseEndpoint = config.Region, config.Credentials, config.BaseEndpoint
	}
}

// work receives and acknowledges with three processes of four hands each until every run
// was seen, and then lets them end as a worker does.
func (w *wire) work(t *testing.T, want map[string]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := make(chan struct{})
	var mu sync.Mutex
	var working sync.WaitGroup
	var processes []*Queue
	for range 3 {
		q := w.open(t)
		processes = append(processes, q)
		for range 4 {
			working.Go(func() {
				for {
					message, err := q.Receive(ctx)
					if errors.Is(err, io.EOF) || ctx.Err() != nil {
						return
					}
					if err != nil {
						t.Errorf("Receive: %v", err)
						continue
					}
					if err := q.Ack(ctx, message); err != nil {
						t.Errorf("Ack: %v", err)
					}
					mu.Lock()
					left := len(want)
					if delete(want, message.Batch.Run); left == 1 && len(want) == 0 {
						close(done)
					}
					mu.Unlock()
				}
			})
		}
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	for _, q := range processes {
		mustStop(t, q)
	}
	working.Wait()
	for _, q := range processes {
		mustClose(t, q)
	}
	if len(want) > 0 {
		t.Errorf("%d batches were not received", len(want))
	}
}

// TestFaultsOnTheWire: whatever goes wrong between dth and SQS, every batch arrives, and
// nothing is left but what will be delivered again.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	emulators(t, func(t *testing.T, server *cloud.Server) {
		w := newWire(t, server, "faults")
		front, endpoint := proxy.StartForTest(t, proxy.Config{Default: server.Endpoint, Seed: 1})
		w.through(endpoint)
		front.Inject(
			proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Lose, Times: 2},
			proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Drop, Times: 2},
			proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Delay, Times: 1, Delay: time.Second},
			proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Entries, Times: -1, Share: 0.2},
			proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Fail, Times: 4, Code: "OverLimit"},
			proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Fail, Times: 3, Status: 503},
			proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Lose, Times: 2},
			proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Duplicate, Times: 5},
			proxy.Fault{Operation: "sqs.DeleteMessageBatch", Do: proxy.Lose, Times: 2},
			proxy.Fault{Operation: "sqs.DeleteMessageBatch", Do: proxy.Fail, Times: 3, Code: "RequestThrottled"},
			proxy.Fault{Operation: "sqs.DeleteMessageBatch", Do: proxy.Entries, Times: -1, Share: 0.2},
		)
		w.config.Timings.OverLimit = 100 * time.Millisecond
		finder := w.open(t)
		want := sendAll(t, finder, 100, 3)
		mustClose(t, finder)
		w.work(t, want)
		for operation, count := range front.Counts() {
			t.Logf("%s: %+v", operation, count)
			if operation != "sqs.GetQueueAttributes" && operation != "sqs.ChangeMessageVisibilityBatch" && count.Injected == 0 {
				t.Errorf("no fault met %s", operation)
			}
		}
		front.Heal()
		depth, err := finder.DeadDepth(t.Context())
		if err != nil || depth != (queue.Depth{}) {
			t.Errorf("the dead-letter queue has %+v, %v", depth, err)
		}
	})
}

// TestRequestsOnTheWire counts at the emulator's door what 5,000 small objects cost.
func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	emulators(t, func(t *testing.T, server *cloud.Server) {
		w := newWire(t, server, "requests")
		front, endpoint := proxy.StartForTest(t, proxy.Config{Default: server.Endpoint})
		w.through(endpoint)
		finder := w.open(t)
		want := sendAll(t, finder, 50, 100)
		mustClose(t, finder)
		w.work(t, want)
		totals := front.Totals()
		t.Logf("%d requests, %d empty receives", totals.QueueRequests, totals.EmptyReceives)
		if totals.QueueRequests > 100 {
			t.Errorf("%d requests for 5,000 objects, want at most 0.02 an object: %v", totals.QueueRequests, front.Counts())
		}
		if depth, err := finder.Depth(t.Context()); err != nil || depth != (queue.Depth{}) {
			t.Errorf("the queues have %+v, %v", depth, err)
		}
	})
}
