package s3driver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// Payload hashes of SigV4 that need neither the body nor the key.
// Source: Amazon S3 API reference, "Authenticating Requests: Using the
// Authorization Header".
const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	emptyPayload    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
)

const timeFormat = "20060102T150405Z"

// unsigned is what one exchange says before it is signed.
type unsigned struct {
	method string
	host   string
	path   string          // escaped, begins with "/"
	query  string          // escaped and sorted; its names sort after "X-Amz-…"
	header []driver.Header // names in lower case; all of them are signed
	length int64           // Content-Length, which the sender adds; negative leaves it unsigned
}

// signer signs with one set of keys for one region. It is an AWS Signature
// Version 4 for S3 alone, an order of magnitude cheaper than the SDK's, which
// the tests compare it with. It is safe for concurrent use.
type signer struct {
	keys    credentials.Keys
	region  string
	derived atomic.Pointer[dayKey]
}

// dayKey is what all signatures of one day share: the four HMACs behind the
// signing key, and the texts that name it.
type dayKey struct {
	day   string    // YYYYMMDD
	scope string    // DAY/REGION/s3/aws4_request
	query string    // begins the query of a presigned URL, up to X-Amz-Date=
	token string    // "&X-Amz-Security-Token=…", or empty
	macs  sync.Pool // of hash.Hash, keyed with the signing key
}

// signers keeps the last signer as long as keys and region stay the same.
type signers struct {
	last atomic.Pointer[signer]
}

// get returns the signer for the keys; nil where they are anonymous.
func (s *signers) get(keys credentials.Keys, region string) *signer {
	if keys.AccessKeyID == "" {
		return nil
	}
	if last := s.last.Load(); last != nil && last.keys == keys && last.region == region {
		return last
	}
	fresh := &signer{keys: keys, region: region}
	s.last.Store(fresh)
	return fresh
}

func (s *signer) dayKey(day string) *dayKey {
	if cached := s.derived.Load(); cached != nil && cached.day == day {
		return cached
	}
	key := []byte("AWS4" + s.keys.SecretAccessKey)
	for _, text := range []string{day, s.region, "s3", "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	fresh := &dayKey{day: strings.Clone(day), scope: day + "/" + s.region + "/s3/aws4_request"}
	fresh.macs.New = func() any { return hmac.New(sha256.New, key) }
	credential := control.AppendQuery(nil, s.keys.AccessKeyID+"/"+fresh.scope)
	fresh.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + string(credential) + "&X-Amz-Date="
	if s.keys.SessionToken != "" {
		fresh.token = "&X-Amz-Security-Token=" + string(control.AppendQuery(nil, s.keys.SessionToken))
	}
	s.derived.Store(fresh)
	return fresh
}

// signHeader returns the request's headers with date, payload hash, token and
// Authorization. The store accepts them for fifteen minutes.
func (s *signer) signHeader(request unsigned, payload string, at time.Time) []driver.Header {
	date := at.UTC().Format(timeFormat)
	day := s.dayKey(date[:8])
	header := slices.Grow(slices.Clone(request.header), 4)
	header = append(header, driver.Header{Name: "x-amz-content-sha256", Value: payload}, driver.Header{Name: "x-amz-date", Value: date})
	if s.keys.SessionToken != "" {
		header = append(header, driver.Header{Name: "x-amz-security-token", Value: s.keys.SessionToken})
	}
	request.header = header
	fields, names := signedFields(request)
	text := append(make([]byte, 0, bufferSize), request.method...)
	text = append(append(append(text, '\n'), request.path...), '\n')
	text = append(append(text, request.query...), '\n')
	text = appendFields(text, fields, names, payload)
	authorization := "AWS4-HMAC-SHA256 Credential=" + s.keys.AccessKeyID + "/" + day.scope +
		", SignedHeaders=" + names + ", Signature=" + day.signature(text, date)
	return append(header, driver.Header{Name: "authorization", Value: authorization})
}

// presign returns the URL below root ("https://HOST") whose query carries the
// signature. The request's own headers must be sent with it.
func (s *signer) presign(root string, request unsigned, at time.Time, life time.Duration) string {
	date := at.UTC().Format(timeFormat)
	day := s.dayKey(date[:8])
	fields, names := signedFields(request)
	text := append(make([]byte, 0, bufferSize), request.method...)
	text = append(append(append(text, '\n'), request.path...), '\n')
	begin := len(text)
	text = append(append(text, day.query...), date...)
	text = strconv.AppendInt(append(text, "&X-Amz-Expires="...), int64(life/time.Second), 10)
	text = append(append(text, day.token...), "&X-Amz-SignedHeaders="...)
	text = control.AppendQuery(text, names)
	if request.query != "" {
		text = append(append(text, '&'), request.query...)
	}
	query := text[begin:]
	text = appendFields(append(text, '\n'), fields, names, unsignedPayload)
	return root + request.path + "?" + string(query) + "&X-Amz-Signature=" + day.signature(text, date)
}

// bufferSize holds the canonical request of all but the longest keys, so that it
// need not be allocated.
const bufferSize = 3 << 10

// signature returns the signature of a canonical request.
func (d *dayKey) signature(canonical []byte, date string) string {
	digest := sha256.Sum256(canonical)
	text := append(make([]byte, 0, 192), "AWS4-HMAC-SHA256\n"...)
	text = append(append(text, date...), '\n')
	text = append(append(text, d.scope...), '\n')
	text = hex.AppendEncode(text, digest[:])
	mac := d.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(text)
	sum := mac.Sum(digest[:0])
	d.macs.Put(mac)
	return hex.EncodeToString(sum)
}

// signedFields returns the headers to sign, sorted by name, and their names as
// SignedHeaders wants them.
func signedFields(request unsigned) ([]driver.Header, string) {
	fields := make([]driver.Header, 0, len(request.header)+2)
	fields = append(fields, driver.Header{Name: "host", Value: request.host})
	if request.length >= 0 {
		fields = append(fields, driver.Header{Name: "content-length", Value: strconv.FormatInt(request.length, 10)})
	}
	fields = append(fields, request.header...)
	slices.SortFunc(fields, func(a, b driver.Header) int { return strings.Compare(a.Name, b.Name) })
	names := make([]byte, 0, 256)
	for i, field := range fields {
		if i > 0 {
			names = append(names, ';')
		}
		names = append(names, field.Name...)
	}
	return fields, string(names)
}

// appendFields ends a canonical request.
func appendFields(text []byte, fields []driver.Header, names, payload string) []byte {
	for _, field := range fields {
		text = append(append(text, field.Name...), ':')
		text = append(appendSingleSpaced(text, field.Value), '\n')
	}
	text = append(append(append(text, '\n'), names...), '\n')
	return append(text, payload...)
}

// appendSingleSpaced appends a header's value as SigV4 sees it: without spaces
// at the ends, and with one where several stand together.
func appendSingleSpaced(buffer []byte, value string) []byte {
	value = strings.Trim(value, " ")
	if !strings.Contains(value, "  ") {
		return append(buffer, value...)
	}
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			buffer = append(buffer, value[i])
		}
	}
	return buffer
}
