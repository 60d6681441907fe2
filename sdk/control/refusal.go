package control

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Dialect says how a store refuses. It is data, made once per driver, and the same
// table as the host's: Reply.RequestID and Reply.Error.
type Dialect struct {
	Name      string   // of the protocol, for people: "S3"
	RequestID []string // header names, first present wins
	Always    bool     // every answer has one: see driver.Reply.RequestIDAlways
	Error     driver.ErrorReply
}

// Refusal is an answer that is no success.
type Refusal struct {
	Status  int
	Header  http.Header
	Code    string // the store's own; empty where the answer had none
	Message string
}

// ReadRefusal reads the error document of an answer.
func (d Dialect) ReadRefusal(answer Answer) Refusal {
	return Refusal{
		Status: answer.Status, Header: answer.Header,
		Code: d.Error.Source.Find(answer.Body, d.Error.Code), Message: d.Error.Source.Find(answer.Body, d.Error.Message),
	}
}

// Failure classifies a refusal by the dialect's rules. An answer without code and
// request id did not come from the store: unless it says that somebody is overloaded,
// the endpoint is something else, which is KindInvalidArgument. A failure inside a
// success, with a code that no rule names, is KindUnavailable: the store began the
// work and could not finish it. What is not found is only for the store to say: without a
// request id, where it always sends one, the answer is KindUnavailable.
func (d Dialect) Failure(refused Refusal) *driver.Error {
	failure := &driver.Error{
		Status: refused.Status, Code: refused.Code, Message: refused.Message,
		RequestID: d.requestID(refused.Header), RetryAfter: retryAfter(refused.Header),
	}
	failure.Kind = driver.Classify(d.Error.Rules, refused.Status, refused.Code, refused.Message)
	overloaded := refused.Status >= 500 || refused.Status == http.StatusTooManyRequests
	switch {
	case failure.Code == "" && failure.RequestID == "" && !overloaded:
		failure.Kind = driver.KindInvalidArgument
		failure.Message = fmt.Sprintf("the endpoint does not speak %s: it answers HTTP %d with %s%s", d.Name, refused.Status, contentKind(refused.Header), d.advice())
	case failure.Kind == driver.KindNotFound && failure.RequestID == "" && d.Always:
		failure.Kind = driver.KindUnavailable
		failure.Message = fmt.Sprintf("the answer did not come from the store: it says HTTP %d, code %q, and has no request id; look for a proxy on the way", refused.Status, refused.Code)
		failure.Code = "" // so that no caller takes it for the store's word
	case refused.Status < 300 && failure.Kind == driver.KindFatal:
		failure.Kind = driver.KindUnavailable
	}
	if failure.Message == "" {
		failure.Message = statusText(refused.Status)
	}
	return failure
}

// Foreign is the failure of an answer that reads as a success but is none of the
// store's: a web page, say, where a listing should stand. what names what was asked
// for: "a listing". Where the cause is a [Mismatch], the answer is in the store's words and
// still not the one that was asked for.
func (d Dialect) Foreign(what string, answer Answer, cause error) *driver.Error {
	var mismatch Mismatch
	if errors.As(cause, &mismatch) {
		return &driver.Error{
			Kind: driver.KindInvalidArgument, Status: answer.Status, RequestID: d.requestID(answer.Header), Err: cause,
			Message: fmt.Sprintf("the answer to %s is not what was asked for: %s: the store, or a proxy or cache on the way to it, gave another answer; nothing of it was used", what, mismatch),
		}
	}
	return &driver.Error{
		Kind: driver.KindInvalidArgument, Status: answer.Status, RequestID: d.requestID(answer.Header), Err: cause,
		Message: fmt.Sprintf("the endpoint does not speak %s: it answers %s with %s%s", d.Name, what, contentKind(answer.Header), d.advice()),
	}
}

// Lost is the failure of an answer to a write that is not of what was written: whether the
// store did it is not known, so the caller looks.
func (d Dialect) Lost(what string, answer Answer, cause error) *driver.Error {
	return &driver.Error{
		Kind: driver.KindUnavailable, Status: answer.Status, RequestID: d.requestID(answer.Header), Err: cause,
		Message: fmt.Sprintf("the answer to %s is not what was asked for: %v: look the object up", what, cause),
	}
}

// Knows says whether a rule names the code: some SDKs make codes up.
func (d Dialect) Knows(code string) bool {
	return slices.ContainsFunc(d.Error.Rules, func(rule driver.ErrorRule) bool { return code != "" && rule.Code == code })
}

// advice says what to do about an endpoint that is something else.
func (d Dialect) advice() string {
	return fmt.Sprintf(": give the address of the store's %s interface, with the right port and the right one of http and https", d.Name)
}

// FromStore says whether an answer has a request id of the store.
func (d Dialect) FromStore(answer Answer) bool { return d.requestID(answer.Header) != "" }

func (d Dialect) requestID(header http.Header) string {
	for _, name := range d.RequestID {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return ""
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
