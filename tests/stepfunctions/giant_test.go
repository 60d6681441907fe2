package stepfunctions_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/tests/cloud"
)

// each runs a test on both emulators of Step Functions. Heartbeats are tested on moto
// alone: MiniStack ignores them.
func each(t *testing.T, test func(t *testing.T, emulator cloud.Config)) {
	for _, emulator := range []cloud.Config{{Kind: cloud.Moto}, {Kind: cloud.MiniStack}} {
		t.Run(string(emulator.Kind), func(t *testing.T) {
			t.Parallel()
			test(t, emulator)
		})
	}
}

func wantStatus(t *testing.T, got *sfn.DescribeExecutionOutput, status types.ExecutionStatus, failure string) {
	t.Helper()
	if got.Status != status || aws.ToString(got.Error) != failure {
		t.Errorf("the execution ended as %s with %q, %q; want %s with %q", got.Status, aws.ToString(got.Error), aws.ToString(got.Cause), status, failure)
	}
}

func TestGiantArrives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, emulator cloud.Config) {
		f := newFleet(t, emulator)
		w := f.start(0)
		id, data := w.begin(`a "giant" \ of 鍵`, 5)
		wantStatus(t, w.serve(id, 1), types.ExecutionStatusSucceeded, "")
		f.arrived(w, id, `a "giant" \ of 鍵`, data)
		if upload, err := w.store.Get(t.Context(), id); err != nil || upload.Generation != 2 {
			t.Errorf("generation %d, %v", upload.Generation, err)
		}
	})
}

// TestCrashedCompleterIsSucceeded: the worker that got the last part dies while it
// completes. The check asks for that again, and another worker does it.
func TestCrashedCompleterIsSucceeded(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]func(kill func()) memdriver.Effect{
		"before it completed": func(kill func()) memdriver.Effect {
			return func(next handler) handler { return memdriver.Do(kill)(memdriver.Fail(503, "SlowDown")(next)) }
		},
		// The next one is answered that there is no such upload, which is a success.
		"after it completed": func(kill func()) memdriver.Effect {
			return func(next handler) handler { return memdriver.Do(kill)(memdriver.LoseAnswer()(next)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, emulator cloud.Config) {
				f := newFleet(t, emulator)
				first := f.start(0)
				f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: effect(first.kill)})
				id, data := first.begin("giant", 2)
				for first.ctx.Err() == nil {
					first.handle(first.next())
				}
				first.bury()
				if upload, err := first.store.Get(t.Context(), id); err != nil || upload.State != assembly.Completing {
					t.Fatalf("state %s, %v after the crash", upload.State, err)
				}
				second := f.start(time.Hour) // when the lease of the first has ended
				wantStatus(t, second.serve(id, 1), types.ExecutionStatusSucceeded, "")
				f.arrived(second, id, "giant", data)
				if got := f.settled[0]; got.Grade != journal.GradeBoth {
					t.Errorf("settled with evidence of %s", got.Grade)
				}
			})
		})
	}
}

// TestPartThatFailsForEverIsAborted: after five attempts of a part the object is given up.
// The worker that finds so cannot abort, so the check asks another to.
func TestPartThatFailsForEverIsAborted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, emulator cloud.Config) {
		f := newFleet(t, emulator)
		f.destination.Inject(memdriver.Fault{Call: "Part", First: 2, Effect: memdriver.Fail(503, "SlowDown")})
		f.destination.Inject(memdriver.Fault{Call: "AbortUpload", Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
		w := f.start(0)
		id, _ := w.begin("giant", 2)
		wantStatus(t, w.serve(id, 1), types.ExecutionStatusFailed, "DTH.MultipartAborted")
		f.is(w, id, assembly.Aborted, journal.OutcomeFailed)
		if !strings.Contains(f.settled[0].Error, "SlowDown") {
			t.Errorf("reported for %q", f.settled[0].Error)
		}
	})
}

// TestWatchRollsOver: an object that takes long is watched by one execution after the other.
func TestWatchRollsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, emulator cloud.Config) {
		f := newFleet(t, emulator, "States.MathAdd($.u.polls, 1500)", "States.MathAdd($.u.polls, 3)")
		f.rollAt = 3
		w := f.start(0)
		id, data := w.begin("giant", 1)
		part := w.next()
		for generation := 1; generation <= 2; generation++ {
			order := w.next()
			if got := order.Batch.Orders; len(got) != 1 || got[0].Kind != task.OrderWatch || got[0].RollAt != 3*(generation+1) {
				t.Fatalf("message %+v, want the hand-over of execution %d", order.Batch, generation)
			}
			w.handle(order)
			w.handle(order) // delivered twice
			wantStatus(t, f.ended(id, generation), types.ExecutionStatusSucceeded, "")
		}
		w.handle(part)
		wantStatus(t, w.serve(id, 3), types.ExecutionStatusSucceeded, "")
		f.arrived(w, id, "giant", data)
		list, err := f.server.StepFunctions().ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &f.machine})
		if err != nil || len(list.Executions) != 3 {
			t.Errorf("%d executions, %v, want 3", len(list.Executions), err)
		}
	})
}

