package wire

import (
	"context"
	"errors"
	"regexp"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// maxMessageText bounds the text of an error: it travels in a trailer.
const maxMessageText = 4 << 10

// query matches the query string of a URL: it may hold a signature.
var query = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*`)

// Redact cuts the query strings of URLs out of a text for people.
func Redact(s string) string { return query.ReplaceAllString(s, "?…") }

// FromError converts to the wire. An error that is no *driver.Error becomes
// KindUnknown with its text.
func FromError(err error) *storagepb.Error {
	var failure *driver.Error
	if !errors.As(err, &failure) {
		failure = &driver.Error{Message: err.Error()}
	}
	message := failure.Message
	if message == "" && failure.Err != nil {
		message = failure.Err.Error()
	}
	message = Redact(message)
	if len(message) > maxMessageText {
		message = message[:maxMessageText] + "…"
	}
	return &storagepb.Error{
		Op:         text(failure.Op),
		Bucket:     text(failure.Bucket),
		Key:        octets(failure.Key),
		Kind:       storagepb.Kind(Int32(int(failure.Kind))),
		Code:       text(failure.Code),
		Status:     Int32(failure.Status),
		RequestId:  text(failure.RequestID),
		RetryAfter: int64(failure.RetryAfter),
		Message:    text(message),
	}
}

// ToError converts from the wire.
func ToError(e *storagepb.Error) *driver.Error {
	return &driver.Error{
		Op:         e.GetOp(),
		Bucket:     e.GetBucket(),
		Key:        string(e.GetKey()),
		Kind:       driver.Kind(e.GetKind()),
		Code:       e.GetCode(),
		Status:     int(e.GetStatus()),
		RequestID:  e.GetRequestId(),
		RetryAfter: time.Duration(e.GetRetryAfter()),
		Message:    e.GetMessage(),
	}
}

// FromCall turns the error of a driver call into the error of its RPC: a status with one Error
// as its detail. The status code only marks context errors, so that they remain context
// errors on the other side.
func FromCall(err error) error {
	if err == nil {
		return nil
	}
	code := codes.Unknown
	switch {
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	}
	var failure *driver.Error
	if code != codes.Unknown && !errors.As(err, &failure) {
		return status.Error(code, code.String())
	}
	detail := FromError(err)
	answer, failed := status.New(code, driver.Kind(detail.GetKind()).String()).WithDetails(detail)
	if failed != nil {
		return status.Error(codes.Internal, "an error could not be encoded")
	}
	return answer.Err()
}

// ToCall is the inverse of FromCall. It returns false when the error does not
// come from the driver but from what lies between.
func ToCall(err error) (error, bool) {
	answer, ok := status.FromError(err)
	if !ok {
		return err, false
	}
	var cause error
	switch answer.Code() {
	case codes.Canceled:
		cause = context.Canceled
	case codes.DeadlineExceeded:
		cause = context.DeadlineExceeded
	}
	for _, detail := range answer.Details() {
		if e, is := detail.(*storagepb.Error); is {
			failure := ToError(e)
			failure.Err = cause
			return failure, true
		}
	}
	if cause != nil {
		return cause, true
	}
	return err, false
}
