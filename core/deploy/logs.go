package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/dth-dev/dth/core/job"
)

// Line is one line of a log.
type Line struct {
	Time   time.Time
	Stream string // which says whose it is: worker/i-0123456789/log
	Text   string
}

// LogGroups returns the log groups of a stack: of finders, of workers, or of both.
func (s Status) LogGroups(finder, worker bool) ([]string, error) {
	var groups []string
	for _, one := range []struct {
		output string
		wanted bool
	}{{"FinderLogGroupName", finder || !worker}, {"WorkerLogGroupName", worker || !finder}} {
		switch group := s.Outputs[one.output]; {
		case !one.wanted:
		case group == "":
			return nil, &job.Error{What: fmt.Sprintf("stack %s is %s and names no log group", s.Stack, s.State), Do: "see dth deploy status " + s.Stack}
		default:
			groups = append(groups, group)
		}
	}
	return groups, nil
}

// Logs tells the lines of log groups from a moment on, in the order of time, and with
// follow those that come until the context ends. What tell returns ends it.
func (c *Cloud) Logs(ctx context.Context, groups []string, since time.Time, follow bool, tell func(Line) error) error {
	readers := make([]*reader, len(groups))
	for i, group := range groups {
		readers[i] = &reader{cloud: c, group: group, since: since, again: follow, seen: map[string]time.Time{}}
	}
	for {
		if err := merge(ctx, readers, tell); err != nil {
			return err
		}
		if !follow {
			return nil
		}
		if err := wait(ctx); err != nil {
			if errors.Is(err, context.Canceled) {
				return nil // that is how following ends
			}
			return err
		}
	}
}

// merge tells what all readers have, oldest first.
func merge(ctx context.Context, readers []*reader, tell func(Line) error) error {
	for _, r := range readers {
		r.begin()
	}
	for {
		var oldest *reader
		for _, r := range readers {
			if err := r.fill(ctx); err != nil {
				return err
			}
			if len(r.lines) > 0 && (oldest == nil || r.lines[0].Time.Before(oldest.lines[0].Time)) {
				oldest = r
			}
		}
		if oldest == nil {
			return nil
		}
		if err := tell(oldest.lines[0]); err != nil {
			return err
		}
		oldest.lines = oldest.lines[1:]
	}
}

// late is how long after its time a line may still appear: agents send in batches.
const late = time.Minute

// reader reads one log group, page by page.
type reader struct {
	cloud  *Cloud
	group  string
	since  time.Time
	again  bool // there will be another round, in which the last lines come again
	seen   map[string]time.Time
	newest time.Time
	lines  []Line
	next   string
	ended  bool // of this round
}

// fill reads on until there is a line, or none is left.
func (r *reader) fill(ctx context.Context) error {
	for len(r.lines) == 0 && !r.ended {
		input := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &r.group, StartTime: aws.Int64(r.since.UnixMilli())}
		if r.next != "" {
			input.NextToken = &r.next
		}
		page, err := r.cloud.logs.FilterLogEvents(ctx, input)
		if err != nil {
			return fmt.Errorf("read log group %s: %w", r.group, err)
		}
		r.take(page.Events)
		r.next = aws.ToString(page.NextToken)
		r.ended = r.next == ""
	}
	return nil
}

// take takes the lines of a page over, and remembers those that will come again.
func (r *reader) take(events []types.FilteredLogEvent) {
	for _, event := range events {
		id, at := aws.ToString(event.EventId), time.UnixMilli(aws.ToInt64(event.Timestamp))
		if _, again := r.seen[id]; again {
			continue
		}
		if at.After(r.newest) {
			r.newest = at
		}
		if r.again {
			r.seen[id] = at
		}
		r.lines = append(r.lines, Line{at, aws.ToString(event.LogStreamName), aws.ToString(event.Message)})
	}
	for id, at := range r.seen {
		if at.Before(r.newest.Add(-late)) {
			delete(r.seen, id)
		}
	}
}

// begin begins a round, at the lines that may have become more since the last one.
func (r *reader) begin() {
	if from := r.newest.Add(-late); from.After(r.since) {
		r.since = from
	}
	r.next, r.ended = "", false
}
