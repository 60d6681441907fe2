package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Event is something that happened to a stack.
type Event struct {
	Time     time.Time
	Status   string // CREATE_IN_PROGRESS, CREATE_FAILED …
	Resource string // its name in the template, or the stack's
	Type     string
	Reason   string // empty where all is well
}

// Failed says whether the event is of something that went wrong.
func (e Event) Failed() bool { return strings.HasSuffix(e.Status, "_FAILED") }

// FailedError is a stack that did not become what it should.
type FailedError struct {
	Stack, Status string
	First         Event // what failed first; zero where no event says
}

func (e *FailedError) Error() string {
	if e.First.Resource == "" {
		return fmt.Sprintf("stack %s is %s", e.Stack, e.Status)
	}
	return fmt.Sprintf("stack %s is %s: %s (%s) failed first: %s", e.Stack, e.Status, e.First.Resource, e.First.Type, e.First.Reason)
}

// follower reads the events of a stack from a moment on.
type follower struct {
	cloud *Cloud
	stack string // id
	last  string // id of the newest event that was read
	first Event  // that failed
}

// follow begins to follow a stack, from now on.
func (c *Cloud) follow(ctx context.Context, stack string) (*follower, error) {
	page, err := c.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		return nil, fmt.Errorf("read the events of stack %s: %w", nameOf(stack), err)
	}
	f := &follower{cloud: c, stack: stack}
	if len(page.StackEvents) > 0 { // newest first
		f.last = aws.ToString(page.StackEvents[0].EventId)
	}
	return f, nil
}

// run tells events as they come, until the stack has come to rest. The end is an event, not
// the stack's state: that may still be the one before the work began. An error is a
// *FailedError or a *LeftError.
func (f *follower) run(ctx context.Context, tell func(Event)) error {
	for {
		status, err := f.news(ctx, tell)
		switch {
		case err != nil:
			return &LeftError{err}
		case status == "CREATE_COMPLETE", status == "UPDATE_COMPLETE", status == "DELETE_COMPLETE":
			return nil
		case status != "" && !strings.HasSuffix(status, "_IN_PROGRESS"):
			return &FailedError{Stack: nameOf(f.stack), Status: status, First: f.first}
		}
		if err := wait(ctx); err != nil {
			return &LeftError{err}
		}
	}
}

// nameOf returns the name in a stack's id, arn:…:stack/NAME/ID.
func nameOf(id string) string {
	_, rest, ok := strings.Cut(id, ":stack/")
	if !ok {
		return id
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// news tells the events since the last call, oldest first, and returns the stack's own
// newest status among them.
func (f *follower) news(ctx context.Context, tell func(Event)) (status string, err error) {
	var fresh []Event
	newest := ""
pages: // newest first
	for input := (&cloudformation.DescribeStackEventsInput{StackName: &f.stack}); ; {
		page, err := f.cloud.stacks.DescribeStackEvents(ctx, input)
		if err != nil {
			return "", fmt.Errorf("read the events of stack %s: %w", nameOf(f.stack), err)
		}
		for _, event := range page.StackEvents {
			id := aws.ToString(event.EventId)
			if newest == "" {
				newest = id
			}
			if id == f.last {
				break pages
			}
			if aws.ToString(event.PhysicalResourceId) == f.stack && status == "" {
				status = string(event.ResourceStatus)
			}
			fresh = append(fresh, Event{
				aws.ToTime(event.Timestamp), string(event.ResourceStatus), aws.ToString(event.LogicalResourceId),
				aws.ToString(event.ResourceType), aws.ToString(event.ResourceStatusReason),
			})
		}
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			break
		}
	}
	if newest != "" {
		f.last = newest
	}
	for _, event := range slices.Backward(fresh) {
		if event.Failed() && f.first.Resource == "" && !strings.Contains(event.Reason, "cancelled") {
			f.first = event
		}
		tell(event)
	}
	return status, nil
}
