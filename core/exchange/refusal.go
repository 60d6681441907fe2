package exchange

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// codeNoSuchKey is the store's code by which an answer says that the object is absent, and
// not its bucket or its upload. The host says so for stores that have no codes, too.
const codeNoSuchKey = "NoSuchKey"

// refusal is the error that an answer tells, by its status or in its document.
func (a *Answer) refusal(method string, document []byte) *driver.Error {
	how := a.reply.Error
	failure := &driver.Error{
		Op: method, Status: a.Status, RequestID: a.RequestID,
		RetryAfter: retryAfter(a.Header, time.Now()),
		Code:       how.Source.Find(document, how.Code),
		Message:    how.Source.Find(document, how.Message),
	}
	failure.Kind = driver.Classify(how.Rules, a.Status, failure.Code, failure.Message)
	if failure.Message == "" {
		failure.Message = http.StatusText(a.Status)
	}
	switch {
	case a.RequestID == "" && len(a.reply.RequestID) > 0 &&
		(failure.Code == "" || a.reply.RequestIDAlways && failure.Kind == driver.KindNotFound):
		return a.foreign(method, "it has no request id")
	case a.Status < http.StatusMultipleChoices && failure.Kind == driver.KindFatal:
		failure.Kind = driver.KindUnavailable // the store began the work and could not finish it
	case failure.Kind == driver.KindNotFound:
		a.doubt(failure)
	}
	return failure
}

// doubt takes a 404 for what it says only where the store has a word for it: a proxy's
// page, or a path that the endpoint does not know, says nothing of an object. A store
// whose rules know it without a code gets the code of the contract.
func (a *Answer) doubt(failure *driver.Error) {
	if failure.Code == codeNoSuchKey || failure.Code == driver.CodeNoSuchBucket {
		return
	}
	named := slices.DeleteFunc(slices.Clone(a.reply.Error.Rules), func(rule driver.ErrorRule) bool {
		return rule.Status == http.StatusNotFound && rule.Code == "" && rule.Message == ""
	})
	named = append(named, driver.ErrorRule{Status: http.StatusNotFound, Kind: driver.KindUnavailable})
	failure.Kind = driver.Classify(named, a.Status, failure.Code, failure.Message)
	switch {
	case failure.Kind != driver.KindNotFound:
		failure.Message = fmt.Sprintf("the answer %d names no absent object: %s", a.Status, failure.Message)
	case failure.Code == "" && failure.Op == http.MethodGet:
		failure.Code = codeNoSuchKey
	}
}

// foreign is the error of an answer that something else gave.
func (a *Answer) foreign(method, why string) *driver.Error {
	return &driver.Error{
		Op: method, Kind: driver.KindUnavailable, Status: a.Status, RequestID: a.RequestID,
		RetryAfter: retryAfter(a.Header, time.Now()),
		Message:    fmt.Sprintf("the answer %d did not come from the store: %s; look for a proxy on the way", a.Status, why),
	}
}

// check makes sure that an accepted answer is the store's, to the whole request, and that
// the bytes that follow are those that are stored.
func (a *Answer) check(m *message, document []byte) error {
	switch {
	case a.reply.RequestIDAlways && a.RequestID == "":
		return a.foreign(m.method, "it has no request id")
	case m.body != nil && a.Status < http.StatusMultipleChoices && a.reply.Error.Source.Find(document, a.reply.Error.Code) != "":
		return a.refusal(m.method, document)
	case m.body != nil && a.ETag == "" && a.captures(driver.FieldETag):
		return a.foreign(m.method, "it has no ETag of what was written")
	case m.cut:
		return &driver.Error{
			Op: m.method, Kind: driver.KindUnavailable, Status: a.Status, RequestID: a.RequestID,
			Message: fmt.Sprintf("the store answered %d before it had the whole body", a.Status),
		}
	}
	return a.checkEncoding(m.method)
}

func (a *Answer) captures(field driver.Field) bool {
	return slices.ContainsFunc(a.reply.Capture, func(c driver.Capture) bool { return c.Field == field })
}

// checkEncoding compares the encoding that the object is stored with and that of the answer.
func (a *Answer) checkEncoding(method string) error {
	if a.reply.StoredEncoding == "" || len(a.Header.Values(a.reply.StoredEncoding)) == 0 {
		return nil
	}
	stored, sent := encodings(a.Header, a.reply.StoredEncoding), encodings(a.Header, "Content-Encoding")
	if stored == sent {
		return nil
	}
	return &driver.Error{
		Op: method, Kind: driver.KindIntegrity, Status: a.Status, RequestID: a.RequestID,
		Message: fmt.Sprintf("the object is stored with the Content-Encoding %q and was sent with %q: the store, or something on the way, decompresses or compresses objects",
			stored, sent),
	}
}

// encodings returns what content codings a header names, in one form.
func encodings(header http.Header, name string) string {
	list := strings.ToLower(driver.WithoutChunked(strings.Join(header.Values(name), ",")))
	codings := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	return strings.Join(slices.DeleteFunc(codings, func(coding string) bool { return coding == "identity" }), ", ")
}

// longestRetryAfter bounds what is believed of a store's wish.
const longestRetryAfter = 24 * time.Hour

// retryAfter returns how long the store wishes not to be asked: it says a number of
// seconds, or a moment (RFC 9110 section 10.2.3), which counts from its own Date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(longestRetryAfter/time.Second))) * time.Second
	}
	moment, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(moment.Sub(now), 0), longestRetryAfter)
}
