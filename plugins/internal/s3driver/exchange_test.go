package s3driver

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// strong is a store that takes every kind of checksum.
var strong = Profile{
	Checksums: Checksums{Stored: []string{"crc64nvme"}, Header: true, TrailerChunk: 1 << 20, UploadWhole: true},
	Keys:      Keys{NoEmptySegment: true, MaxBytes: 100},
}

// headersOf returns an exchange's headers, without what changes with time.
func headersOf(exchange driver.Exchange) map[string]string {
	found := map[string]string{}
	for _, field := range exchange.Header {
		if field.Name != "authorization" && field.Name != "x-amz-date" {
			found[field.Name] = field.Value
		}
	}
	return found
}

func TestSignPutChoosesTheCheck(t *testing.T) {
	t.Setenv("T_ACCESS_KEY_ID", "AKID")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	attributes := driver.Attributes{ContentEncoding: "gzip,aws-chunked", ContentType: "text/plain"} // as a source that kept it tells
	sum := driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\xae\x8b\x14\x86\x0a\x79\x98\x88"}
	plain := strong
	plain.Checksums.Header, plain.Checksums.TrailerChunk = false, 0
	cases := map[string]struct {
		profile  Profile
		checksum driver.Checksum
		header   map[string]string
		framing  driver.Framing
		inQuery  bool
	}{
		"checksum known": {strong, sum,
			map[string]string{"content-encoding": "gzip", "content-type": "text/plain", "x-amz-checksum-crc64nvme": "rosUhgp5mIg="}, driver.Framing{}, true},
		"checksum on the way": {strong, driver.Checksum{},
			map[string]string{
				"content-encoding": "aws-chunked,gzip", "content-type": "text/plain", "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
				"x-amz-decoded-content-length": "9", "x-amz-trailer": "x-amz-checksum-crc64nvme",
			},
			driver.Framing{Kind: driver.FramingTrailer, TrailerName: "x-amz-checksum-crc64nvme", TrailerChecksum: driver.AlgorithmCRC64NVME, ChunkSize: 1 << 20}, false},
		"store without checksums": {plain, sum, map[string]string{"content-encoding": "gzip", "content-type": "text/plain"}, driver.Framing{}, true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket := openAt(t, "http://127.0.0.1:9", test.profile, "env:T")
			exchange, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 9, Attributes: attributes, Checksum: test.checksum})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.header, headersOf(exchange)); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.framing, exchange.Body); diff != "" {
				t.Errorf("framing (-want +got):\n%s", diff)
			}
			if inQuery := strings.Contains(exchange.URL, "X-Amz-Signature="); inQuery != test.inQuery {
				t.Errorf("the signature is in the query: %v, want %v", inQuery, test.inQuery)
			}
		})
	}
}

func TestAnonymousExchanges(t *testing.T) {
	t.Parallel()
	bucket := openAt(t, "http://127.0.0.1:9", strong, "anonymous")
	get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a b", VersionID: "v/1"})
	if err != nil || get.URL != "http://127.0.0.1:9/bucket/a%20b?versionId=v%2F1" {
		t.Errorf("SignGet = %s, %v", get.URL, err)
	}
	put, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1})
	if err != nil || put.URL != "http://127.0.0.1:9/bucket/k" || len(put.Header) > 0 || put.Body.Kind != driver.FramingRaw {
		t.Errorf("SignPut = %+v, %v; want nothing signed", put, err)
	}
}

func TestExchangesEndWithTheKeys(t *testing.T) {
	t.Parallel()
	bucket := openAt(t, "http://127.0.0.1:9", strong, "anonymous")
	end := time.Now().Add(7 * time.Minute)
	bucket.keyring = control.NewKeyring(func(context.Context, control.Reason) (credentials.Keys, error) {
		return credentials.Keys{AccessKeyID: "a", SecretAccessKey: "s", Expires: end}, nil
	})
	get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil || get.Expires.After(end) {
		t.Errorf("a GET expires at %v, its keys at %v (%v)", get.Expires, end, err)
	}
	put, err := bucket.SignPart(t.Context(), driver.PartRequest{Upload: driver.UploadRef{Key: "k", ID: "u"}, Number: 1, Size: 1})
	if err != nil || put.Expires.After(end) {
		t.Errorf("a part expires at %v, its keys at %v (%v)", put.Expires, end, err)
	}
}

func TestSigningFollowsTheStoresClock(t *testing.T) {
	t.Setenv("T_ACCESS_KEY_ID", "AKID")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	bucket := openAt(t, "http://127.0.0.1:9", strong, "env:T")
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k", Now: at})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(get.URL)
	if err != nil || parsed.Query().Get("X-Amz-Date") != "20300102T030405Z" {
		t.Errorf("signed at %q (%v), want the observed time", parsed.Query().Get("X-Amz-Date"), err)
	}
}

func TestKeysThatTheStoreSpoils(t *testing.T) {
	t.Parallel()
	bucket := openAt(t, "http://127.0.0.1:9", strong, "anonymous") // nobody answers: no request may be made
	key := "a//b"
	_, put := bucket.SignPut(t.Context(), driver.PutRequest{Key: key, Size: 1})
	_, create := bucket.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: key})
	_, long := bucket.SignPut(t.Context(), driver.PutRequest{Key: strings.Repeat("k", 101), Size: 1})
	_, get := bucket.SignGet(t.Context(), driver.GetRequest{Key: key})
	_, stat := bucket.Stat(t.Context(), driver.StatRequest{Key: key})
	remove := bucket.Delete(t.Context(), driver.DeleteRequest{Key: key})
	for name, test := range map[string]struct {
		err  error
		want driver.Kind
	}{
		"put": {put, driver.KindInvalidArgument}, "create": {create, driver.KindInvalidArgument}, "too long": {long, driver.KindInvalidArgument},
		"get": {get, driver.KindNotFound}, "stat": {stat, driver.KindNotFound}, "delete": {remove, driver.KindUnknown},
	} {
		if kind := driver.KindOf(test.err); kind != test.want {
			t.Errorf("%s of %q = %v (%v), want %v", name, key, test.err, kind, test.want)
		}
	}
}

func TestClosedHandle(t *testing.T) {
	t.Parallel()
	bucket := openAt(t, "http://127.0.0.1:9", strong, "anonymous")
	if err := bucket.Close(); err != nil {
		t.Fatal(err)
	}
	for op, call := range calls(bucket) {
		if err := call(t.Context()); driver.KindOf(err) != driver.KindFatal {
			t.Errorf("%s after Close = %v, want fatal", op, err)
		}
	}
	if _, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"}); driver.KindOf(err) != driver.KindFatal {
		t.Errorf("SignGet after Close = %v, want fatal", err)
	}
}
