// Package stepfunctions_test has the state machine of giant objects run in emulators of
// Step Functions, together with real workers, SQS and DynamoDB.
package stepfunctions_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/semaphore"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/assembly/assemblytest"
	giants "github.com/dth-dev/dth/core/assembly/dynamodb"
	"github.com/dth-dev/dth/core/assembly/stepfunctions"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/tests/cloud"
)

const (
	partSize = 1000
	run      = "run-1"
	// patience bounds what a test waits for. Emulators are slow on a busy machine.
	patience = 4 * time.Minute
)

var policy = retry.Policy{Attempts: 3, Base: time.Millisecond, Cap: 2 * time.Millisecond}

// Definition returns the state machine of the template as CloudFormation fills it in, with
// what a test changes in it: old, new and so on.
func definition(t testing.TB, table, url string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "infra", "cloudformation", "giant.asl.json"))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("${Partition}", "aws", "${PartsTable}", table, "${PriorityQueueUrl}", url).Replace(string(text))
	if strings.Contains(filled, "${") {
		t.Errorf("something is left to fill in: %s", filled)
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(filled, changes[i]) {
			t.Fatalf("the state machine has no %q to change", changes[i])
		}
		filled = strings.ReplaceAll(filled, changes[i], changes[i+1])
	}
	return filled
}

// fleet is an emulated cloud with two stores.
type fleet struct {
	t           *testing.T
	server      *cloud.Server
	queues      cloud.Queues
	tables      dynamo.Options
	machine     string
	rollAt      int
	source      *memdriver.Server
	destination *memdriver.Server

	mu      sync.Mutex
	settled []journal.Record
}

