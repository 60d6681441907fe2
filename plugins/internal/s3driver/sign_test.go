package s3driver

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestSignerEqualsSDK compares signatures of random requests byte for byte with
// those of the AWS SDK.
func TestSignerEqualsSDK(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		held := credentials.Keys{AccessKeyID: "AKID" + fmt.Sprint(i), SecretAccessKey: text(random, 40)}
		if i%2 == 0 {
			held.SessionToken = "token/+=" + base64.StdEncoding.EncodeToString([]byte(text(random, 20)))
		}
		ours := &signer{keys: held, region: "cn-north-1"}
		request := randomRequest(random)
		at := time.Unix(1_700_000_000+random.Int64N(1e8), 0)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			compareHeader(t, ours, request, at)
			comparePresigned(t, ours, request, at)
		})
	}
}

func compareHeader(t *testing.T, ours *signer, request unsigned, at time.Time) {
	t.Helper()
	reference := httpRequest(request)
	reference.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
	if err := sdkSigner().SignHTTP(t.Context(), sdkKeys(ours), reference, unsignedPayload, "s3", ours.region, at); err != nil {
		t.Fatal(err)
	}
	want := reference.Header.Get("Authorization")
	signed := ours.signHeader(request, unsignedPayload, at)
	if got := signed[len(signed)-1]; got.Name != "authorization" || got.Value != want {
		t.Errorf("Authorization of %+v:\n got %s\nwant %s", request, got.Value, want)
	}
}

func comparePresigned(t *testing.T, ours *signer, request unsigned, at time.Time) {
	t.Helper()
	reference := httpRequest(request)
	query := reference.URL.Query()
	query.Set("X-Amz-Expires", "900")
	reference.URL.RawQuery = query.Encode()
	uri, _, err := sdkSigner().PresignHTTP(t.Context(), sdkKeys(ours), reference, unsignedPayload, "s3", ours.region, at)
	if err != nil {
		t.Fatal(err)
	}
	if got := ours.presign("https://"+request.host, request, at, 15*time.Minute); got != uri {
		t.Errorf("URL of %+v:\n got %s\nwant %s", request, got, uri)
	}
}

func sdkSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping, o.DisableHeaderHoisting = true, true })
}

func sdkKeys(s *signer) aws.Credentials {
	return aws.Credentials{AccessKeyID: s.keys.AccessKeyID, SecretAccessKey: s.keys.SecretAccessKey, SessionToken: s.keys.SessionToken}
}

// httpRequest is the same request as the SDK wants it.
func httpRequest(request unsigned) *http.Request {
	reference := &http.Request{
		Method: request.method, Header: http.Header{}, ContentLength: request.length,
		URL: &url.URL{Scheme: "https", Host: request.host, Opaque: "//" + request.host + request.path, RawQuery: request.query},
	}
	for _, field := range request.header {
		reference.Header.Set(field.Name, field.Value)
	}
	return reference
}

func randomRequest(random *rand.Rand) unsigned {
	request := unsigned{method: "GET", host: "bucket.s3.cn-north-1.amazonaws.com.cn", length: -1}
	request.path = "/" + string(control.AppendPath(nil, text(random, 1+random.IntN(60))))
	if random.IntN(2) == 0 {
		request.method, request.length = "PUT", 1+random.Int64N(1<<40)
		query := control.AppendQuery([]byte("partNumber=7&uploadId="), text(random, 20))
		request.query = string(query)
	}
	names := []string{"content-type", "cache-control", "expires", "content-encoding", "x-amz-checksum-crc64nvme", "x-amz-meta-a", "x-amz-meta-a-b", "x-amz-meta-zz"}
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:random.IntN(len(names))] {
		value := strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, text(random, random.IntN(30)))
		request.header = append(request.header, driver.Header{Name: name, Value: value})
	}
	return request
}

// text returns random text with all that needs escaping in it.
func text(random *rand.Rand, length int) string {
	alphabet := []rune("abcXYZ019-._~/ +%?#&=;:@!$'()*,\"<>[]{}|\\^`\t\näß日本🚀  ")
	var b strings.Builder
	for range length {
		b.WriteRune(alphabet[random.IntN(len(alphabet))])
	}
	return b.String()
}

// TestSignerChangesKeyWithDay proves that the cached key is that of the day.
func TestSignerChangesKeyWithDay(t *testing.T) {
	t.Parallel()
	ours := &signer{keys: credentials.Keys{AccessKeyID: "AKID", SecretAccessKey: "secret"}, region: "us-east-1"}
	request := unsigned{method: "GET", host: "example.com", path: "/b/k", length: -1}
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{midnight.Add(-time.Second), midnight, midnight.Add(-time.Second), midnight.In(time.FixedZone("", 5*3600))} {
		compareHeader(t, ours, request, at)
	}
}

func benchmarkBucket(b *testing.B, trailer int) *Bucket {
	b.Helper()
	b.Setenv("BENCH_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	b.Setenv("BENCH_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	b.Setenv("BENCH_SESSION_TOKEN", strings.Repeat("IQoJb3JpZ2luX2VjEL7+FwoaCmNuLW5vcnRoLTEi/RzBFAiEA", 15)+"==")
	profile := Profile{Checksums: Checksums{Header: true, TrailerChunk: trailer}}
	return openAt(b, "http://127.0.0.1:9", profile, "env:BENCH")
}

// perSignature reports the processor time of one signature, which other work on
// the machine does not stretch.
func perSignature(b *testing.B, sign func() error) {
	b.Helper()
	b.ReportAllocs()
	begin := processorTime(b)
	for b.Loop() {
		if err := sign(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processorTime(b)-begin)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func BenchmarkSignGet(b *testing.B) {
	bucket := benchmarkBucket(b, 0)
	perSignature(b, func() error {
		_, err := bucket.SignGet(b.Context(), driver.GetRequest{Key: "some/prefix/object-0001.parquet"})
		return err
	})
}

func BenchmarkSignPut(b *testing.B) {
	attributes := driver.Attributes{ContentType: "application/octet-stream", CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "x"}}}
	request := driver.PutRequest{
		Key: "some/prefix/object-0001.parquet", Size: 4096, Attributes: attributes,
		Checksum: driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "12345678"},
	}
	bucket := benchmarkBucket(b, 0)
	perSignature(b, func() error {
		_, err := bucket.SignPut(b.Context(), request)
		return err
	})
}

func BenchmarkSignPart(b *testing.B) {
	request := driver.PartRequest{Upload: driver.UploadRef{Key: "some/prefix/object-0001.parquet", ID: "2~abcdef"}, Number: 7, Size: 8 << 20}
	bucket := benchmarkBucket(b, 1<<20)
	perSignature(b, func() error {
		_, err := bucket.SignPart(b.Context(), request)
		return err
	})
}
