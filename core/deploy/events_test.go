package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dth-dev/dth/core/deploy"
)

const id = "arn:aws:cloudformation:eu-west-1:111122223333:stack/photos/1"

// history answers with the events of a stack, newest first: each "status resource reason".
func history(events ...[3]string) answer {
	body := ""
	for i, e := range events {
		of := "i-1"
		if e[1] == "photos" {
			of = id
		}
		number := string(rune('a' + len(events) - i)) // the same for the same event
		body += "<member><EventId>" + number + "</EventId><Timestamp>2026-11-25T12:00:00Z</Timestamp><StackId>" + id + "</StackId><PhysicalResourceId>" + of + "</PhysicalResourceId><LogicalResourceId>" + e[1] +
			"</LogicalResourceId><ResourceType>T</ResourceType><ResourceStatus>" + e[0] + "</ResourceStatus><ResourceStatusReason>" + e[2] + "</ResourceStatusReason></member>"
	}
	return answer{body: "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>" + body + "</StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>"}
}

var (
	old       = [3]string{"UPDATE_COMPLETE", "photos", ""}
	oldFailed = [3]string{"UPDATE_FAILED", "Old", "long ago"}
	begun     = [3]string{"UPDATE_IN_PROGRESS", "photos", ""}
	cancelled = [3]string{"UPDATE_FAILED", "Table", "Resource update cancelled"}
	queue     = [3]string{"UPDATE_FAILED", "Queue", "no right to it"}
	rolling   = [3]string{"UPDATE_ROLLBACK_IN_PROGRESS", "photos", "The following resource(s) failed"}
	rolled    = [3]string{"UPDATE_ROLLBACK_COMPLETE", "photos", ""}
)

// The end of what came before is not the end of what was just begun, and what failed before
// is not what fails now.
func TestCarryFollowsWhatItBegan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after answer
		told  []string
		err   *deploy.FailedError
	}{
		"well": {history([3]string{"UPDATE_COMPLETE", "photos", ""}, begun, oldFailed, old), []string{"photos UPDATE_IN_PROGRESS", "photos UPDATE_COMPLETE"}, nil},
		"badly": {history(rolled, rolling, queue, cancelled, begun, oldFailed, old),
			[]string{"photos UPDATE_IN_PROGRESS", "Table UPDATE_FAILED", "Queue UPDATE_FAILED", "photos UPDATE_ROLLBACK_IN_PROGRESS", "photos UPDATE_ROLLBACK_COMPLETE"},
			&deploy.FailedError{Stack: "photos", Status: "UPDATE_ROLLBACK_COMPLETE", First: deploy.Event{Status: "UPDATE_FAILED", Resource: "Queue", Type: "T", Reason: "no right to it"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := &account{first: map[string][]answer{"DescribeStackEvents": {history(oldFailed, old)}}}
			cloud := served.serve(t, map[string]answer{"ExecuteChangeSet": {body: "<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>"}, "DescribeStackEvents": c.after})
			var told []string
			err := cloud.Carry(t.Context(), &deploy.Proposal{Stack: id}, func(event deploy.Event) { told = append(told, event.Resource+" "+event.Status) })
			if diff := cmp.Diff(c.told, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			var failed *deploy.FailedError
			errors.As(err, &failed)
			if diff := cmp.Diff(c.err, failed, cmpopts.IgnoreFields(deploy.Event{}, "Time")); diff != "" || err != nil && failed == nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Who is interrupted leaves the stack to itself.
func TestCarryCanBeLeft(t *testing.T) {
	t.Parallel()
	served := &account{first: map[string][]answer{"DescribeStackEvents": {history(old)}}}
	cloud := served.serve(t, map[string]answer{"ExecuteChangeSet": {body: "<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>"}, "DescribeStackEvents": history(begun, old)})
	ctx, cancel := context.WithCancel(t.Context())
	err := cloud.Carry(ctx, &deploy.Proposal{Stack: id}, func(deploy.Event) { cancel() })
	var left *deploy.LeftError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &left) {
		t.Errorf("%v", err)
	}
	want := []string{"DescribeStackEvents", "ExecuteChangeSet", "DescribeStackEvents"}
	if diff := cmp.Diff(want, served.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A stack whose events can no longer be read goes on all the same.
func TestCarryLosesSight(t *testing.T) {
	t.Parallel()
	served := &account{first: map[string][]answer{"DescribeStackEvents": {history(old)}}}
	cloud := served.serve(t, map[string]answer{"ExecuteChangeSet": done("ExecuteChangeSet"), "DescribeStackEvents": refusedQuery("ExpiredToken", "too late")})
	err := cloud.Carry(t.Context(), &deploy.Proposal{Stack: id}, func(deploy.Event) {})
	var left *deploy.LeftError
	if !errors.As(err, &left) || !strings.Contains(err.Error(), "ExpiredToken") {
		t.Errorf("%v", err)
	}
}
