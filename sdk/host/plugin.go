package host

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// The circuit breaker: a plugin that was started breakerStarts times within breakerWindow
// without answering one call in between is not started again in that time.
const (
	breakerStarts = 5
	breakerWindow = time.Minute
	firstBackOff  = 100 * time.Millisecond // before the second start; doubled for each further one
)

// Plugin is a plugin with at most one process at a time. It implements
// driver.Driver; all methods may be called concurrently.
type Plugin struct {
	manifest Manifest
	options  Options
	names    []string // of variables beyond those of the manifest
	logger   hclog.Logger
	life     context.Context // ends with Close
	end      context.CancelFunc

	mu       sync.Mutex
	current  *instance   // nil before the first start
	starting *starting   // nil unless a start is under way
	starts   []time.Time // since the last answered call
	lastEnd  string      // how the process before ended
}

// starting is one start that any number of calls wait for.
type starting struct {
	done     chan struct{}
	instance *instance
	err      error
}

var _ driver.Driver = (*Plugin)(nil)

// Manifest returns what the plugin was started with.
func (p *Plugin) Manifest() Manifest { return p.manifest }

// Describe implements driver.Driver.
func (p *Plugin) Describe(ctx context.Context) (driver.Description, error) {
	return drive(ctx, p, call{op: "Describe", idempotent: true}, func(ctx context.Context) (driver.Description, error) {
		ctx, cancel := context.WithTimeout(ctx, p.options.CallTimeout)
		defer cancel()
		i, err := p.instance(ctx)
		if err != nil {
			return driver.Description{}, err
		}
		answer, err := i.client.Describe(ctx, &storagepb.DescribeRequest{})
		if err != nil {
			return driver.Description{}, i.failed(err)
		}
		return wire.ToDescription(answer), nil
	})
}

// Open implements driver.Driver. The bucket opens itself again on the process that
// follows a crashed one. Closing it leaves the plugin running.
func (p *Plugin) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	opened, err := p.open(ctx, request)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

func (p *Plugin) open(ctx context.Context, request driver.OpenRequest) (*bucket, error) {
	if what := notUTF8(request); what != "" {
		return nil, &driver.Error{
			Op: "Open", Bucket: request.Bucket, Kind: driver.KindInvalidArgument,
			Message: fmt.Sprintf("%s is not valid UTF-8; write it in UTF-8", what),
		}
	}
	b := newBucket(p, request)
	if _, err := drive(ctx, p, call{op: "Open", idempotent: true}, b.attach); err != nil {
		return nil, err
	}
	return b, nil
}

// notUTF8 names the part of a request that the wire cannot carry.
func notUTF8(request driver.OpenRequest) string {
	if !utf8.ValidString(request.Bucket) {
		return "the bucket's name"
	}
	if !utf8.ValidString(request.Credentials) {
		return "the credentials reference"
	}
	for name, value := range request.Options {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return fmt.Sprintf("option %q", name)
		}
	}
	return ""
}

// Close ends the process, within 3 s whatever it does. Calls that are running fail.
func (p *Plugin) Close() error {
	p.mu.Lock()
	p.end()
	current, under := p.current, p.starting
	p.mu.Unlock()
	if under != nil {
		<-under.done // its context has just ended
		if under.instance != nil {
			current = under.instance
		}
	}
	if current != nil {
		current.stop()
	}
	return nil
}

// errClosed is the outcome of every call after Close.
func errClosed(op string) error {
	return &driver.Error{Op: op, Kind: driver.KindFatal, Code: "Closed", Message: "the plugin or bucket has been closed"}
}

// instance returns the running process and starts one when there is none.
func (p *Plugin) instance(ctx context.Context) (*instance, error) {
	p.mu.Lock()
	if p.life.Err() != nil {
		p.mu.Unlock()
		return nil, errClosed("Open")
	}
	if p.current != nil && !p.current.isDead() {
		defer p.mu.Unlock()
		return p.current, nil
	}
	if p.starting == nil {
		p.starting = &starting{done: make(chan struct{})}
		go p.start(p.starting)
	}
	under := p.starting
	p.mu.Unlock()
	select {
	case <-under.done:
		return under.instance, under.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start starts a process after the back-off and tells all who wait. A call that gives
// up does not end a start that others wait for.
func (p *Plugin) start(under *starting) {
	defer close(under.done)
	wait, err := p.admit()
	if err == nil {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			under.instance, err = launch(p.life, p)
		case <-p.life.Done():
			err = errClosed("Open")
		}
	}
	under.err = err
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting = nil
	if err != nil {
		if failure, ok := err.(*StartError); ok { //nolint:errorlint // launch returns it bare
			p.lastEnd = failure.Reason
		}
		return
	}
	p.logger.Debug("plugin started", "pid", under.instance.process.pid)
	p.current = under.instance
	go p.observe(under.instance)
}

// admit says how long the next start has to wait, or that there shall be none.
func (p *Plugin) admit() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.starts) > 0 && now.Sub(p.starts[0]) > breakerWindow {
		p.starts = p.starts[1:]
	}
	if len(p.starts) >= breakerStarts {
		return 0, &driver.Error{
			Op: "Open", Kind: driver.KindFatal, Code: "PluginCrashLoop",
			Message: fmt.Sprintf("plugin %s failed %d times within %s and is not started again; the last time %s",
				p.manifest.Name, breakerStarts, breakerWindow, p.lastEnd),
		}
	}
	var wait time.Duration
	if n := len(p.starts); n > 0 {
		wait = firstBackOff << (n - 1)
	}
	p.starts = append(p.starts, now)
	return wait, nil
}

// observe waits for the process to end and logs it, unless the end was asked for.
func (p *Plugin) observe(i *instance) {
	<-i.dead
	p.mu.Lock()
	p.lastEnd = i.end
	p.mu.Unlock()
	if p.life.Err() == nil {
		p.logger.Warn("plugin crashed", "pid", i.process.pid, "end", i.end)
	}
}

// proven notes that a process answered a call: it is worth being started again.
func (p *Plugin) proven() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starts = nil
}
