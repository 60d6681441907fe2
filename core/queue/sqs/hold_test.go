package sqs

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
)

// nothing checks that a process receives nothing for so long.
func nothing(t *testing.T, q *Queue, wait time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	if message, err := q.Receive(ctx); err == nil {
		t.Errorf("received %s of run %q, which somebody else holds", message.Name, message.Batch.Run)
	}
}

// TestPredecessorFleet10HeldMessagesAreExtended: the first extension came 10 s before the
// end of a hold of 15 minutes, and later ones ever later, so slow work was done twice.
// Let due return nothing, or extend only after three times Heartbeat, and it fails.
func TestPredecessorFleet10HeldMessagesAreExtended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		first, second := f.open(t), f.open(t)
		var held []queue.Message
		for range 15 {
			mustSend(t, first, work("run", 1))
			held = append(held, mustReceive(t, first))
			pass(t, 7*time.Second)
		}
		before := f.Counts()["ChangeMessageVisibilityBatch"]
		nothing(t, second, 2*time.Hour)
		for _, message := range held {
			if !first.Held(message) {
				t.Errorf("message %s is lost", message.Name)
			}
		}
		if got := f.Counts()["ChangeMessageVisibilityBatch"] - before; got > 2*2*3600/40+2 {
			t.Errorf("%d requests to hold 15 messages for 2 h, want 2 each 40 s", got)
		}
		mustAck(t, first, held...)
		mustClose(t, first)
		if left := f.Bodies(f.main); len(left) != 0 {
			t.Errorf("%d messages are left", len(left))
		}
	})
}

func TestHoldEndsBeforeTheServiceEndsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		first, second := f.open(t), f.open(t)
		mustSend(t, first, work("run", 1))
		message := mustReceive(t, first)
		mustStop(t, first) // or it would receive the message again itself
		pass(t, 11*time.Hour+25*time.Minute)
		if !first.Held(message) {
			t.Error("the message is lost before 11.5 h")
		}
		pass(t, 10*time.Minute)
		if first.Held(message) {
			t.Error("the message is held after 11.5 h")
		}
		again := mustReceive(t, second)
		if again.Name != message.Name || !again.Redelivered {
			t.Errorf("received %+v, want message %s redelivered", again, message.Name)
		}
		mustAck(t, first, message)
		mustClose(t, first)
		if !second.Held(again) || f.Counts()["DeleteMessageBatch"] != 0 {
			t.Error("the acknowledgement of the lost message was sent")
		}
		mustAck(t, second, again)
		mustClose(t, second)
		if left := f.Bodies(f.main); len(left) != 0 {
			t.Errorf("%d messages are left", len(left))
		}
	})
}

func TestHoldIsLostWhere(t *testing.T) {
	t.Parallel()
	change := func(fault sqstest.Fault) func(sqstest.Call) *sqstest.Fault {
		return func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "ChangeMessageVisibilityBatch" {
				return nil
			}
			return &fault
		}
	}
	entries := func(code string) func(sqstest.Call) *sqstest.Fault {
		return func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "ChangeMessageVisibilityBatch" || call.Index < 0 {
				return nil
			}
			return &sqstest.Fault{Code: code}
		}
	}
	for name, test := range map[string]struct {
		fault func(sqstest.Call) *sqstest.Fault
		after time.Duration
		held  bool
	}{
		"the receipt is stale":              {entries("ReceiptHandleIsInvalid"), 61 * time.Second, false},
		"the message is not in flight":      {entries("MessageNotInflight"), 61 * time.Second, false},
		"it was held as long as SQS allows": {entries("InvalidParameterValue"), 61 * time.Second, false},
		"the service is not reached":        {change(sqstest.Fault{Code: "ServiceUnavailable", Server: true}), 121 * time.Second, false},
		"requests are throttled for long":   {entries("RequestThrottled"), 121 * time.Second, false},
		"requests are throttled for a bit":  {entries("RequestThrottled"), 115 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				f.Fault = test.fault
				q := f.open(t)
				mustSend(t, q, work("run", 1))
				message := mustReceive(t, q)
				pass(t, test.after)
				if got := q.Held(message); got != test.held {
					t.Errorf("held is %t after %v, want %t", got, test.after, test.held)
				}
			})
		})
	}
}

func TestHoldSurvivesAPauseOfTheService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		began := time.Now()
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if at := time.Since(began); call.Op == "ChangeMessageVisibilityBatch" && at > 30*time.Second && at < 105*time.Second {
				return &sqstest.Fault{Code: "ServiceUnavailable", Server: true}
			}
			return nil
		}
		first, second := f.open(t), f.open(t)
		mustSend(t, first, work("run", 1))
		message := mustReceive(t, first)
		nothing(t, second, 10*time.Minute)
		if !first.Held(message) {
			t.Error("the message is lost")
		}
	})
}

