package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/cos/internal/sign"
	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

// call is one request on its way.
type call struct {
	*server
	w         http.ResponseWriter
	r         *http.Request
	id        string
	now       time.Time
	bucket    string // "" for the service itself
	key       string // "" for the bucket itself
	pathStyle bool
	store     *bucket.Store // nil if there is no such bucket
	query     url.Values
	fault     *serve.Fault // one of the vendor's own, or nil
}

func (s *server) newCall(r *http.Request) *call {
	c := &call{server: s, r: r, now: s.desk.Now(), query: r.URL.Query()}
	c.id = requestID(c.now)
	c.bucket, c.key, c.pathStyle = s.address(r)
	c.store = s.buckets[c.bucket]
	return c
}

// requestID looks as the vendor's: Base64 of the time and of what the server
// knows itself by.
func requestID(now time.Time) string {
	var noise [10]byte
	_, _ = rand.Read(noise[:]) // never fails
	id := fmt.Sprintf("%x_%x_%x_%x", now.Unix(), noise[:4], noise[4:7], noise[7:])
	return base64.StdEncoding.EncodeToString([]byte(id))
}

// injected tells whether a fault of the vendor's own shall happen.
func (c *call) injected(name string) bool { return c.fault != nil && c.fault.Do == name }

// refusal is an error of the vendor's, from
// https://www.tencentcloud.com/document/product/436/7730.
type refusal struct {
	status        int
	code, message string
}

func (e *refusal) Error() string { return e.code + ": " + e.message }

func badRequest(code, message string) error {
	return &refusal{http.StatusBadRequest, code, message}
}

func invalid(message string) error { return badRequest("InvalidArgument", message) }

// asRefusal gives any error the vendor's form.
func asRefusal(err error) *refusal {
	var known *refusal
	var unsigned *sign.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &unsigned):
		return &refusal{http.StatusForbidden, unsigned.Code, unsigned.Message}
	case errors.Is(err, bucket.ErrNoUpload):
		return &refusal{http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist."}
	case errors.Is(err, bucket.ErrNoObject):
		return &refusal{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	default:
		return &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
}

// errorDocument is the body of a refusal.
type errorDocument struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  text
	RequestID string `xml:"RequestId"`
	TraceID   string `xml:"TraceId"`
}

func (c *call) document(e *refusal) errorDocument {
	return errorDocument{
		Code: e.code, Message: e.message, Resource: text(c.r.Host + c.r.URL.EscapedPath()), RequestID: c.id,
		TraceID: base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte(c.id)))),
	}
}

// fail answers with an error: as a document, or to HEAD by headers alone.
func (c *call) fail(err error) {
	e := asRefusal(err)
	document := c.document(e)
	if c.r.Method == http.MethodHead || e.status == http.StatusNotModified {
		if e.status == http.StatusNotModified && c.r.Method != http.MethodHead {
			c.w.WriteHeader(e.status)
			return
		}
		c.w.Header().Set("x-cos-trace-id", document.TraceID)
		c.w.Header().Set("Content-Type", "application/xml")
		c.w.WriteHeader(e.status)
		return
	}
	c.sendXML(e.status, document)
}

// sendXML answers with a document.
func (c *call) sendXML(status int, document any) {
	body, err := marshal(document)
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("Content-Length", itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // a client that is gone needs no answer
}

func (c *call) sendEmpty(status int) error {
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

// maxDocument is the longest document a request may bring, in bytes: more than
// 10,000 parts or 1,000 keys need.
const maxDocument = 4 << 20

// receiveXML reads the request's document, and checks its Content-MD5.
func (c *call) receiveXML(into any) error {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxDocument+1))
	switch {
	case err != nil:
		return badRequest("IncompleteBody", err.Error())
	case len(body) > maxDocument:
		return badRequest("MaxMessageLengthExceeded", "Your request was too big.")
	}
	if err := checkMD5(c.r.Header, md5Of(body)); err != nil {
		return err
	}
	if err := xml.Unmarshal(body, into); err != nil {
		return badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
	}
	return nil
}

func marshal(document any) ([]byte, error) {
	body, err := xml.MarshalIndent(document, "", "\t")
	return append([]byte("<?xml version='1.0' encoding='utf-8' ?>\n"), body...), err
}

// text is a key in a document: as the vendor writes it, with the characters that
// XML does not know as they are.
type text string

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// MarshalXML writes the text with XML's own characters escaped alone.
func (t text) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	escaped := struct {
		Inner string `xml:",innerxml"`
	}{markup.Replace(string(t))}
	return e.EncodeElement(escaped, start)
}

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// number reads a numeric parameter that lies from least to most; fallback when it is absent.
func (c *call) number(name string, fallback, least, most int) (int, error) {
	if !c.query.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < least || n > most {
		return 0, invalid(fmt.Sprintf("%s must be a number from %d to %d.", name, least, most))
	}
	return n, nil
}
