package main

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
	"github.com/dth-dev/dth/tests/emulators/oss/internal/sign"
)

// call is one request on its way.
type call struct {
	*server
	w               http.ResponseWriter
	r               *http.Request
	id              string
	now             time.Time
	host            string // without a port
	bucket          string // "" for the service itself
	key             string // "" for the bucket itself
	pathStyle       bool
	elsewhere       bool // the Host names another region
	onDefaultDomain bool
	store           *bucket.Store // nil if there is no such bucket
	query           url.Values
	fault           *serve.Fault // one of the vendor's own, or nil
}

func (s *server) newCall(r *http.Request) *call {
	c := &call{server: s, r: r, now: s.desk.Now(), query: r.URL.Query(), id: serve.RequestID()}
	c.address()
	c.store = s.buckets[c.bucket]
	return c
}

// injected tells whether a fault of the vendor's own shall happen.
func (c *call) injected(name string) bool { return c.fault != nil && c.fault.Do == name }

// refusal is an error of the vendor's, from
// https://help.aliyun.com/en/oss/support/error-codes-of-oss. ec is the finer
// code, where the documentation names one.
type refusal struct {
	status  int
	code    string
	ec      string
	message string
	details [][2]string // further elements of the document
}

func (e *refusal) Error() string { return e.code + ": " + e.message }

func invalid(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: message}
}

// because adds the finer code.
func (e *refusal) because(ec string) *refusal {
	e.ec = ec
	return e
}

func badRequest(code, message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, message: message}
}

// asRefusal gives any error the vendor's form.
func (c *call) asRefusal(err error) *refusal {
	var known *refusal
	var unsigned *sign.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &unsigned):
		return &refusal{status: unsigned.Status, code: unsigned.Code, ec: unsigned.EC, message: unsigned.Message, details: unsigned.Details}
	case errors.Is(err, bucket.ErrNoUpload):
		return &refusal{
			status: http.StatusNotFound, code: "NoSuchUpload", ec: "0042-00000002", details: [][2]string{{"UploadId", c.query.Get("uploadId")}},
			message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
		}
	case errors.Is(err, bucket.ErrNoObject):
		return noSuchKey(c.key)
	default:
		return &refusal{status: http.StatusInternalServerError, code: "InternalError", message: err.Error()}
	}
}

func noSuchKey(key string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "NoSuchKey", ec: "0026-00000001", message: "The specified key does not exist.", details: [][2]string{{"Key", key}}}
}

// errorDocument is the body of a refusal.
type errorDocument struct {
	XMLName      xml.Name `xml:"Error"`
	Code         string
	Message      string
	RequestID    string `xml:"RequestId"`
	HostID       string `xml:"HostId"`
	Details      []detail
	EC           string `xml:",omitempty"`
	RecommendDoc string `xml:",omitempty"`
}

type detail struct {
	XMLName xml.Name
	Value   string `xml:",innerxml"`
}

// fail answers with an error: as a document, which HEAD gets in a header.
func (c *call) fail(err error) {
	e := c.asRefusal(err)
	h := c.w.Header()
	if e.ec != "" {
		h.Set("x-oss-ec", e.ec)
	}
	if e.status == http.StatusNotModified {
		c.w.WriteHeader(e.status)
		return
	}
	document := errorDocument{Code: e.code, Message: e.message, RequestID: c.id, HostID: c.r.Host, EC: e.ec}
	for _, d := range e.details {
		document.Details = append(document.Details, detail{xml.Name{Local: d[0]}, markup.Replace(d[1])})
	}
	if e.ec != "" {
		document.RecommendDoc = "https://api.aliyun.com/troubleshoot?q=" + e.ec
	}
	if c.r.Method != http.MethodHead {
		c.sendXML(e.status, document)
		return
	}
	body, _ := marshal(document)
	h.Set("x-oss-err", base64.StdEncoding.EncodeToString(body))
	h.Set("Content-Type", "application/xml")
	c.w.WriteHeader(e.status)
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

// maxDocument is the longest document a request may bring, in bytes.
const maxDocument = 2 << 20

func malformedXML() *refusal {
	return badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
}

// receiveDocument reads the request's document, and checks its Content-MD5.
func (c *call) receiveDocument() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, incomplete(err)
	case len(body) > maxDocument:
		return nil, malformedXML()
	}
	return body, checkMD5(c.r.Header, md5Of(body))
}

func parseXML(body []byte, into any) error {
	if err := xml.Unmarshal(hideControls(body), into); err != nil {
		return malformedXML()
	}
	return nil
}

func marshal(document any) ([]byte, error) {
	body, err := xml.MarshalIndent(document, "", "  ")
	return append([]byte(xml.Header), body...), err
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
		e := invalid(fmt.Sprintf("Argument %s must be an integer between %d and %d.", name, least, most))
		e.details = [][2]string{{"ArgumentName", name}, {"ArgumentValue", c.query.Get(name)}}
		return 0, e
	}
	return n, nil
}
