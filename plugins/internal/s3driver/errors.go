package s3driver

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/driver"
)

// fail turns whatever a method ran into into the error that it returns: it adds
// operation, bucket and key, and draws the consequence of an expiry. A nil error
// stays nil.
func (b *Bucket) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		failure = b.translate(err)
	}
	if failure.Kind == driver.KindExpired {
		b.keyring.distrust()
	}
	failure.Op, failure.Bucket, failure.Key = op, b.config.Bucket, key
	failure.Message = b.conceal(failure.Message)
	return failure
}

var signature = regexp.MustCompile(`Signature=[^\s,&]+`)

// conceal takes what was signed out of a message: some stores, and proxies on the
// way, repeat what they were sent.
func (b *Bucket) conceal(message string) string {
	message = signature.ReplaceAllString(message, "Signature=…")
	if held := b.keyring.held.Load(); held != nil && held.sessionToken != "" {
		message = strings.ReplaceAll(message, held.sessionToken, "…")
	}
	return message
}

// translate reads an error of the SDK.
func (b *Bucket) translate(err error) *driver.Error {
	var (
		answer *smithyhttp.ResponseError
		api    smithy.APIError
		sent   *url.Error
	)
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil && answer.HTTPStatusCode() > 0 {
		reply := refusal{status: answer.HTTPStatusCode(), header: answer.Response.Header}
		if errors.As(err, &api) {
			reply.code, reply.message = api.ErrorCode(), api.ErrorMessage()
		}
		return reply.failure()
	}
	if errors.As(err, &sent) {
		return networkFailure(sent, b.host())
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return networkFailure(ended, b.host())
		}
	}
	var keysError *signingError
	if errors.As(err, &keysError) {
		return &driver.Error{Kind: driver.KindDenied, Message: keysError.Error(), Err: keysError.cause}
	}
	return &driver.Error{Kind: driver.KindUnavailable, Message: innermost(err).Error(), Err: innermost(err)}
}

// host names the store in messages.
func (b *Bucket) host() string {
	if place := b.located.Load(); place != nil {
		return place.Host
	}
	host, _, _ := strings.Cut(b.config.Identity, "/")
	return host
}

func networkFailure(err error, host string) *driver.Error {
	message, cause := describeFailure(err, host)
	return &driver.Error{Kind: driver.KindUnavailable, Message: message, Err: cause}
}

// innermost drops the SDK's wrapping, whose text repeats operation and URL.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// refusal is an answer that is no success.
type refusal struct {
	status  int
	header  http.Header
	code    string
	message string
}

// readRefusal reads the error document of an answer.
func readRefusal(status int, header http.Header, body []byte) refusal {
	var document struct {
		XMLName xml.Name
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
		Region  string `xml:"Region"`
	}
	reply := refusal{status: status, header: header}
	if xml.Unmarshal(body, &document) == nil && document.XMLName.Local == "Error" {
		reply.code, reply.message = document.Code, document.Message
		if document.Region != "" && header.Get("X-Amz-Bucket-Region") == "" {
			reply.header.Set("X-Amz-Bucket-Region", document.Region)
		}
	}
	return reply
}

// endpointAdvice says what to do about an endpoint that is something else.
const endpointAdvice = ": give the address of the store's S3 interface, with the right port and the right one of http and https"

// failure classifies the refusal.
func (r refusal) failure() *driver.Error {
	failure := &driver.Error{
		Status: r.status, RequestID: r.header.Get("X-Amz-Request-Id"), RetryAfter: retryAfter(r.header), Message: r.message,
	}
	if !r.fromStatus() {
		failure.Code = r.code
	} else {
		failure.Message = ""
	}
	failure.Kind = driver.Classify(errorRules, r.status, failure.Code, failure.Message)
	switch region := r.header.Get("X-Amz-Bucket-Region"); {
	case failure.Code == "" && r.foreign():
		failure.Kind = driver.KindInvalidArgument
		failure.Message = fmt.Sprintf("the endpoint does not speak S3: it answers HTTP %d with %s%s", r.status, contentKind(r.header), endpointAdvice)
	case region != "" && (r.status == http.StatusMovedPermanently || failure.Code == "AuthorizationHeaderMalformed"):
		failure.Kind = driver.KindInvalidArgument
		failure.Message = fmt.Sprintf("the bucket is in region %s: set region=%s", region, region)
	case r.status < 300 && failure.Kind == driver.KindFatal:
		// An error inside a 200, with a code that no rule names: the store began
		// the work and could not finish it.
		failure.Kind = driver.KindUnavailable
	case failure.Message == "":
		failure.Message = statusText(r.status)
	}
	return failure
}

// fromStatus says that the SDK made the code up from the status of an answer
// without a body.
func (r refusal) fromStatus() bool {
	if slices.ContainsFunc(errorRules, func(rule driver.ErrorRule) bool { return rule.Code == r.code }) {
		return r.code == ""
	}
	return r.code == "UnknownError" || r.code == strings.ReplaceAll(http.StatusText(r.status), " ", "")
}

// foreign says that the answer did not come from a store that speaks S3. An
// overloaded balancer in front of one answers 5xx in its own words.
func (r refusal) foreign() bool {
	return r.status < 500 && r.status != http.StatusTooManyRequests && r.header.Get("X-Amz-Request-Id") == ""
}

func contentKind(header http.Header) string {
	if kind, _, _ := strings.Cut(header.Get("Content-Type"), ";"); kind != "" {
		return kind
	}
	return "no document"
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strings.ToLower(text)
	}
	return "HTTP " + strconv.Itoa(status)
}

func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// signingError is a failure to get keys; it passes through the SDK unharmed.
type signingError struct{ cause error }

func (e *signingError) Error() string { return e.cause.Error() }
func (e *signingError) Unwrap() error { return e.cause }
