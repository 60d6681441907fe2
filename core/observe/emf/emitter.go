// Package emf tells CloudWatch once a minute what a process counted, in the embedded
// metric format: as a log event, of which CloudWatch makes metrics.
package emf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

// interval is the resolution of CloudWatch's standard metrics.
const interval = time.Minute

// Options say what is told, and where.
type Options struct {
	Stack string // the metrics' namespace, and their StackName
	Role  Role
	// Instance names the machine in the log and in its stream; empty for its host name.
	Instance string
	// Dimensionless repeats the metrics that data-transfer-hub had, without a dimension as
	// it had them, so that its dashboards and alarms go on. CloudWatch bills
	// these as further metrics.
	Dimensionless bool
	Process       *observe.Process
	Congestion    string // congestion control of TCP, empty where it is not known

	// Group is the log group, which exists; the stream is made. Without a group the
	// documents are written to Output, a line each.
	Group  string
	Config aws.Config // reaches CloudWatch Logs
	Output io.Writer

	// Ticks has a document written at each tick; nil for each minute.
	Ticks  <-chan time.Time
	Retry  retry.Policy // of one document; the zero value rides out some seconds
	Logger hclog.Logger
}

// Emitter writes documents until it is closed. Each tells what came since the last one
// that has arrived: a document that is refused or lost is made good by the next.
type Emitter struct {
	options Options
	sink    sink

	// Of the goroutine until it has ended, then of Close.
	number int     // of the last document
	last   sample  // what CloudWatch has been told
	doubt  *sample // what it may have been told by document number

	cancel context.CancelFunc
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once
	err    error // of the last document
}

// sink takes documents.
type sink interface {
	// put stores one document. A *driver.Error says whether it may be tried again at
	// once; errDoubt in it, that it may have arrived.
	put(ctx context.Context, at time.Time, document []byte) error
	// has says whether a document has arrived.
	has(ctx context.Context, at time.Time, number int) (bool, error)
}

// errDoubt says that a document may have arrived, or not.
var errDoubt = errors.New("nobody knows whether it arrived")

// Start begins to write, the first document at the first tick.
func Start(options Options) *Emitter {
	if options.Retry.Attempts == 0 {
		options.Retry = retry.Policy{Attempts: 5, Base: 400 * time.Millisecond, Cap: 5 * time.Second}
	}
	if options.Instance == "" {
		options.Instance = "unknown"
		if name, err := os.Hostname(); err == nil {
			options.Instance = name
		}
	}
	e := &Emitter{options: options, stop: make(chan struct{}), ended: make(chan struct{})}
	if options.Group == "" {
		e.sink = lines{options.Output}
	} else {
		e.sink = newStream(options)
	}
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(context.Background())
	go e.run(ctx)
	return e
}

// Close writes a last document and returns when nothing is written any more. ctx bounds
// the time; what could not be written by then is in the log and in the error.
func (e *Emitter) Close(ctx context.Context) error {
	e.once.Do(func() {
		// A document under way is waited for: broken off, it would be in doubt.
		defer context.AfterFunc(ctx, e.cancel)()
		close(e.stop)
		<-e.ended
		e.cancel()
		e.err = e.emit(ctx, true)
		if e.err == nil {
			return
		}
		text, err := document(e.options, e.number+1, e.last, take(e.options.Process, time.Now()))
		if err != nil {
			text = []byte(err.Error())
		}
		e.options.Logger.Error("the last metrics did not reach CloudWatch", "error", e.err, "document", string(text))
	})
	return e.err
}

func (e *Emitter) run(ctx context.Context) {
	defer close(e.ended)
	ticks := e.options.Ticks
	if ticks == nil {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-e.stop:
			return
		case <-ticks:
		}
		if err := e.emit(ctx, false); err != nil {
			e.options.Logger.Warn("metrics did not reach CloudWatch; the next document makes up for them", "error", err)
		}
	}
}

// emit writes one document, if need be more than once. Whether a document in doubt has
// arrived is looked at in the next minute, when CloudWatch shows it if it has it;
// only the last one cannot wait.
func (e *Emitter) emit(ctx context.Context, last bool) error {
	ctx, cancel := context.WithTimeout(ctx, interval/2)
	defer cancel()
	return e.options.Retry.Do(ctx, func(int) error {
		err := e.attempt(ctx)
		if last && errors.Is(err, errDoubt) {
			return &driver.Error{Op: "metrics", Kind: driver.KindUnavailable, Err: err}
		}
		return err
	})
}

// attempt writes what came since the last document that has arrived.
func (e *Emitter) attempt(ctx context.Context) error {
	if err := e.settle(ctx); err != nil {
		return err
	}
	now := take(e.options.Process, time.Now())
	e.number++
	text, err := document(e.options, e.number, e.last, now)
	if err != nil {
		return fmt.Errorf("make a document of metrics: %w", err)
	}
	switch err := e.sink.put(ctx, now.at, text); {
	case err == nil:
		e.last = now
		return nil
	case errors.Is(err, errDoubt):
		e.doubt = &now
		return err
	default:
		return err
	}
}

// settle looks whether the document before has arrived, where that is in doubt. Written
// again it would count twice.
func (e *Emitter) settle(ctx context.Context) error {
	if e.doubt == nil {
		return nil
	}
	arrived, err := e.sink.has(ctx, e.doubt.at, e.number)
	if err != nil && driver.KindOf(err).Retriable() {
		return err
	}
	if err != nil { // not allowed to look: rather a minute too few than one twice
		text, _ := document(e.options, e.number, e.last, *e.doubt)
		e.options.Logger.Warn("it cannot be seen whether metrics reached CloudWatch: they are taken to have",
			"error", err, "document", string(text))
		arrived = true
	}
	if arrived {
		e.last = *e.doubt
	}
	e.doubt = nil
	return nil
}
