package s3driver

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// getLife is how long a signed GET is good: long enough for every range of
	// a large object, short for whoever finds it in a memory dump.
	getLife = time.Hour
	// putLife is how long a signed PUT is good. Stores take a signature in the
	// headers, which trailers need, for fifteen minutes; clocks may differ.
	putLife = 10 * time.Minute
	// expiryMargin is how long before its end an exchange is no longer used.
	expiryMargin = 30 * time.Second
)

// SignGet signs a GET whose Range and If-Match are free.
func (b *Bucket) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	exchange, err := b.signGet(ctx, request)
	return exchange, b.reporter.Fail("SignGet", request.Key, err)
}

func (b *Bucket) signGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	place, signer, err := b.prepare(ctx, request.Key)
	if err != nil {
		return driver.Exchange{}, err
	}
	plain := unsigned{method: "GET", host: place.Host, path: place.keyPath(request.Key), length: -1}
	if len(b.session.Checksums.Stored) > 0 {
		// Without it the store keeps its checksums to itself. Every x-amz-… header
		// that is sent must be signed.
		plain.header = []driver.Header{{Name: "x-amz-checksum-mode", Value: "ENABLED"}}
	}
	plain.header = b.config.Wishes.paid(plain.header)
	if request.VersionID != "" {
		plain.query = "versionId=" + string(control.AppendQuery(nil, request.VersionID))
	}
	exchange := driver.Exchange{Method: plain.method, Header: plain.header, Reply: b.replies.get}
	at, life := b.clock.At(request.Now), getLife
	if signer == nil {
		exchange.URL = place.plainURL(plain)
	} else {
		life = control.Life(signer.keys, life)
		exchange.URL = signer.presign(place.root, plain, at, life)
	}
	if encoding := b.config.Profile.AcceptEncoding; encoding != "" { // not signed: Google changes it before it checks
		exchange.Header = append(slices.Clip(exchange.Header), driver.Header{Name: "accept-encoding", Value: encoding})
	}
	exchange.Expires = at.Add(life - min(expiryMargin, life/2))
	return exchange, nil
}

// SignPut signs the PUT of a whole object.
func (b *Bucket) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	header, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Exchange{}, b.reporter.Fail("SignPut", request.Key, err)
	}
	body := upload{key: request.Key, size: request.Size, header: header, checksum: request.Checksum, now: request.Now, reply: b.replies.put}
	exchange, err := b.signUpload(ctx, body)
	return exchange, b.reporter.Fail("SignPut", request.Key, err)
}

// SignPart signs the PUT of one part.
func (b *Bucket) SignPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	query := strconv.AppendInt([]byte("partNumber="), int64(request.Number), 10)
	query = control.AppendQuery(append(query, "&uploadId="...), request.Upload.ID)
	body := upload{key: request.Upload.Key, size: request.Size, query: string(query), now: request.Now, reply: b.replies.part}
	exchange, err := b.signUpload(ctx, body)
	return exchange, b.reporter.Fail("SignPart", request.Upload.Key, err)
}

// upload is one body to be sent: a whole object or a part.
type upload struct {
	key      string
	size     int64
	query    string
	header   []driver.Header
	checksum driver.Checksum
	now      time.Time
	reply    *driver.Reply
}

