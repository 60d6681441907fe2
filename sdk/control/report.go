package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// Reporter turns whatever a driver's method ran into into the error that it returns.
// Its fields are set once; its methods are safe for concurrent use.
type Reporter struct {
	Bucket  string
	Keyring *Keyring
	// Host names the store in messages about the network.
	Host func() string
	// Answered reads an error of the vendor's SDK that carries an answer of the store,
	// by [Dialect.Failure] as a rule. It returns nil for every other error.
	Answered func(error) *driver.Error
	// Secrets find what must not be shown in what the store says: some stores, and
	// proxies on the way, repeat what they were sent. A first group stays as it is:
	// "(Signature=)[^\s,&]+". Session tokens are found without a pattern.
	Secrets []*regexp.Regexp
}

// Fail adds operation, bucket and key to what err says, takes secrets out of its
// message, and distrusts the keys when the store said that they expired. Refused keys
// that may have been rotated are resolved again, once: KindDenied then becomes
// KindExpired. key is empty where the operation has none. A nil error stays nil.
func (r *Reporter) Fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	failure := *r.Translate(err)
	switch {
	case failure.Kind == driver.KindExpired:
		r.Keyring.Distrust()
	case failure.Kind == driver.KindDenied && failure.Status != 0 && r.Keyring.Refuse(unknownKeys(failure)):
		failure.Kind = driver.KindExpired
	}
	failure.Op, failure.Bucket, failure.Key = op, r.Bucket, key
	failure.Message = r.conceal(failure.Message)
	return &failure
}

// unknownKeys says that the store does not know the keys, or not with this secret. The
// code is the same for S3, OSS and COS; Kodo has none and answers 401.
func unknownKeys(failure driver.Error) bool {
	switch failure.Code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound":
		return true
	}
	return failure.Status == http.StatusUnauthorized
}

// FailOpen is [Reporter.Fail] for Open, where there is no reporter yet. What is no
// *driver.Error is a defect of the plugin: KindFatal. A nil error stays nil.
func FailOpen(bucket string, err error) error {
	if err == nil {
		return nil
	}
	failure := driver.Error{Kind: driver.KindFatal, Message: err.Error(), Err: err}
	var known *driver.Error
	if errors.As(err, &known) {
		failure = *known
	}
	failure.Op, failure.Bucket = "Open", bucket
	return &failure
}

// Translate returns what err says as a *driver.Error: its own, that of an answer, of
// the network, or the SDK's innermost words, which are KindUnavailable. err is not nil.
func (r *Reporter) Translate(err error) *driver.Error {
	var (
		failure *driver.Error
		sent    *url.Error
	)
	if errors.As(err, &failure) {
		return failure
	}
	if failure = r.Answered(err); failure != nil {
		return failure
	}
	if errors.As(err, &sent) {
		return NetworkFailure(sent, r.Host())
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return NetworkFailure(ended, r.Host())
		}
	}
	cause := Innermost(err)
	return &driver.Error{Kind: driver.KindUnavailable, Message: cause.Error(), Err: cause}
}

func (r *Reporter) conceal(message string) string {
	for _, secret := range r.Secrets {
		message = secret.ReplaceAllString(message, "${1}…")
	}
	if token := r.Keyring.Held().SessionToken; token != "" {
		message = strings.ReplaceAll(message, token, "…")
	}
	return message
}

// Invalid returns an error of KindInvalidArgument: the request can never succeed as
// it is.
func Invalid(format string, arguments ...any) *driver.Error {
	return &driver.Error{Kind: driver.KindInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}

// Innermost drops the wrapping of an SDK's error, whose text may repeat operation and
// URL.
func Innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
