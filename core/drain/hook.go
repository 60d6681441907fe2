package drain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/smithy-go"
)

// HookTag is the tag of an instance that names the lifecycle hook for its termination.
const HookTag = "dth:termination-hook"

// hook is what one lifecycle action is known by.
type hook struct{ group, name, instance string }

// Complete ends the watching and, where the Auto Scaling group waits for this instance,
// tells it to go on: call it when the last work is done. It returns nil where
// no group waits, where no hook is named, and where the group has gone on by itself.
func (w *Watcher) Complete(ctx context.Context) error {
	w.Close()
	defer w.metadata.close()
	if w.metadata.instance == "" {
		return nil // no EC2 instance
	}
	if !w.isTerminating() {
		// SIGTERM may come of a termination that the last look did not see yet.
		if terminates, err := w.metadata.terminates(ctx); err != nil || !terminates {
			return err
		}
	}
	hook, err := w.findHook(ctx)
	if err != nil {
		return err
	}
	if hook == nil {
		w.options.Logger.Info("no lifecycle hook is named: the group terminates the instance without being told that it is drained")
		return nil
	}
	result := "CONTINUE"
	_, err = w.scaling.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: &hook.group, LifecycleHookName: &hook.name, InstanceId: &hook.instance, LifecycleActionResult: &result,
	})
	if err != nil && !isOver(err) {
		return fmt.Errorf("complete the lifecycle action of hook %s of Auto Scaling group %s: %w", hook.name, hook.group, err)
	}
	return nil
}

// beat has the group wait longer. A failure only shortens the time to drain.
func (w *Watcher) beat(ctx context.Context) {
	hook, err := w.findHook(ctx)
	if err == nil && hook != nil {
		_, err = w.scaling.RecordLifecycleActionHeartbeat(ctx, &autoscaling.RecordLifecycleActionHeartbeatInput{
			AutoScalingGroupName: &hook.group, LifecycleHookName: &hook.name, InstanceId: &hook.instance,
		})
	}
	if err != nil && !isOver(err) && ctx.Err() == nil {
		w.options.Logger.Warn("the Auto Scaling group may not wait for this instance to drain", "error", err)
	}
}

// findHook returns nil where no group or no hook is named.
func (w *Watcher) findHook(ctx context.Context) (*hook, error) {
	found := hook{group: w.options.Group, name: w.options.Hook, instance: w.metadata.instance}
	for _, value := range []struct {
		target *string
		path   string
	}{
		{&found.group, "tags/instance/aws:autoscaling:groupName"},
		{&found.name, "tags/instance/" + HookTag},
	} {
		if *value.target != "" {
			continue
		}
		text, err := w.metadata.read(ctx, value.path)
		if err != nil || text == "" {
			return nil, err
		}
		*value.target = text
	}
	return &found, nil
}

// isOver says that the group does not wait any more: it was told before, or its time
// is over. Auto Scaling has no code of its own for it.
func isOver(err error) bool {
	var failure smithy.APIError
	return errors.As(err, &failure) && failure.ErrorCode() == "ValidationError" &&
		strings.Contains(failure.ErrorMessage(), "No active Lifecycle Action found")
}
