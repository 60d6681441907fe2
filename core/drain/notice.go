package drain

import (
	"fmt"
	"time"
)

// Reason is why a machine is to take no more work.
type Reason string

// The reasons. What is named of them is what instance metadata calls it.
const (
	// Stopped is the wish of whoever started the process, SIGTERM say.
	Stopped Reason = "the process was asked to stop"
	// Interrupted is spot/instance-action: EC2 takes a Spot instance back, two minutes
	// after it said so.
	Interrupted Reason = "EC2 takes the Spot instance back"
	// Rebalance is events/recommendations/rebalance: an interruption is likely. A group
	// with capacity rebalancing starts another instance and terminates this one.
	Rebalance Reason = "EC2 recommends to leave the Spot instance"
	// Terminated is autoscaling/target-lifecycle-state: the group is about to terminate
	// the instance, and waits for its lifecycle hook.
	Terminated Reason = "the Auto Scaling group terminates the instance"
)

// Notice says that a machine is to take no more work. It is the cause with which the
// context of a [Watcher] ends.
type Notice struct {
	Reason   Reason
	Deadline time.Time // when the machine is gone; zero where nobody said so
	Err      error     // why the process was asked to stop, else nil
}

func (n *Notice) Error() string {
	switch {
	case !n.Deadline.IsZero():
		return fmt.Sprintf("%s at %s", n.Reason, n.Deadline.UTC().Format(time.RFC3339))
	case n.Err != nil:
		return fmt.Sprintf("%s: %v", n.Reason, n.Err)
	}
	return string(n.Reason)
}

func (n *Notice) Unwrap() error { return n.Err }
