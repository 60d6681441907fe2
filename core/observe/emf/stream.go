package emf

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/driver"
)

// stream is a log stream of this process alone. It needs logs:CreateLogStream and
// logs:PutLogEvents, and logs:GetLogEvents for when an answer was lost.
type stream struct {
	client      *cloudwatchlogs.Client
	group, name string
}

var _ sink = (*stream)(nil)

// newStream does not ask CloudWatch for anything yet. The SDK repeats nothing: a
// repeated document counts twice.
func newStream(options Options) *stream {
	name := strings.Join([]string{string(options.Role), options.Instance, time.Now().UTC().Format("20060102T150405Z") + "-" + rand.Text()[:8]}, "/")
	client := cloudwatchlogs.NewFromConfig(options.Config, func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
	return &stream{client: client, group: options.Group, name: strings.NewReplacer(":", "-", "*", "-").Replace(name)}
}

func (s *stream) put(ctx context.Context, at time.Time, document []byte) error {
	err := s.write(ctx, at, document)
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) { // the first document, or somebody removed the stream
		if err := s.create(ctx); err != nil {
			return err
		}
		err = s.write(ctx, at, document)
	}
	return err
}

func (s *stream) write(ctx context.Context, at time.Time, document []byte) error {
	out, err := s.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: &s.group, LogStreamName: &s.name,
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(string(document))}},
	}, cloudwatchlogs.WithAPIOptions(smithyhttp.SetHeaderValue("X-Amzn-Logs-Format", "json/emf")))
	if err != nil {
		return s.fail("write to", err, true)
	}
	if out.RejectedLogEventsInfo != nil { // in an answer of success
		return fmt.Errorf("write to log stream %s of %s: the time %s was rejected: set the machine's clock", s.name, s.group, at.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *stream) create(ctx context.Context) error {
	_, err := s.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &s.group, LogStreamName: &s.name})
	var exists *types.ResourceAlreadyExistsException
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return s.fail("create", err, false)
}

// has reads the events of one millisecond; pages may be empty before the last one.
func (s *stream) has(ctx context.Context, at time.Time, number int) (bool, error) {
	input := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &s.group, LogStreamName: &s.name, StartFromHead: aws.Bool(true),
		StartTime: aws.Int64(at.UnixMilli()), EndTime: aws.Int64(at.UnixMilli() + 1),
	}
	for {
		out, err := s.client.GetLogEvents(ctx, input)
		var missing *types.ResourceNotFoundException
		if errors.As(err, &missing) {
			return false, nil
		}
		if err != nil {
			return false, s.fail("read", err, false)
		}
		for _, event := range out.Events {
			var found struct{ Sequence int }
			if err := json.Unmarshal([]byte(aws.ToString(event.Message)), &found); err == nil && found.Sequence == number {
				return true, nil
			}
		}
		next := aws.ToString(out.NextForwardToken)
		if next == "" || next == aws.ToString(input.NextToken) {
			return false, nil
		}
		input.NextToken = &next
	}
}

// fail says what came of a request: whether it may be tried again and, of a write,
// whether it may have been carried out.
func (s *stream) fail(doing string, err error, write bool) error {
	failure := &driver.Error{
		Op: "metrics", Kind: driver.KindDenied,
		Err: fmt.Errorf("%s log stream %s of %s: %w", doing, s.name, s.group, err),
	}
	var refusal smithy.APIError
	var answer interface{ HTTPStatusCode() int }
	var operation *net.OpError
	refused := errors.As(err, &refusal) && errors.As(err, &answer) && answer.HTTPStatusCode() < http.StatusInternalServerError
	switch {
	case refused && (answer.HTTPStatusCode() == http.StatusTooManyRequests || strings.Contains(refusal.ErrorCode(), "Throttl")):
		failure.Kind = driver.KindThrottled
	case refused:
	case errors.As(err, &operation) && operation.Op == "dial":
		failure.Kind = driver.KindUnavailable
	case write:
		failure.Kind, failure.Err = driver.KindUnknown, fmt.Errorf("%w: %w", errDoubt, failure.Err)
	default:
		failure.Kind = driver.KindUnavailable
	}
	return failure
}
