package s3driver

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// dialect is how S3 refuses. Control calls and, through [newReplies], the host read
// answers by it.
func dialect(profile Profile) control.Dialect {
	return control.Dialect{
		Name: "S3", RequestID: []string{"x-amz-request-id"}, Always: profile.RequestID,
		Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: errorRules},
	}
}

// newReporter returns what turns the failures of the bucket's methods into errors.
func (b *Bucket) newReporter() control.Reporter {
	return control.Reporter{
		Bucket: b.config.Bucket, Keyring: b.keyring, Host: b.host, Answered: b.answered,
		Secrets: []*regexp.Regexp{regexp.MustCompile(`(Signature=)[^\s,&]+`)},
	}
}

// answered reads an error of the SDK that carries an answer.
func (b *Bucket) answered(err error) *driver.Error {
	var (
		answer *smithyhttp.ResponseError
		api    smithy.APIError
	)
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil || answer.HTTPStatusCode() == 0 {
		return nil
	}
	reply := control.Refusal{Status: answer.HTTPStatusCode(), Header: answer.Response.Header}
	if errors.As(err, &api) && !b.madeUp(reply.Status, api.ErrorCode()) {
		reply.Code, reply.Message = api.ErrorCode(), api.ErrorMessage()
	}
	return b.refused(reply)
}

// madeUp says that the SDK made the code up from the status of an answer without a
// body.
func (b *Bucket) madeUp(status int, code string) bool {
	return !b.dialect.Knows(code) && (code == "UnknownError" || code == strings.ReplaceAll(http.StatusText(status), " ", ""))
}

// read classifies an answer that is no success.
func (b *Bucket) read(reply control.Answer) *driver.Error {
	if region := b.dialect.Error.Source.Find(reply.Body, "Region"); region != "" && reply.Header.Get(regionHeader) == "" {
		reply.Header.Set(regionHeader, region)
	}
	return b.refused(b.dialect.ReadRefusal(reply))
}

const regionHeader = "X-Amz-Bucket-Region"

// refused classifies a refusal; one that names another region says what to set.
func (b *Bucket) refused(reply control.Refusal) *driver.Error {
	failure := b.dialect.Failure(reply)
	region := reply.Header.Get(regionHeader)
	ours := failure.Code != "" || failure.RequestID != ""
	if region != "" && ours && (reply.Status == http.StatusMovedPermanently || failure.Code == "AuthorizationHeaderMalformed") {
		failure.Kind = driver.KindInvalidArgument
		failure.Message = fmt.Sprintf("the bucket is in region %s: set region=%s", region, region)
	}
	return failure
}

// host names the store in messages.
func (b *Bucket) host() string {
	if place := b.located.Load(); place != nil {
		return place.Host
	}
	host, _, _ := strings.Cut(b.config.Identity, "/")
	return host
}