func newFleet(t *testing.T, emulator cloud.Config, changes ...string) *fleet {
	t.Helper()
	f := &fleet{
		t: t, server: cloud.StartConfigured(t, emulator), tables: dynamo.Options{Objects: "objects", Parts: "parts"},
		source: assemblytest.StartStore(t, "src"), destination: assemblytest.StartStore(t, "dst"),
	}
	var err error
	if f.queues, err = cloud.CreateQueues(t.Context(), f.server.SQS(), "fleet"); err != nil {
		t.Fatal(err)
	}
	if err := dynamo.New(f.server.Config(), f.tables).CreateTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	created, err := f.server.StepFunctions().CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("giants"), RoleArn: aws.String("arn:aws:iam::123456789012:role/giants"),
		Definition: aws.String(definition(t, f.tables.Parts, f.queues.Prio.URL, changes...)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.machine = *created.StateMachineArn
	return f
}

func (f *fleet) side(role transfer.Role, server *memdriver.Server, bucket string, counters *observe.Counters) *transfer.Side {
	f.t.Helper()
	return assemblytest.OpenSide(f.t, role, server, bucket, partSize, policy, counters)
}

// worker is one process of the fleet.
type worker struct {
	*assembly.Assembler
	fleet *fleet
	queue *sqs.Queue
	store assembly.Store
	ctx   context.Context
	kill  context.CancelFunc
}

// start returns a worker whose clock is ahead by so much: leases that others left end
// by it.
func (f *fleet) start(ahead time.Duration) *worker {
	f.t.Helper()
	ctx, kill := context.WithTimeout(f.t.Context(), patience)
	f.t.Cleanup(kill)
	w := &worker{fleet: f, ctx: ctx, kill: kill}
	tables := f.tables
	tables.Now = func() time.Time { return time.Now().Add(ahead) }
	var err error
	if w.store, err = giants.New(dynamo.New(f.server.Config(), tables), 0); err != nil {
		f.t.Fatal(err)
	}
	settings := f.server.Config()
	w.queue, err = sqs.New(ctx, sqs.Config{
		Main: f.queues.Main.URL, Priority: f.queues.Prio.URL, DeadLetter: f.queues.DLQ.URL,
		Timings: sqs.Timings{Wait: time.Second, Visibility: 10 * time.Second, Heartbeat: 3 * time.Second, SendLinger: time.Millisecond, AckLinger: time.Millisecond, Close: time.Second},
		Client: func(o *awssqs.Options) {
			o.BaseEndpoint, o.Region, o.Credentials = settings.BaseEndpoint, settings.Region, settings.Credentials
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	counters := &observe.Counters{}
	source, destination := f.side(transfer.Source, f.source, "src", counters), f.side(transfer.Destination, f.destination, "dst", counters)
	fitter, err := fit.New(job.Job{}, source.Session, destination.Session, "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = w.queue.Stop(context.Background())
		_ = w.queue.Close()
	})
	w.Assembler = assembly.New(assembly.Config{
		Copier: &transfer.Copier{
			Source: source, Destination: destination, Budget: throttle.NewBudget(1 << 20), Fit: fitter,
			PartSlots: semaphore.NewWeighted(4), Policy: policy, Counters: counters,
		},
		Store: w.store, Watch: f.watch(),
		Queue: w.queue, Settler: f, Owner: "worker", PartSize: partSize, Backoff: time.Second, RollAt: cmp.Or(f.rollAt, assembly.RollAt),
	})
	return w
}

// Settle implements assembly.Settler.
func (f *fleet) Settle(_ context.Context, _ assembly.Upload, record journal.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled = append(f.settled, record)
	return nil
}

// begin puts an object of so many parts at the source, and has the worker split it.
func (w *worker) begin(key string, parts int) (id string, data []byte) {
	w.fleet.t.Helper()
	data = bytes.Repeat([]byte("giant"), parts*partSize/5)
	etag, err := w.fleet.source.Put("src", key, data, driver.Attributes{ContentType: "text/plain"})
	if err != nil {
		w.fleet.t.Fatal(err)
	}
	t := task.Task{Key: key, Size: int64(len(data)), ETag: etag}
	if record, err := w.Split(w.ctx, t, run, "message", 0); err != nil || record.Outcome != "" {
		w.fleet.t.Fatalf("split: %+v, %v", record, err)
	}
	return assembly.NewID(key, etag, "", run, 0), data
}

// next receives a message.
func (w *worker) next() queue.Message {
	w.fleet.t.Helper()
	m, err := w.queue.Receive(w.ctx)
	if err != nil {
		w.fleet.t.Fatalf("receive: %v", err)
	}
	return m
}

// handle does what a message asks for, and acknowledges it where that came to an end.
func (w *worker) handle(m queue.Message) {
	var err error
	for _, part := range m.Batch.Parts {
		err = cmp.Or(err, w.Part(w.ctx, part))
	}
	for _, order := range m.Batch.Orders {
		err = cmp.Or(err, w.Order(w.ctx, order))
	}
	if w.ctx.Err() != nil { // it was killed; what it held is lost, so that the check alone is left
		if err := w.queue.Ack(w.fleet.t.Context(), m); err != nil {
			w.fleet.t.Error(err)
		}
		return
	}
	if err == nil {
		err = w.queue.Ack(w.ctx, m)
	}
	if err != nil {
		w.fleet.t.Logf("not acknowledged: %v", err)
	}
}

// bury ends what is left of a killed process: its receivers, and its hold on messages.
func (w *worker) bury() {
	w.fleet.t.Helper()
	ctx := w.fleet.t.Context()
	if err := w.queue.Stop(ctx); err != nil {
		w.fleet.t.Error(err)
	}
	for {
		m, err := w.queue.Receive(ctx)
		if err != nil {
			break
		}
		if err := w.queue.Return(ctx, m); err != nil {
			w.fleet.t.Error(err)
		}
	}
	if err := w.queue.Close(); err != nil {
		w.fleet.t.Error(err)
	}
}

// serve handles what comes until the execution of a generation is over, and returns how
// it ended.
func (w *worker) serve(id string, generation int) *sfn.DescribeExecutionOutput {
	w.fleet.t.Helper()
	serving, stop := context.WithCancel(w.ctx)
	defer stop()
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	working.Go(func() {
		for {
			m, err := w.queue.Receive(serving)
			if err != nil {
				return
			}
			w.handle(m)
		}
	})
	return w.fleet.ended(id, generation)
}

// ended waits for the end of an execution.
func (f *fleet) ended(id string, generation int) *sfn.DescribeExecutionOutput {
	f.t.Helper()
	return f.await("the end of the execution", func(ctx context.Context) *sfn.DescribeExecutionOutput {
		arn := f.execution(id, generation)
		got, err := f.server.StepFunctions().DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil || got.Status == types.ExecutionStatusRunning {
			return nil
		}
		return got
	})
}

// await looks for something until it is there.
func (f *fleet) await(what string, look func(context.Context) *sfn.DescribeExecutionOutput) *sfn.DescribeExecutionOutput {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		if found := look(ctx); found != nil {
			return found
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			f.t.Fatalf("%s did not come", what)
		}
	}
}

func (f *fleet) execution(id string, generation int) string {
	return fmt.Sprintf("%s:%s-%d", strings.Replace(f.machine, ":stateMachine:", ":execution:", 1), id, generation)
}

// arrived checks that the object is there and settled, and that nothing is left behind.
func (f *fleet) arrived(w *worker, id, key string, data []byte) {
	f.t.Helper()
	if _, got, err := f.destination.Get("dst", key); err != nil || !bytes.Equal(got, data) {
		f.t.Errorf("the destination holds %d bytes, %v", len(got), err)
	}
	f.is(w, id, assembly.Done, journal.OutcomeDone)
}

// is checks the final state of a giant object and how it was settled.
func (f *fleet) is(w *worker, id string, state assembly.State, outcome journal.Outcome) {
	f.t.Helper()
	upload, err := w.store.Get(f.t.Context(), id)
	if err != nil || upload.State != state {
		f.t.Errorf("state %s, %v, want %s", upload.State, err, state)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.settled) != 1 || f.settled[0].Outcome != outcome {
		f.t.Errorf("settled as %+v, want %s", f.settled, outcome)
	}
	if open := f.destination.Uploads("dst"); len(open) > 0 {
		f.t.Errorf("uploads left open: %+v", open)
	}
}

// handler is what an effect wraps.
type handler = http.Handler

// watch returns another process's.
func (f *fleet) watch() *stepfunctions.Watch {
	return stepfunctions.New(f.server.StepFunctions(), f.machine, time.Second)
}