// TestHeartbeatTimeoutBringsASecondToken: the first worker takes the order and falls silent.
// The order comes again with another token, and the first one is worth nothing.
func TestHeartbeatTimeoutBringsASecondToken(t *testing.T) {
	t.Parallel()
	f := newFleet(t, cloud.Config{Kind: cloud.Moto}, `"HeartbeatSeconds": 900`, `"HeartbeatSeconds": 2`)
	f.destination.Inject(memdriver.Fault{Call: "ListParts", Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
	w := f.start(0)
	id, data := w.begin("giant", 1)
	w.handle(w.next()) // the part arrives, but cannot be joined
	orders := map[string]bool{}
	first := w.next()
	for m := first; len(orders) < 2; m = w.next() {
		order := m.Batch.Orders[0]
		if order.Kind != task.OrderComplete || order.Token == "" {
			t.Fatalf("order %+v", order)
		}
		if orders[order.Token] = true; len(orders) == 2 {
			w.handle(m)
			break
		}
	}
	wantStatus(t, w.serve(id, 1), types.ExecutionStatusSucceeded, "")
	f.arrived(w, id, "giant", data)
	if err := w.Order(w.ctx, first.Batch.Orders[0]); err != nil {
		t.Errorf("the order with the first token: %v", err)
	}
}

func TestUnknownObjectEndsTheWatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, emulator cloud.Config) {
		f := newFleet(t, emulator)
		id := assembly.NewID("never", "begun", "", run, 0)
		for range 2 { // the same execution
			if err := f.watch().Start(t.Context(), id, 1, assembly.RollAt); err != nil {
				t.Fatal(err)
			}
		}
		wantStatus(t, f.ended(id, 1), types.ExecutionStatusFailed, "DTH.UnknownUpload")
		if err := f.watch().Start(t.Context(), id, 1, assembly.RollAt); err != nil {
			t.Errorf("started again after its end: %v", err)
		}
	})
}

// events counts the events of an execution by the beginning of their names.
func (f *fleet) events(id string, generation int) map[string]int {
	f.t.Helper()
	counts := map[string]int{}
	arn := f.execution(id, generation)
	pages := sfn.NewGetExecutionHistoryPaginator(f.server.StepFunctions(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, event := range page.Events {
			counts[string(event.Type)]++
			counts[""]++
		}
	}
	return counts
}

// TestPredecessorFleet2HistoryNeverFills: one round of the machine takes so few events that
// those of an execution stay below 25,000, where the service ends it, even when every
// round asks a worker for something and is refused. Shown to fail by asking before
// handing over in the state Decide, and by retrying refused orders within a round.
func TestPredecessorFleet2HistoryNeverFills(t *testing.T) {
	t.Parallel()
	const most, rounds = 25_000, 6
	f := newFleet(t, cloud.Config{Kind: cloud.Moto}, "States.MathAdd($.u.polls, 1500)", "States.MathAdd($.u.polls, 6)")
	f.rollAt = rounds
	f.destination.Inject(memdriver.Fault{Call: "ListParts", Effect: memdriver.Fail(503, "SlowDown")})
	w := f.start(0)
	id, data := w.begin("giant", 1)
	w.handle(w.next())
	wantStatus(t, w.serve(id, 1), types.ExecutionStatusSucceeded, "")
	counts := f.events(id, 1)
	perRound := float64(counts[""]) / rounds
	t.Logf("%d events in %d rounds: %.1f a round, %.0f of %d in %d", counts[""], rounds, perRound, perRound*assembly.RollAt, most, assembly.RollAt)
	if perRound*assembly.RollAt > most {
		t.Errorf("%d rounds take %.0f events, more than %d: %v", assembly.RollAt, perRound*assembly.RollAt, most, counts)
	}
	f.destination.Heal()
	wantStatus(t, w.serve(id, 2), types.ExecutionStatusSucceeded, "")
	f.arrived(w, id, "giant", data)
}
