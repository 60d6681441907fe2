// Package drain watches for reasons why this machine is to take no more work, and
// tells the Auto Scaling group that waits for it when the last work is done.
package drain

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/hashicorp/go-hclog"
)

const (
	// interval leaves 115 s of the two minutes between a Spot notice and the end;
	// AWS recommends to look every five seconds.
	interval = 5 * time.Second
	// beat is how many looks lie between two heartbeats of the lifecycle hook: a
	// minute, where the shortest hook that makes sense lasts two.
	beat = 12
	// longestPause is how many looks are left out at most where there never was any
	// instance metadata: five minutes.
	longestPause = 60
)

// Options say where a [Watcher] looks.
type Options struct {
	// Config reaches Auto Scaling with the role of the machine.
	Config aws.Config
	// Endpoint is that of the instance metadata; empty for what the environment says
	// (AWS_EC2_METADATA_SERVICE_ENDPOINT), or else EC2's own. With
	// AWS_EC2_METADATA_DISABLED=true only the stop context is watched.
	Endpoint string
	// Group and Hook name the Auto Scaling group and its lifecycle hook for instances
	// that terminate. Where they are empty, the instance's tags
	// aws:autoscaling:groupName and [HookTag] are read from its metadata, which the
	// launch template has to allow.
	Group, Hook string
	// Ticks has the metadata read at each tick; nil for every five seconds.
	Ticks  <-chan time.Time
	Logger hclog.Logger
}

// Watcher waits for the first reason to drain. It is safe for concurrent use.
type Watcher struct {
	options  Options
	metadata *metadata
	scaling  *autoscaling.Client

	drain       context.Context
	notify      context.CancelCauseFunc
	terminating chan struct{}
	forget      func() bool // stops waiting for the stop context

	cancel context.CancelFunc
	ended  chan struct{}
	closed sync.Once
}

// Watch begins to watch. The end of stop is a reason to drain like the others. Only
// IMDSv2 is asked, with a session token. A machine without instance metadata is asked
// ever more rarely, and nothing is logged about it.
func Watch(stop context.Context, options Options) *Watcher {
	w := &Watcher{
		options:     options,
		metadata:    newMetadata(options.Config, options.Endpoint),
		scaling:     autoscaling.NewFromConfig(options.Config),
		terminating: make(chan struct{}),
		ended:       make(chan struct{}),
	}
	base := context.WithoutCancel(stop)
	w.drain, w.notify = context.WithCancelCause(base)
	w.forget = context.AfterFunc(stop, func() {
		w.notify(&Notice{Reason: Stopped, Err: context.Cause(stop)})
	})
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(base)
	go w.run(ctx)
	return w
}

// Context ends when work is no longer to be taken, with a *[Notice] as its cause. It
// keeps the values of the stop context.
func (w *Watcher) Context() context.Context { return w.drain }

// Terminating is closed when the Auto Scaling group is about to terminate the
// instance, which may be minutes after another reason to drain: a group that
// rebalances starts the successor first. Who wants the instance to leave without delay
// then calls Complete only after this.
func (w *Watcher) Terminating() <-chan struct{} { return w.terminating }

// Close ends the watching, and the context if it has not ended.
func (w *Watcher) Close() {
	w.closed.Do(func() {
		w.forget()
		w.cancel()
		<-w.ended
		w.notify(nil)
		w.metadata.close()
	})
}

// run looks at once and at each tick. It goes on after the first reason, for the
// termination that may follow it and for its heartbeats.
func (w *Watcher) run(ctx context.Context) {
	defer close(w.ended)
	ticks := w.options.Ticks
	if ticks == nil {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	pause, failures, beats := 0, 0, 0
	for {
		if pause > 0 {
			pause--
		} else if err := w.look(ctx); err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			failures++
			pause = w.failed(err, failures)
		}
		if w.isTerminating() {
			if beats++; beats%beat == 0 {
				w.beat(ctx)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// failed returns how many ticks to leave out after so many failures in a row.
func (w *Watcher) failed(err error, failures int) int {
	if w.metadata.instance == "" {
		if failures == 1 {
			w.options.Logger.Debug("no instance metadata here", "error", err)
		}
		return min(1<<min(failures-1, 6)-1, longestPause)
	}
	if failures == 1 {
		w.options.Logger.Warn("instance metadata does not answer: a Spot notice would be missed", "error", err)
	}
	return 0
}

// look reads what may be a reason to drain.
func (w *Watcher) look(ctx context.Context) error {
	if err := w.metadata.identify(ctx); err != nil {
		return err
	}
	if !w.isTerminating() {
		terminates, err := w.metadata.terminates(ctx)
		if err != nil {
			return err
		}
		if terminates {
			w.notify(&Notice{Reason: Terminated})
			close(w.terminating)
		}
	}
	select {
	case <-w.drain.Done():
		return nil
	default:
	}
	for _, read := range []func(context.Context) (*Notice, error){w.metadata.interruption, w.metadata.rebalance} {
		notice, err := read(ctx)
		if err != nil {
			return err
		}
		if notice != nil {
			w.notify(notice)
			return nil
		}
	}
	return nil
}

func (w *Watcher) isTerminating() bool {
	select {
	case <-w.terminating:
		return true
	default:
		return false
	}
}
