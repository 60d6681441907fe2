package sqs

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/dth-dev/dth/sdk/driver"
)

// box is one queue of the service.
type box struct {
	name    string // for people
	url     string
	sends   *collector[entry]
	deletes *collector[string] // receipt handles
	changes *collector[change]

	mu       sync.Mutex
	receives string // how often a message is received before SQS moves it, once asked
}

// entry is a message to send.
type entry struct {
	text  string
	delay int32 // seconds
}

// change makes a message invisible for so many seconds from now on.
type change struct {
	receipt string
	seconds int32
}

func (q *Queue) newBox(name, url string, deleteLinger time.Duration) *box {
	b := &box{name: name, url: url}
	b.sends = newCollector(q, q.timings.SendLinger, func(e entry) int { return len(e.text) },
		func(ctx context.Context, entries []entry) []error { return q.sendBatch(ctx, b, entries) })
	b.deletes = newCollector(q, deleteLinger, func(string) int { return 0 },
		func(ctx context.Context, receipts []string) []error { return q.deleteBatch(ctx, b, receipts) })
	b.changes = newCollector(q, q.timings.SendLinger, func(change) int { return 0 },
		func(ctx context.Context, changes []change) []error { return q.changeBatch(ctx, b, changes) })
	return b
}

func newCollector[E any](q *Queue, linger time.Duration, size func(E) int, request func(context.Context, []E) []error) *collector[E] {
	return &collector[E]{linger: linger, retry: q.retry, life: q.life, active: &q.active, size: size, request: request}
}

func (q *Queue) sendBatch(ctx context.Context, b *box, entries []entry) []error {
	input := &sqs.SendMessageBatchInput{QueueUrl: &b.url}
	for i, e := range entries {
		input.Entries = append(input.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(e.text), DelaySeconds: e.delay,
		})
	}
	out, err := q.client.SendMessageBatch(ctx, input)
	if err != nil {
		return all(len(entries), failed("SendMessageBatch", err))
	}
	var done []string
	for _, entry := range out.Successful {
		done = append(done, aws.ToString(entry.Id))
	}
	return outcomes("SendMessageBatch", len(entries), done, out.Failed)
}

func (q *Queue) deleteBatch(ctx context.Context, b *box, receipts []string) []error {
	input := &sqs.DeleteMessageBatchInput{QueueUrl: &b.url}
	for i, receipt := range receipts {
		input.Entries = append(input.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(receipt)})
	}
	out, err := q.client.DeleteMessageBatch(ctx, input)
	if err != nil {
		return all(len(receipts), failed("DeleteMessageBatch", err))
	}
	var done []string
	for _, entry := range out.Successful {
		done = append(done, aws.ToString(entry.Id))
	}
	return outcomes("DeleteMessageBatch", len(receipts), done, out.Failed)
}

func (q *Queue) changeBatch(ctx context.Context, b *box, changes []change) []error {
	input := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &b.url}
	for i, c := range changes {
		input.Entries = append(input.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(c.receipt), VisibilityTimeout: c.seconds,
		})
	}
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, input)
	if err != nil {
		return all(len(changes), failed("ChangeMessageVisibilityBatch", err))
	}
	var done []string
	for _, entry := range out.Successful {
		done = append(done, aws.ToString(entry.Id))
	}
	return outcomes("ChangeMessageVisibilityBatch", len(changes), done, out.Failed)
}

func all(count int, err error) []error {
	errs := make([]error, count)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// outcomes returns the outcome of each entry of a batch that was answered with 200. An
// entry counts as served only where the answer says so.
func outcomes(op string, count int, done []string, refused []types.BatchResultErrorEntry) []error {
	errs := all(count, &driver.Error{Op: op, Kind: driver.KindUnavailable, Message: "the answer does not say what became of the entry"})
	set := func(id string, err error) {
		if i, parseErr := strconv.Atoi(id); parseErr == nil && i >= 0 && i < count {
			errs[i] = err
		}
	}
	for _, id := range done {
		set(id, nil)
	}
	for _, entry := range refused {
		code := aws.ToString(entry.Code)
		failure := &driver.Error{Op: op, Kind: kindOf(code, !entry.SenderFault), Code: code, Message: aws.ToString(entry.Message)}
		if failure.Message == "" {
			failure.Message = "the entry was refused"
		}
		set(aws.ToString(entry.Id), failure)
	}
	return errs
}

// failed returns what a whole request failed with. What carries no answer of the service
// was lost on the way, one way or the other.
func failed(op string, err error) error {
	failure := &driver.Error{Op: op, Kind: driver.KindUnavailable, Err: err}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return failure
	}
	failure.Code, failure.Message = bare(answer.ErrorCode()), answer.ErrorMessage()
	var response *awshttp.ResponseError
	serverFault := answer.ErrorFault() == smithy.FaultServer
	if errors.As(err, &response) {
		failure.RequestID, failure.Status = response.ServiceRequestID(), response.HTTPStatusCode()
		serverFault = serverFault || failure.Status >= 500
	}
	failure.Kind = kindOf(failure.Code, serverFault)
	return failure
}

// bare strips what some services put before an error code.
func bare(code string) string {
	return code[strings.LastIndexAny(code, ".#")+1:]
}

// kindOf classifies a code of SQS, after
// docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
func kindOf(code string, serverFault bool) driver.Kind {
	switch bare(code) {
	case "OverLimit", "RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
		"RequestLimitExceeded", "TooManyRequestsException", "KmsThrottled", "PriorRequestNotComplete":
		return driver.KindThrottled
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed":
		return driver.KindExpired
	case "QueueDoesNotExist", "NonExistentQueue":
		return driver.KindNotFound
	case "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
		"InvalidSignatureException", "MissingAuthenticationToken", "KmsAccessDenied":
		return driver.KindDenied
	}
	if serverFault {
		return driver.KindUnavailable
	}
	return driver.KindInvalidArgument
}

// stale says whether err means that a receipt handle does not hold its message any more:
// its time is over, somebody else received it, or it is gone.
func stale(err error) bool {
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return false
	}
	switch bare(failure.Code) {
	case "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue", "InvalidIdFormat":
		return true
	}
	return false
}

// overLimit says whether err means that as many messages are in flight as the queue
// allows.
func overLimit(err error) bool {
	var failure *driver.Error
	return errors.As(err, &failure) && bare(failure.Code) == "OverLimit"
}

// seconds rounds a time up to what the service takes.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second)
}

// sentAt returns when a message was sent, in milliseconds; zero where the service does
// not say.
func sentAt(message types.Message) time.Time {
	milliseconds, err := strconv.ParseInt(message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}
