package memdriver

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// sign makes the exchange for one request. The grant says all but account, time
// and form of the answer.
func (b *bucket) sign(method, key string, observed time.Time, g grant, reply *driver.Reply) driver.Exchange {
	g.account, g.replies, g.made = b.account, b.replies, now(observed)
	target := g.target("/" + url.PathEscape(b.name) + "/" + escapeKey(key))
	return driver.Exchange{
		Method:  method,
		URL:     b.origin + target + signatureParameter + signature(b.secret, method, target, g.headers),
		Header:  g.headers,
		Dial:    b.dial,
		Expires: time.Unix(g.made.Unix(), 0).Add(signatureLife).UTC(),
		Reply:   reply,
	}
}

// signBody makes the exchange that sends size bytes in the framing that the
// bucket was opened with. The fields describe the object; more is added to the
// query.
func (b *bucket) signBody(op, key string, size int64, observed time.Time, fields []driver.Header, more string) (driver.Exchange, error) {
	method, framing := http.MethodPut, driver.Framing{}
	switch b.framing {
	case driver.FramingForm:
		contentType, form, err := newForm(fields)
		if err != nil {
			return driver.Exchange{}, b.failure(op, key, driver.Error{Kind: driver.KindFatal, Message: "cannot write the form", Err: err})
		}
		framing = form
		fields = []driver.Header{{Name: "Content-Type", Value: contentType}}
		more += "&mem-form=" + formSeal(form.Prefix, form.Suffix)
		if op == "SignPut" {
			method = http.MethodPost
		}
	case driver.FramingTrailer:
		framing = driver.Framing{
			Kind: driver.FramingTrailer, TrailerName: checksumHeader,
			TrailerChecksum: driver.AlgorithmCRC64NVME, ChunkSize: driver.DefaultChunkSize,
		}
		fields = append(fields, driver.Header{Name: lengthHeader, Value: strconv.FormatInt(size, 10)})
	}
	g := grant{length: framing.Length(size), headers: fields, more: more}
	exchange := b.sign(method, key, observed, g, b.putReply)
	exchange.Body = framing
	return exchange, nil
}

// replies returns how to read answers to a GET and to a write.
func replies(form string) (get, put *driver.Reply) {
	requestID := []string{"x-mem-request-id"}
	failed := driver.ErrorReply{Source: driver.SourceJSON, Code: "code", Message: "message", Rules: errorRules}
	if form == repliesXML {
		failed = driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: errorRules}
	}
	facts := func(source driver.Source, etag, checksum string) []driver.Capture {
		return []driver.Capture{
			{Field: driver.FieldETag, Source: source, Name: etag},
			{Field: driver.FieldChecksum, Source: source, Name: checksum, Algorithm: driver.AlgorithmCRC64NVME},
		}
	}
	inHeaders := facts(driver.SourceHeader, "ETag", checksumHeader)
	get = &driver.Reply{
		Accept: []int{200, 206}, Capture: inHeaders, MetadataPrefix: metadataPrefix, RequestID: requestID, Error: failed,
		Overridden: forcedHeader, RequestIDAlways: true,
	}
	put = &driver.Reply{Accept: []int{200}, Capture: inHeaders, RequestID: requestID, RequestIDAlways: true, Error: failed}
	switch form {
	case repliesJSON:
		put.Capture = facts(driver.SourceJSON, "etag", "checksum")
	case repliesXML:
		put.Capture = facts(driver.SourceXML, "ETag", "Checksum")
	}
	return get, put
}