// signUpload signs a body with the strongest check that the store takes: a
// checksum known beforehand in a header, or else one computed on the way in a
// trailer, or none. Signatures stand in the query but for trailers: MinIO
// refuses headers that were added to a request only when they do.
func (b *Bucket) signUpload(ctx context.Context, body upload) (driver.Exchange, error) {
	place, signer, err := b.prepare(ctx, body.key)
	if err != nil {
		return driver.Exchange{}, err
	}
	exchange := driver.Exchange{Method: "PUT", Reply: body.reply}
	plain := unsigned{method: "PUT", host: place.Host, path: place.keyPath(body.key), query: body.query, header: b.config.Wishes.paid(body.header)}
	payload := unsignedPayload
	known, named := checksumOf(body.checksum.Algorithm)
	switch {
	case named && b.config.Profile.Checksums.Header:
		value := base64.StdEncoding.EncodeToString([]byte(body.checksum.Value))
		plain.header = append(plain.header, driver.Header{Name: known.header, Value: value})
	case b.config.Profile.Checksums.TrailerChunk > 0 && signer != nil:
		payload = unsignedTrailer
		exchange.Body = b.trailer()
		plain.header = b.trailerHeaders(plain.header, exchange.Body, body.size)
	}
	plain.length = exchange.Body.Length(body.size)
	at, life := b.clock.At(body.now), putLife
	if signer != nil {
		life = control.Life(signer.keys, life)
	}
	exchange.Header = plain.header
	switch {
	case signer == nil:
		exchange.URL = place.plainURL(plain)
	case payload == unsignedTrailer:
		exchange.URL = place.plainURL(plain)
		exchange.Header = signer.signHeader(plain, payload, at)
	default:
		exchange.URL = signer.presign(place.root, plain, at, life)
	}
	exchange.Expires = at.Add(life - min(expiryMargin, life/2))
	return exchange, nil
}

// trailer frames a body as aws-chunked with a trailing CRC64NVME.
func (b *Bucket) trailer() driver.Framing {
	return driver.Framing{
		Kind: driver.FramingTrailer, TrailerName: "x-amz-checksum-crc64nvme",
		TrailerChecksum: driver.AlgorithmCRC64NVME, ChunkSize: b.config.Profile.Checksums.TrailerChunk,
	}
}

// trailerHeaders adds what announces a trailer. aws-chunked goes before the
// object's own content encoding, and the store takes it off again; a store that
// does not is not told, because x-amz-content-sha256 says as much.
func (b *Bucket) trailerHeaders(header []driver.Header, framing driver.Framing, size int64) []driver.Header {
	framed := make([]driver.Header, 0, len(header)+7)
	encoding := "aws-chunked"
	for _, field := range header {
		if field.Name == "content-encoding" && !b.config.Profile.Checksums.KeepsChunked {
			encoding += "," + field.Value
		} else {
			framed = append(framed, field)
		}
	}
	if !b.config.Profile.Checksums.KeepsChunked {
		framed = append(framed, driver.Header{Name: "content-encoding", Value: encoding})
	}
	return append(framed,
		driver.Header{Name: "x-amz-decoded-content-length", Value: strconv.FormatInt(size, 10)},
		driver.Header{Name: "x-amz-trailer", Value: framing.TrailerName},
	)
}

// mayWrite refuses a key that the store would spoil and returns the headers of
// the attributes and of the location's wishes.
func (b *Bucket) mayWrite(key string, attributes driver.Attributes) ([]driver.Header, error) {
	if problem := b.session.KeyRules.Violation(key); problem != "" {
		return nil, control.Invalid("this store cannot hold the key: %s", problem)
	}
	header, err := b.attributeHeaders(attributes)
	return append(header, b.config.Wishes.headers()...), err
}

// prepare returns what every signature for a key needs. The signer is nil for
// anonymous access.
//
// A key that the store takes for another one is absent, whatever the store says
// of the other.
func (b *Bucket) prepare(ctx context.Context, key string) (*located, *signer, error) {
	if key == "" {
		return nil, nil, control.Invalid("the key is empty")
	}
	if problem := b.aliases.Violation(key); problem != "" {
		return nil, nil, &driver.Error{Kind: driver.KindNotFound, Code: "NoSuchKey", Message: "this store cannot hold the key: " + problem}
	}
	return b.prepareCall(ctx)
}

// prepareCall is prepare for a request that has no key.
func (b *Bucket) prepareCall(ctx context.Context) (*located, *signer, error) {
	place, err := b.locate(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := b.keyring.Keys(ctx)
	if err != nil {
		return nil, nil, err
	}
	return place, b.signers.get(keys, place.Region), nil
}

func (p *located) keyPath(key string) string {
	path := make([]byte, 0, len(p.Path)+1+len(key)+16)
	path = append(append(path, p.Path...), '/')
	return string(control.AppendPath(path, key))
}

// plainURL is the request's URL without a signature.
func (p *located) plainURL(request unsigned) string {
	if request.query == "" {
		return p.root + request.path
	}
	return p.root + request.path + "?" + request.query
}
