package main

import (
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// dialect is how OSS refuses. Control calls and, through replies, the host read
// answers by it. Every answer has a request id:
// https://www.alibabacloud.com/help/en/oss/developer-reference/common-http-headers.
var dialect = control.Dialect{
	Name: "OSS", RequestID: []string{"x-oss-request-id"}, Always: true,
	Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: errorRules},
}

// errorRules map OSS's error codes to kinds; the first match wins. Sources:
// https://www.alibabacloud.com/help/en/oss/support/http-status-code-503 and its
// neighbours for 400, 403, 404, 409 and 412.
var errorRules = []driver.ErrorRule{
	{Code: "QpsLimitExceeded", Kind: driver.KindThrottled},
	{Code: "TotalQpsLimitExceeded", Kind: driver.KindThrottled},
	{Code: "MetaOperationQpsLimitExceeded", Kind: driver.KindThrottled},
	{Code: "DownloadTrafficRateLimitExceeded", Kind: driver.KindThrottled},
	{Code: "UploadTrafficRateLimitExceeded", Kind: driver.KindThrottled},
	{Code: "ActiveRequestLimitExceeded", Kind: driver.KindThrottled},
	{Code: "CpuLimitExceeded", Kind: driver.KindThrottled},

	{Code: "InternalError", Kind: driver.KindUnavailable},
	{Code: "RequestTimeout", Kind: driver.KindUnavailable},

	{Code: "RequestTimeTooSkewed", Kind: driver.KindExpired},
	{Code: "SecurityTokenExpired", Kind: driver.KindExpired},
	{Code: "AccessDenied", Message: "expired", Kind: driver.KindExpired},
	{Code: "AccessDenied", Message: "not valid yet", Kind: driver.KindExpired}, // a clock that is ahead

	{Code: "InvalidObjectState", Kind: driver.KindFrozen},

	{Code: "InvalidDigest", Kind: driver.KindIntegrity},
	{Code: "IncompleteBody", Kind: driver.KindIntegrity},

	{Code: "NoSuchKey", Kind: driver.KindNotFound},
	{Code: "NoSuchVersion", Kind: driver.KindNotFound},
	{Code: "NoSuchBucket", Kind: driver.KindNotFound},
	{Code: "NoSuchUpload", Kind: driver.KindNotFound},
	{Code: "SymlinkTargetNotExist", Kind: driver.KindNotFound},

	{Code: "PreconditionFailed", Kind: driver.KindPreconditionFailed},

	{Code: "AccessDenied", Message: "specified endpoint", Kind: driver.KindInvalidArgument}, // another region
	{Code: "FileImmutable", Kind: driver.KindDenied},                                        // a retention policy

	{Code: "NotImplemented", Kind: driver.KindUnsupported},
	{Code: "OperationNotSupported", Kind: driver.KindUnsupported},
	{Status: 501, Kind: driver.KindUnsupported},

	{Status: 503, Kind: driver.KindThrottled},
	{Status: 301, Kind: driver.KindInvalidArgument}, // another region
	{Status: 307, Kind: driver.KindInvalidArgument},
}

func (b *bucket) newReporter() control.Reporter {
	return control.Reporter{
		Bucket: b.place.bucket, Keyring: b.keyring, Host: b.host, Answered: answered,
		Secrets: []*regexp.Regexp{regexp.MustCompile(`(?i)(signature=)[^\s,&<]+`)},
	}
}

// translate is the reporter's.
func (b *bucket) translate(err error) *driver.Error { return b.reporter.Translate(err) }

// answered reads an error of the SDK that carries an answer.
func answered(err error) *driver.Error {
	var (
		refused *oss.ServiceError
		broken  *xml.SyntaxError
		garbled *oss.DeserializationError
	)
	switch {
	case errors.As(err, &refused):
		reply := control.Refusal{Status: refused.StatusCode, Header: refused.Headers, Code: refused.Code, Message: refused.Message}
		if refused.Code == "BadErrorResponse" || refused.RequestID == "" && !dialect.Knows(refused.Code) { // made up by the SDK, from the status as a rule
			reply.Code, reply.Message = "", ""
		}
		failure := dialect.Failure(reply)
		if region := regionNamed(refused); region != "" {
			failure.Kind = driver.KindInvalidArgument
			failure.Message = "the bucket is in region " + region + ": set region=" + region
		} else if strings.Contains(failure.Message, "signing region") {
			failure.Message += " Set region to the bucket's."
		}
		return failure
	case errors.As(err, &broken), errors.As(err, &garbled):
		return dialect.Foreign("what was asked for", control.Answer{Status: http.StatusOK}, err)
	}
	return nil
}

// foreign is the failure of a success that lacks what OSS never leaves out.
func foreign(what string, answer oss.ResultCommon) error {
	return dialect.Foreign(what, answerOf(answer), nil)
}

// done says whether a success without a document is OSS's, by the request id that every
// answer of OSS has: the login page of a proxy has none.
func done(what string, answer oss.ResultCommon) error {
	if dialect.FromStore(answerOf(answer)) {
		return nil
	}
	return foreign(what, answer)
}

// answerOf returns what an answer of the SDK was, without its document.
func answerOf(answer oss.ResultCommon) control.Answer {
	return control.Answer{Status: answer.StatusCode, Header: answer.Headers}
}

// written is the text of a truth value. The SDK does not tell false from none: parts and
// uploads that a page does not show are sent or looked for again.
func written(truth bool) *string {
	text := strconv.FormatBool(truth)
	return &text
}

// unless forgives the one failure that leaves nothing to do.
func (b *bucket) unless(code string, err error) error {
	if err == nil {
		return nil
	}
	failure := b.translate(err)
	if failure.Code == code {
		return nil
	}
	return failure
}
