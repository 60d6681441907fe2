package main

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// callbackFailed is the status of an object that is stored although the server that was
// to hear of it did not answer.
const callbackFailed = 579

// dialect is how Kodo refuses. Control calls and, through replies, the host read
// answers by it. Sources: https://developer.qiniu.com/kodo/3928/error-responses and the
// list of what qiniu/go-sdk repeats. Kodo's codes are statuses. Every answer has an X-Reqid:
// the vendor's SDK takes one without for hijacked.
var dialect = control.Dialect{
	Name: "Kodo", RequestID: []string{"X-Reqid", "X-Log"}, Always: true,
	Error: driver.ErrorReply{Source: driver.SourceJSON, Code: "error_code", Message: "error", Rules: []driver.ErrorRule{
		{Status: 401, Message: "out of date", Kind: driver.KindExpired},
		{Status: 401, Message: "expired", Kind: driver.KindExpired},
		{Status: 403, Message: "too skewed", Kind: driver.KindExpired},
		// How a GET of an archived object is refused is not documented.
		{Status: 403, Message: "archive", Kind: driver.KindFrozen},
		{Status: 403, Message: "restore", Kind: driver.KindFrozen},
		{Status: 403, Code: "InvalidObjectState", Kind: driver.KindFrozen},
		// How a domain answers a download of an absent object.
		{Status: 404, Message: "Document not found", Kind: driver.KindNotFound},
		{Status: 406, Kind: driver.KindIntegrity},
		{Status: 419, Kind: driver.KindDenied}, // the account is frozen
		{Status: 478, Kind: driver.KindUnavailable},
		{Status: 573, Kind: driver.KindThrottled},
		{Status: 608, Kind: driver.KindPreconditionFailed},
		{Status: 612, Message: "accesskey", Kind: driver.KindDenied},
		{Status: 612, Kind: driver.KindNotFound},
		{Status: 614, Kind: driver.KindPreconditionFailed},
		{Status: 630, Kind: driver.KindInvalidArgument},
		{Status: 631, Kind: driver.KindNotFound},
		{Status: 640, Kind: driver.KindInvalidArgument},
		{Status: 701, Kind: driver.KindNotFound},
		{Status: 501, Kind: driver.KindUnsupported},
		{Status: 503, Kind: driver.KindThrottled},
	}},
}

var errNoKey = control.Invalid("the key is empty")

// refused classifies an answer that is no success.
func refused(answer control.Answer) *driver.Error {
	failure := dialect.Failure(dialect.ReadRefusal(answer))
	if answer.Status == 631 {
		failure.Code = driver.CodeNoSuchBucket
	}
	return failure
}

// unless forgives a refusal that leaves nothing to do.
func unless(status int, err error) error {
	var failure *driver.Error
	if errors.As(err, &failure) && failure.Status == status && failure.Kind == driver.KindNotFound {
		return nil
	}
	return err
}

// Replies say how the host reads the answers to exchanges. Every download has a
// Cache-Control, the bucket's where the object has none: attributes are then Stat's.
var (
	getReply = newReply([]int{http.StatusOK, http.StatusPartialContent}, driver.SourceHeader, "etag")
	putReply = newReply([]int{http.StatusOK, callbackFailed}, driver.SourceJSON, "hash")
	// The MD5 beside a part's etag is not captured: nobody would compute another.
	partReply = newReply([]int{http.StatusOK}, driver.SourceJSON, "etag")
)

func newReply(accept []int, source driver.Source, name string) *driver.Reply {
	return &driver.Reply{
		Accept: accept, MetadataPrefix: metadataPrefix, RequestID: dialect.RequestID, Error: dialect.Error, Overridden: "cache-control",
		RequestIDAlways: dialect.Always, NotCarried: attributes.NotCarried,
		Capture: []driver.Capture{
			{Field: driver.FieldETag, Source: source, Name: name},
			{Field: driver.FieldChecksum, Source: source, Name: name, Algorithm: driver.AlgorithmQETag, Encoding: driver.EncodingBase64URL},
		},
	}
}

// newReporter returns what turns the failures of the bucket's methods into errors.
func (b *bucket) newReporter() control.Reporter {
	return control.Reporter{
		Bucket: b.name, Keyring: b.keyring, Host: func() string { return b.endpoint.Host },
		Answered: func(error) *driver.Error { return nil }, // send and manage read answers by themselves
		Secrets: []*regexp.Regexp{
			regexp.MustCompile(`(token=)[^\s,&"]+`),
			regexp.MustCompile(`((?:UpToken|Qiniu|QBox) )[^\s,"]+`),
		},
	}
}
