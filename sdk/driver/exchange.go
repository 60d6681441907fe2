package driver

import (
	"strings"
	"time"
)

// Exchange is one HTTP request, described as data, that the host executes on
// the driver's behalf. It is complete: the host sends these headers and no
// others but Content-Length, Host, Range, If-Match and, on a GET that names no
// Accept-Encoding of its own, "Accept-Encoding: identity". It follows no redirect and
// undoes no compression: the bytes that come are taken as they are.
//
// An exchange carries a signature and may carry a session token. It must not be
// logged or stored.
type Exchange struct {
	Method  string
	URL     string   // absolute and byte-exact: the path is sent as it stands here
	Header  []Header // in order, names as they shall be sent
	Body    Framing  // how the object's bytes become the request's body
	Dial    Dial     // where to connect when the URL does not say it
	Expires time.Time
	Reply   *Reply // how to read the answer; shared by exchanges of one kind, never modified
}

// Header is one header field.
type Header struct {
	Name  string
	Value string
}

// FramingKind says how object bytes are laid into the request body.
type FramingKind int

// The framings, numbered as on the wire.
const (
	// FramingRaw sends the bytes as they are.
	FramingRaw FramingKind = 0
	// FramingForm sends Prefix, the bytes, then Suffix: a form post.
	FramingForm FramingKind = 1
	// FramingTrailer sends the bytes in aws-chunked encoding, each chunk at
	// most ChunkSize long, followed by an unsigned trailer TrailerName that
	// holds the base64 of the TrailerChecksum of the bytes. Source: Amazon S3,
	// "Signature calculations for trailing headers", STREAMING-UNSIGNED-PAYLOAD-TRAILER.
	FramingTrailer FramingKind = 2
)

// Framing says how the object's bytes become the request's body. The zero value
// is FramingRaw.
type Framing struct {
	Kind            FramingKind
	Prefix          []byte // FramingForm
	Suffix          []byte // FramingForm
	TrailerName     string // FramingTrailer: lower-case header name
	TrailerChecksum Algorithm
	ChunkSize       int // FramingTrailer: bytes in a full chunk
}

// Dial overrides where the host connects. The zero value connects to the URL's
// host and port.
type Dial struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the path of a socket of the plugin's own
}

// Reply says how to read the answers to a kind of exchange.
type Reply struct {
	Accept         []int     // statuses that mean success
	Capture        []Capture // fields to read from an accepted answer
	MetadataPrefix string    // lower-case header prefix of user metadata, e.g. "x-amz-meta-"; empty for none
	RequestID      []string  // header names, first present wins; an error without any did not come from the store
	Error          ErrorReply
	// Overridden is the name of a header whose presence in an accepted answer means
	// that the content headers and metadata of the answer are not the object's own:
	// the host then takes them from Stat. Empty for stores without such a header.
	// Aliyun OSS (x-oss-force-download) and Tencent COS (x-cos-force-download) make up a
	// Content-Disposition on their default domains and say so this way.
	// Sources: https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints,
	// https://www.tencentcloud.com/document/product/436/57456.
	Overridden string
	// RequestIDAlways says that the store puts one of RequestID into every answer: an
	// accepted answer without any came from something else on the way, such as the login
	// page of a proxy, and counts as none.
	RequestIDAlways bool
	// StoredEncoding is the name of a header in which the store states the
	// Content-Encoding that the object is stored with. Where it differs from the answer's
	// own Content-Encoding, the bytes that come are not those that are stored. Empty for
	// stores without one. Google Cloud Storage has x-goog-stored-content-encoding.
	// Source: https://cloud.google.com/storage/docs/transcoding.
	StoredEncoding string
	// NotCarried are the names, lower case, of headers of the store's object model that
	// no field of Attributes has: the host lists those that an answer carries in
	// Attributes.NotCarried. "NAME: VALUE" is the header with that value alone, in any
	// case, "BEGIN*" every header whose name begins so; IsNotCarried compares.
	NotCarried []string
}

// Field is what a captured value means.
type Field int

// The fields, numbered as on the wire.
const (
	FieldETag         Field = 1
	FieldVersionID    Field = 2
	FieldStorageClass Field = 3
	FieldChecksum     Field = 4 // with Capture.Algorithm and Capture.Encoding
	// FieldChecksumType marks the checksums of the answer: "COMPOSITE" makes
	// them composite.
	FieldChecksumType Field = 5
)

// Source is where in the answer a captured value stands.
type Source int

// The sources, numbered as on the wire.
const (
	SourceHeader Source = 0 // Name is the header's name
	SourceXML    Source = 1 // Name is the path of elements below the root, "Code" or "Error/Code"
	SourceJSON   Source = 2 // Name is the path of object members, "error" or "data/hash"
)

// Encoding is how a checksum is written.
type Encoding int

// The encodings, numbered as on the wire.
const (
	EncodingBase64    Encoding = 0
	EncodingHex       Encoding = 1
	EncodingDecimal   Encoding = 2 // unsigned, of a 64-bit CRC
	EncodingText      Encoding = 3 // the value itself
	EncodingBase64URL Encoding = 4 // with "-" and "_" (RFC 4648 section 5), padded or not
)

// Capture reads one field from an answer.
type Capture struct {
	Field     Field
	Source    Source
	Name      string
	Algorithm Algorithm // FieldChecksum
	Encoding  Encoding  // FieldChecksum
}

// ErrorReply says how to read an answer whose status is not accepted.
type ErrorReply struct {
	Source  Source // of Code and Message: SourceXML or SourceJSON
	Code    string // path of the error code, e.g. "Code"
	Message string // path of the text for people, e.g. "Message"
	Rules   []ErrorRule
}

// ErrorRule maps a store's error to a kind. The first rule whose non-zero
// fields all match wins.
type ErrorRule struct {
	Status int    // 0 matches every status
	Code   string // empty matches every code
	// Message is a part of the store's text; empty matches every text. It is for
	// stores that give one code to different failures: Amazon S3 says
	// AccessDenied of an expired signature as of a missing right.
	Message string
	Kind    Kind
}

// Classify returns the kind of an error answer. Without a matching rule the
// status decides by HTTP's own meaning (RFC 9110 section 15).
func Classify(rules []ErrorRule, status int, code, message string) Kind {
	for _, rule := range rules {
		if (rule.Status == 0 || rule.Status == status) && (rule.Code == "" || rule.Code == code) && strings.Contains(message, rule.Message) {
			return rule.Kind
		}
	}
	switch {
	case status == 404:
		return KindNotFound
	case status == 401 || status == 403:
		return KindDenied
	case status == 412:
		return KindPreconditionFailed
	case status == 429:
		return KindThrottled
	case status == 408 || status >= 500:
		return KindUnavailable
	case status >= 400:
		return KindInvalidArgument
	}
	return KindFatal
}
