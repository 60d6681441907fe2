package main

import (
	"regexp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// dialect is how COS refuses. Control calls and, through replies, the host read answers
// by it. Every answer has a request id: https://www.tencentcloud.com/document/product/436/7729.
// Source: https://www.tencentcloud.com/document/product/436/7730. Codes are named
// where the status, which is 200 for late errors, says less.
var dialect = control.Dialect{
	Name: "COS", RequestID: []string{"x-cos-request-id"}, Always: true,
	Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: []driver.ErrorRule{
		{Code: "SlowDown", Kind: driver.KindThrottled},
		{Code: "RequestTimeTooSkewed", Kind: driver.KindExpired},
		{Code: "ExpiredToken", Kind: driver.KindExpired},
		{Code: "AccessDenied", Message: "expired", Kind: driver.KindExpired},
		{Code: "AccessDenied", Kind: driver.KindDenied},
		{Code: "InvalidObjectState", Kind: driver.KindFrozen},
		{Code: "DownloadForbidden", Kind: driver.KindUnsupported},
		{Code: "NotImplemented", Kind: driver.KindUnsupported},
		{Code: "PathStyleDomainForbidden", Kind: driver.KindInvalidArgument},
		{Code: "BadDigest", Kind: driver.KindIntegrity},
		{Code: "EntitySizeNotMatch", Kind: driver.KindIntegrity},
		{Code: "IncompleteBody", Kind: driver.KindUnavailable},
		{Code: "RequestTimeout", Kind: driver.KindUnavailable},
		{Code: "NoSuchBucket", Kind: driver.KindNotFound},
		{Code: "NoSuchKey", Kind: driver.KindNotFound},
		{Code: "NoSuchVersion", Kind: driver.KindNotFound},
		{Code: "NoSuchUpload", Kind: driver.KindNotFound},
		{Code: "PreconditionFailed", Kind: driver.KindPreconditionFailed},
		{Code: "InvalidPart", Kind: driver.KindInvalidArgument},
		{Code: "InvalidPartOrder", Kind: driver.KindInvalidArgument},
		{Code: "EntityTooSmall", Kind: driver.KindInvalidArgument},
		{Status: 503, Kind: driver.KindThrottled}, // the codes that come with it are not documented
	}},
}

// replies say how the host reads the answers to exchanges. Buckets since 2024 answer a
// GET on the vendor's own domains with a Content-Disposition that is not the object's,
// and say so: https://www.tencentcloud.com/document/product/436/57456.
var (
	getReply = newReply(200, 206)
	putReply = newReply(200)
)

func newReply(accept ...int) *driver.Reply {
	return &driver.Reply{
		Accept: accept, MetadataPrefix: metadataPrefix, RequestID: dialect.RequestID, Error: dialect.Error, Overridden: "x-cos-force-download",
		RequestIDAlways: dialect.Always, NotCarried: attributes.NotCarried,
		Capture: []driver.Capture{
			{Field: driver.FieldETag, Name: "etag"},
			{Field: driver.FieldVersionID, Name: "x-cos-version-id"},
			{Field: driver.FieldStorageClass, Name: "x-cos-storage-class"},
			{Field: driver.FieldChecksum, Name: checksumHeader, Algorithm: driver.AlgorithmCRC64ECMA, Encoding: driver.EncodingDecimal},
		},
	}
}

// newReporter returns what turns the failures of the bucket's methods into errors.
func (b *bucket) newReporter() control.Reporter {
	return control.Reporter{
		Bucket: b.name, Keyring: b.keyring, Host: func() string { return b.place.calls },
		Answered: func(error) *driver.Error { return nil }, // do reads answers by itself
		Secrets:  []*regexp.Regexp{regexp.MustCompile(`(q-signature=)[^\s,&;]+`)},
	}
}