// hanging answers none of the first changes of visibility.
type hanging struct {
	http.RoundTripper
	left atomic.Int64 // of those
}

func (h *hanging) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasSuffix(request.Header.Get("X-Amz-Target"), ".ChangeMessageVisibilityBatch") {
		if h.left.Add(-1) >= 0 {
			<-request.Context().Done()
			return nil, request.Context().Err()
		}
	}
	return h.RoundTripper.RoundTrip(request)
}

// TestHoldsDoNotWaitForEachOther: many messages are held, which takes many requests, and
// the first of each is not answered.
func TestHoldsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.config.MainLimits.Messages = 60
		plain, silent := f.config.Client, &hanging{RoundTripper: f.Service}
		silent.left.Store(int64(f.config.MainLimits.Messages / mostEntries))
		f.config.Client = func(o *sqs.Options) {
			plain(o)
			o.HTTPClient = &http.Client{Transport: silent}
		}
		q := f.open(t)
		var held []queue.Message
		for range f.config.MainLimits.Messages {
			mustSend(t, q, work("run", 1))
			held = append(held, mustReceive(t, q))
		}
		pass(t, 10*time.Minute)
		for _, message := range held {
			if !q.Held(message) {
				t.Errorf("message %s is lost", message.Name)
			}
		}
	})
}

// TestHoldStaysLost: the service extended the hold but its answers were lost, so the
// holder had to assume the worst. It does not change its mind.
func TestHoldStaysLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		began := time.Now()
		f.Lose = func(op string) bool {
			return op == "ChangeMessageVisibilityBatch" && time.Since(began) < 121*time.Second
		}
		q := f.open(t)
		mustSend(t, q, work("run", 1))
		message := mustReceive(t, q)
		for _, after := range []time.Duration{121 * time.Second, 20 * time.Second, 80 * time.Second} {
			if pass(t, after); q.Held(message) {
				t.Errorf("the message is held %v after it was received", time.Since(began))
			}
		}
	})
}

func TestAckSharesRequestsAndRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		refused := map[string]int{}
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "DeleteMessageBatch" || call.Index < 0 || call.Index%3 != 0 || refused[call.Text] == 3 {
				return nil
			}
			refused[call.Text]++
			return &sqstest.Fault{Code: "InternalError", Server: true}
		}
		q := f.open(t)
		sendAll(t, q, 10, 5)
		for range 10 {
			mustAck(t, q, mustReceive(t, q))
		}
		mustClose(t, q)
		if left := f.Bodies(f.main); len(left) != 0 {
			t.Errorf("%d acknowledged messages are left", len(left))
		}
		if len(refused) == 0 || f.Counts()["DeleteMessageBatch"] > 8 {
			t.Errorf("%d deletions were refused, %d requests", len(refused), f.Counts()["DeleteMessageBatch"])
		}
	})
}

func TestAckTellsOfAnEarlierDeletionThatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "DeleteMessageBatch" {
				return nil
			}
			return &sqstest.Fault{Code: "AccessDeniedException"}
		}
		q := f.open(t)
		mustSend(t, q, work("run", 1))
		mustAck(t, q, mustReceive(t, q))
		pass(t, time.Minute)
		if err := q.Ack(t.Context()); err == nil {
			t.Error("the next Ack does not tell that the deletion failed")
		}
		if err := q.Close(); err != nil {
			t.Errorf("Close tells it again: %v", err)
		}
	})
}

func TestReturnGivesBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		first, second := f.open(t), f.open(t)
		refused := false
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "ChangeMessageVisibilityBatch" || call.Index != 2 || refused {
				return nil
			}
			refused = true
			return &sqstest.Fault{Code: "InternalError", Server: true}
		}
		sendAll(t, first, 5, 1)
		names := map[string]bool{}
		var messages []queue.Message
		for range 5 {
			message := mustReceive(t, first)
			names[message.Name] = true
			messages = append(messages, message)
		}
		mustStop(t, first) // or it would receive them itself
		began := time.Now()
		if err := first.Return(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for range 4 {
			got[mustReceive(t, second).Name] = true
		}
		got[mustReceive(t, second).Name] = true
		if diff := cmp.Diff(names, got); diff != "" || time.Since(began) > 5*time.Second {
			t.Errorf("after %v received others than were returned:\n%s", time.Since(began), diff)
		}
		if !refused || first.Held(messages[0]) {
			t.Error("nothing was refused, or a returned message is still held")
		}
	})
}
