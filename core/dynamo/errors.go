package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/dth-dev/dth/sdk/driver"
)

// ConditionError says that an item is not as the condition of a write wants it.
type ConditionError struct {
	Item Item // as it is; nil where there is none
}

func (e *ConditionError) Error() string { return "the condition of the write does not hold" }

// CancelledError says of which writes of a transaction the condition does not hold.
// None of the transaction was written.
type CancelledError struct{ Unmet []bool }

func (e *CancelledError) Error() string {
	return fmt.Sprintf("the condition of a write of the transaction does not hold: %v", e.Unmet)
}

// failure says what a caller should do about an error of one attempt, see driver.Kind.
func failure(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	var unmet *types.ConditionalCheckFailedException
	if errors.As(err, &unmet) {
		return &ConditionError{Item: unmet.Item}
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return cancellation(doing, cancelled)
	}
	if ctx.Err() != nil { // the caller's, not that of the attempt
		return fmt.Errorf("DynamoDB %s: %w", doing, ctx.Err())
	}
	var told *driver.Error
	if errors.As(err, &told) { // by errUnprocessed
		return err
	}
	failed := &driver.Error{Op: "DynamoDB " + doing, Kind: driver.KindUnavailable, Err: err}
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) {
		failed.Status, failed.RequestID = answered.HTTPStatusCode(), answered.ServiceRequestID()
	}
	var stated smithy.APIError
	if errors.As(err, &stated) {
		failed.Code, failed.Message = stated.ErrorCode(), stated.ErrorMessage()
		failed.Kind = kindOf(stated.ErrorCode(), failed.Status)
	}
	return failed
}

// kindOf classifies what DynamoDB answers. The codes are those of its API reference,
// "Common Errors", and of its developer guide, "Error handling with DynamoDB".
func kindOf(code string, status int) driver.Kind {
	switch code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "ThrottlingError", "RequestLimitExceeded", "LimitExceededException",
		"TransactionConflictException", "TransactionConflict", "TransactionInProgressException", "ProvisionedThroughputExceeded":
		return driver.KindThrottled
	case "ExpiredTokenException", "RequestExpired":
		return driver.KindExpired
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "MissingAuthenticationTokenException",
		"InvalidSignatureException", "IncompleteSignatureException", "InvalidClientTokenId", "NotAuthorized":
		return driver.KindDenied
	case "ResourceNotFoundException":
		return driver.KindNotFound
	}
	if status >= 500 || status == 0 {
		return driver.KindUnavailable
	}
	return driver.KindInvalidArgument
}

// cancellation tells a condition that does not hold, which is the caller's to know, from
// a conflict or throttling, which passes.
func cancellation(doing string, cancelled *types.TransactionCanceledException) error {
	failed := &driver.Error{Op: "DynamoDB " + doing, Kind: driver.KindThrottled, Err: cancelled}
	unmet := &CancelledError{Unmet: make([]bool, len(cancelled.CancellationReasons))}
	final := false
	for i, reason := range cancelled.CancellationReasons {
		switch code := aws.ToString(reason.Code); code {
		case "", "None":
		case "ConditionalCheckFailed":
			unmet.Unmet[i], final = true, true
		default:
			failed.Code, failed.Message, failed.Kind = code, aws.ToString(reason.Message), kindOf(code, 400)
		}
	}
	if final {
		return unmet
	}
	return failed
}
