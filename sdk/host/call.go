package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// redrives is how often an idempotent call is repeated after its process was lost.
const redrives = 3

// call describes one driver call for retries and errors.
type call struct {
	op         string
	key        string
	idempotent bool
	slow       bool // the store itself may work for minutes: completing or copying
}

// lost says that the process went away under a call.
type lost struct {
	end  string // how it ended
	sent bool   // the call may have had its effect
}

// Error says how the process ended.
func (l *lost) Error() string { return l.end }

// slowFactor is how much longer than others a slow call may take.
const slowFactor = 11

// timeout bounds one attempt of a call.
func (p *Plugin) timeout(c call) time.Duration {
	if c.slow {
		return slowFactor * p.options.CallTimeout
	}
	return p.options.CallTimeout
}

// drive runs a call, and again on the next process when the process is lost and the call
// may be repeated. A call that was never sent always may.
func drive[T any](ctx context.Context, p *Plugin, c call, try func(context.Context) (T, error)) (T, error) {
	var none T
	for attempt := 0; ; attempt++ {
		ours := time.Now().Add(p.timeout(c))
		value, err := try(ctx)
		if err == nil {
			return value, nil
		}
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		// The plugin is told the deadline as a time left, and may see its end before we do.
		if deadline, set := ctx.Deadline(); set && deadline.Before(ours) && errors.Is(err, context.DeadlineExceeded) {
			return none, context.DeadlineExceeded
		}
		var gone *lost
		var unstarted *StartError
		switch {
		case errors.As(err, &gone) && attempt < redrives && (c.idempotent || !gone.sent):
			continue
		case errors.As(err, &unstarted) && attempt < redrives:
			continue
		}
		return none, p.explain(c, err, gone)
	}
}

// explain makes the error that the caller gets.
func (p *Plugin) explain(c call, err error, gone *lost) error {
	if p.life.Err() != nil {
		return errClosed(c.op)
	}
	var failure *driver.Error
	var unstarted *StartError
	switch {
	case gone != nil:
		return &driver.Error{
			Op: c.op, Key: c.key, Kind: driver.KindUnavailable, Code: "PluginCrashed",
			Message: fmt.Sprintf("plugin %s crashed: %s", p.manifest.Name, gone.end),
		}
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &unstarted):
		return &driver.Error{Op: c.op, Key: c.key, Kind: driver.KindUnavailable, Code: "PluginCrashed", Err: unstarted}
	case errors.Is(err, context.DeadlineExceeded):
		return &driver.Error{
			Op: c.op, Key: c.key, Kind: driver.KindUnavailable, Code: "Timeout",
			Message: fmt.Sprintf("plugin %s did not answer within %s", p.manifest.Name, p.timeout(c)),
		}
	case errors.Is(err, context.Canceled):
		// Not by the caller: the driver gave up by itself.
		return &driver.Error{
			Op: c.op, Key: c.key, Kind: driver.KindUnavailable, Code: "Canceled",
			Message: fmt.Sprintf("plugin %s gave the call up", p.manifest.Name),
		}
	}
	return &driver.Error{Op: c.op, Key: c.key, Kind: driver.KindFatal, Code: "PluginProtocol", Message: err.Error(), Err: err}
}

// failed turns the error of an RPC into the driver's own, or into *lost after
// the process is known to be gone.
func (i *instance) failed(err error) error {
	answer, ok := wire.ToCall(err)
	var failure *driver.Error
	switch {
	case errors.As(answer, &failure):
		i.proved()
		return answer
	case i.life.Err() != nil:
		i.bury()
		return &lost{end: i.ending(), sent: true}
	case ok:
		return answer
	}
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return &driver.Error{
			Kind: driver.KindInvalidArgument, Code: "MessageTooLarge",
			Message: fmt.Sprintf("a message between dth and the plugin exceeds %d MiB", wire.MaxMessage>>20),
		}
	case codes.Unimplemented:
		return &driver.Error{Kind: driver.KindUnsupported, Message: "the plugin does not know this call; install its newest version"}
	case codes.Unavailable:
		i.bury()
		return &lost{end: i.ending(), sent: true}
	}
	return err
}

// ending says how the process ended, as far as it is known.
func (i *instance) ending() string {
	if i.isDead() {
		return i.end
	}
	return "the connection to it broke"
}
