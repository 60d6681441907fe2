package sqs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// inFlight returns how many messages of the queue processes hold.
func (f *fixture) inFlight(t *testing.T, q *Queue) int64 {
	t.Helper()
	depth, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return depth.Held
}

func TestReceiveHoldsNoMoreThanItsLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limits Limits
		tasks  int // in each message
		most   int64
	}{
		"as a fleet has them": {Limits{}, 100, 20},
		"few messages":        {Limits{Messages: 3, Tasks: 1000}, 1, 3},
		"few tasks":           {Limits{Messages: 100, Tasks: 200}, 100, 11}, // one, and an answer of ten
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				f.config.MainLimits = test.limits
				q := f.open(t)
				sendAll(t, q, 60, test.tasks)
				first := mustReceive(t, q)
				pass(t, time.Minute)
				if got := f.inFlight(t, q); got == 0 || got > test.most {
					t.Errorf("%d messages are held, want at most %d", got, test.most)
				}
				mustAck(t, q, first)
				for range 59 { // room appears with each acknowledgement
					mustAck(t, q, mustReceive(t, q))
					pass(t, 2*time.Second) // it is deleted
					if got := f.inFlight(t, q); got > test.most {
						t.Errorf("%d messages are held, want at most %d", got, test.most)
					}
				}
				mustClose(t, q)
				if left := f.Bodies(f.main); len(left) != 0 {
					t.Errorf("%d messages are left", len(left))
				}
			})
		})
	}
}

// TestReceiveFeedsWhoWaits: limits leave room for nine more messages, fewer than one
// request brings, but all hands are idle.
func TestReceiveFeedsWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		for i := range 20 { // held, never acknowledged
			pass(t, time.Minute) // nobody waits meanwhile
			mustSend(t, q, work("run", 1))
			if i > 0 && i%2 == 0 {
				pass(t, time.Minute)
			}
			mustReceive(t, q)
		}
	})
}

func TestReceivePrefersPartsAndOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		sendAll(t, q, 50, 1)
		mustReceive(t, q)
		synctest.Wait() // others are received ahead
		mustSend(t, q, task.Batch{Run: "parts", Parts: []task.Part{{Upload: "u", Number: 1}}})
		f.Put(f.priority, `{"v":1,"t":"mpu-abort","uploadId":"u","token":"t"}`)
		synctest.Wait()
		for range 2 {
			if message := mustReceive(t, q); len(message.Batch.Parts)+len(message.Batch.Orders) != 1 {
				t.Errorf("received %+v before the part and the order", message.Batch)
			}
		}
	})
}

func TestReceiveWaitsWhenTooManyAreInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.main.Most = 5
		first := f.open(t)
		var log bytes.Buffer
		f.config.Log = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn})
		second := f.open(t)
		sendAll(t, first, 8, 1)
		var held []queue.Message
		for range 5 {
			held = append(held, mustReceive(t, first))
		}
		mustStop(t, first)
		nothing(t, second, 10*time.Minute)
		mustAck(t, first, held...)
		for range 3 {
			mustAck(t, second, mustReceive(t, second))
		}
		if got := strings.Count(log.String(), "as many messages"); got != 1 {
			t.Errorf("the limit was logged %d times, want once:\n%s", got, &log)
		}
	})
}

func TestReceiveTellsWhyNothingComes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault sqstest.Fault
		want  driver.Kind
	}{
		"no such queue":  {sqstest.Fault{Code: "QueueDoesNotExist"}, driver.KindNotFound},
		"no permission":  {sqstest.Fault{Code: "AccessDeniedException"}, driver.KindDenied},
		"always failing": {sqstest.Fault{Code: "InternalFailure", Server: true}, driver.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				began := time.Now()
				f.Fault = func(call sqstest.Call) *sqstest.Fault {
					if call.Op != "ReceiveMessage" || call.Queue != "main" || time.Since(began) > 10*time.Minute {
						return nil
					}
					return &test.fault
				}
				q := f.open(t)
				mustSend(t, q, work("run", 1))
				if _, err := q.Receive(t.Context()); driver.KindOf(err) != test.want {
					t.Errorf("Receive returned %v, want kind %v", err, test.want)
				}
				for {
					if _, err := q.Receive(t.Context()); err == nil {
						return // the service is well again
					}
				}
			})
		})
	}
}

func TestReceiveRidesOutABadMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		calls := 0
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Op != "ReceiveMessage" || call.Queue != "main" {
				return nil
			}
			if calls++; calls > 4 {
				return nil
			}
			return &sqstest.Fault{Code: "RequestThrottled"}
		}
		lost := 0
		f.Lose = func(op string) bool { lost++; return op == "ReceiveMessage" && lost < 8 }
		q := f.open(t)
		mustSend(t, q, work("run", 1))
		ctx := t.Context()
		if _, err := q.Receive(ctx); err != nil { // a lost answer takes its message away for two minutes
			t.Error(err)
		}
	})
}

func TestReceiveDoesNotSpin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hasty bool
		most  int
	}{
		"the service waits":  {false, 2 * (600/20 + 2)},
		"it answers at once": {true, 2 * (600/1 + 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				f.Hasty = test.hasty
				nothing(t, f.open(t), 10*time.Minute)
				if got := f.Counts()["ReceiveMessage"]; got > test.most {
					t.Errorf("%d empty receives in 10 min from two queues, want at most %d", got, test.most)
				}
			})
		})
	}
}

func TestStopGivesBackWhatNobodyWasHanded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		first, second := f.open(t), f.open(t)
		sendAll(t, first, 8, 1)
		handed := mustReceive(t, first)
		var waiting sync.WaitGroup
		began := time.Now()
		mustStop(t, first)
		waiting.Go(func() {
			if _, err := first.Receive(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("Receive returned %v after Stop, want io.EOF", err)
			}
		})
		for range 7 {
			message := mustReceive(t, second)
			if message.Name == handed.Name || !message.Redelivered {
				t.Errorf("received %+v", message)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("others received it after %v", took)
		}
		nothing(t, second, 10*time.Minute) // the first still holds its message
		if !first.Held(handed) {
			t.Error("the message in work is lost")
		}
		mustStop(t, first)
		mustAck(t, first, handed)
		mustClose(t, first)
		if left := f.Bodies(f.main); len(left) != 7 {
			t.Errorf("%d messages are left, want 7", len(left))
		}
		waiting.Wait()
	})
}

func TestStopWakesWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newFixture().onRealTimes().open(t)
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if _, err := q.Receive(t.Context()); !errors.Is(err, io.EOF) {
					t.Errorf("Receive returned %v, want io.EOF", err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		mustStop(t, q)
		mustClose(t, q)
		waiting.Wait()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestEverythingEnds: the bubble fails where a goroutine is left after Stop and Close.
func TestEverythingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q, err := New(t.Context(), f.config) // nothing else ends it
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, q, 30, 1)
		mustReceive(t, q)
		mustAck(t, q, mustReceive(t, q))
		mustStop(t, q)
		mustClose(t, q)
		if err := q.Close(); err != nil {
			t.Errorf("the second Close: %v", err)
		}
	})
}

// TestPredecessorFleet13ManyMessagesARequest: messages were received one at a time, and
// deleted so: 2.1 requests an object. Also the rest of D9. Here three workers share 5,000
// small objects, and everything that one request can carry goes into one.
// Ask for one message at a time in room, and it fails.
func TestPredecessorFleet13ManyMessagesARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const objects, each = 5000, 100
		f := newFixture().onRealTimes()
		finder := f.open(t)
		want := sendAll(t, finder, objects/each, each)
		mustClose(t, finder)
		var mu sync.Mutex
		var working sync.WaitGroup
		for w := range 3 {
			q := f.open(t)
			hands := 4
			for hand := range hands {
				working.Go(func() {
					for {
						message, err := q.Receive(t.Context())
						if err != nil {
							return
						}
						pass(t, time.Duration(300+100*w+37*hand)*time.Millisecond) // transfers 100 objects
						mustAck(t, q, message)
						mu.Lock()
						delete(want, message.Batch.Run)
						left := len(want)
						mu.Unlock()
						if left == 0 {
							return
						}
					}
				})
			}
			defer mustClose(t, q)
			defer mustStop(t, q)
		}
		pass(t, 5*time.Minute)
		counts := f.Counts()
		requests := -counts["empty"]
		for op, count := range counts {
			if op != "empty" {
				requests += count
			}
		}
		t.Logf("%d objects took %d requests: %v", objects, requests, counts)
		if requests*125 > objects {
			t.Errorf("%d requests for %d objects, want far less than 0.02 an object: %v", requests, objects, counts)
		}
		if len(want) > 0 {
			t.Errorf("%d batches were not received", len(want))
		}
	})
}

func TestNewNamesTheQueueThatIsMissing(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{
		"main": {Priority: "u", DeadLetter: "u"}, "priority": {Main: "u", DeadLetter: "u"}, "dead-letter": {Main: "u", Priority: "u"},
	} {
		if _, err := New(t.Context(), config); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("URL of the %s queue", name)) {
			t.Errorf("New returned %v", err)
		}
	}
}
