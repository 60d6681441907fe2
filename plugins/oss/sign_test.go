package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	ossCredentials "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestSignatureEqualsSDK compares signed URLs of random requests with those of the
// vendor's SDK, parameter by parameter. The SDK signs for now alone, and for whole
// seconds: a pair that fell on both sides of a second is signed again.
func TestSignatureEqualsSDK(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		keys := credentials.Keys{AccessKeyID: fmt.Sprint("LTAI", i), SecretAccessKey: text(random, 40)}
		if i%2 == 0 {
			keys.SessionToken = text(random, 60)
		}
		key, request := text(random, 1+random.IntN(60)), randomRequest(random)
		request.path = "/" + string(control.AppendPath(nil, key))
		want := sdkQuery(t, request, key, keys)
		date := want.Get("x-oss-date")
		life, err := strconv.Atoi(want.Get("x-oss-expires"))
		if err != nil {
			t.Fatal(err)
		}
		signed := newDayKey(keys, region, date[:8]).sign(suite, request, date, time.Duration(life)*time.Second)
		got, err := url.ParseQuery(signed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v (-SDK +got):\n%s", request, diff)
		}
	}
}

// sdkQuery signs the same request with the SDK and returns the query of its URL.
func sdkQuery(t *testing.T, plain unsigned, key string, keys credentials.Keys) url.Values {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), plain.method, "https://h"+plain.path+"?"+plain.query, nil)
	if err != nil {
		t.Fatal(err)
	}
	var additional []string
	for _, field := range plain.header {
		request.Header.Set(field.Name, field.Value)
		additional = append(additional, field.Name)
	}
	if plain.length >= 0 {
		request.Header.Set("Content-Length", strconv.FormatInt(plain.length, 10))
		additional = append(additional, "content-length")
	}
	bucket, place, product := suite, region, "oss"
	signing := &signer.SigningContext{
		Product: &product, Region: &place, Bucket: &bucket, Key: &key, Request: request, AdditionalHeaders: additional, AuthMethodQuery: true,
		Time:        time.Now().Add(time.Hour),
		Credentials: &ossCredentials.Credentials{AccessKeyID: keys.AccessKeyID, AccessKeySecret: keys.SecretAccessKey, SecurityToken: keys.SessionToken},
	}
	if err := (&signer.SignerV4{}).Sign(t.Context(), signing); err != nil {
		t.Fatal(err)
	}
	return request.URL.Query()
}

func randomRequest(random *rand.Rand) unsigned {
	request := unsigned{method: "GET", length: -1}
	switch random.IntN(3) {
	case 0:
		request.method, request.length = "PUT", random.Int64N(5<<30)
		request.query = "partNumber=" + strconv.Itoa(1+random.IntN(10_000)) + "&uploadId=" + string(control.AppendQuery(nil, text(random, 20)))
	case 1:
		request.query = "versionId=" + string(control.AppendQuery(nil, text(random, 9)))
	}
	names := []string{
		"content-type", "content-md5", "cache-control", "expires", "content-encoding", "content-language", "content-disposition",
		"x-oss-storage-class", "x-oss-meta-a", "x-oss-meta-a-b", "x-oss-tagging",
	}
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:random.IntN(len(names))] {
		request.header = append(request.header, driver.Header{Name: name, Value: text(random, 1+random.IntN(30))})
	}
	return request
}

// text returns random text with all that needs escaping in it.
func text(random *rand.Rand, length int) string {
	alphabet := []rune("abcXYZ019-._~/ +%?#&=;:@!$'()*,\"<>[]{}|\\^`äß日本🚀")
	var b strings.Builder
	for range length {
		b.WriteRune(alphabet[random.IntN(len(alphabet))])
	}
	return b.String()
}

// TestExchangesAreComplete shows that the SDK's presigner drops what ours carries.
func TestExchangesAreComplete(t *testing.T) {
	t.Parallel()
	attributes := driver.Attributes{
		ContentType: "text/plain", ContentDisposition: "attachment; filename=a", ContentLanguage: "de", CacheControl: "no-cache",
		ContentEncoding: "gzip", Expires: "Sun, 21 Oct 2035 07:28:00 GMT", StorageClass: "IA",
		Metadata: []driver.Metadata{{Name: "Owner", Value: "a b"}}, Tags: []driver.Tag{{Key: "k 1", Value: "a&b=c"}, {Key: "l"}},
	}
	b := opened(t, at(suite, "anonymous", "http://127.0.0.1:9", nil))
	exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Header{
		{Name: "cache-control", Value: "no-cache"}, {Name: "content-disposition", Value: "attachment; filename=a"},
		{Name: "content-encoding", Value: "gzip"}, {Name: "content-language", Value: "de"}, {Name: "content-type", Value: "text/plain"},
		{Name: "expires", Value: "Sun, 21 Oct 2035 07:28:00 GMT"}, {Name: "x-oss-meta-owner", Value: "a b"},
		{Name: "x-oss-storage-class", Value: "IA"}, {Name: "x-oss-tagging", Value: "k%201=a%26b%3Dc&l="},
	}
	if diff := cmp.Diff(want, exchange.Header); diff != "" {
		t.Errorf("headers of a PUT (-want +got):\n%s", diff)
	}
	sdk := oss.NewClient(&oss.Config{
		Region: oss.Ptr(region), CredentialsProvider: ossCredentials.NewStaticCredentialsProvider("a", "s"),
	})
	signed, err := sdk.Presign(t.Context(), &oss.PutObjectRequest{
		Bucket: oss.Ptr(suite), Key: oss.Ptr("k"), CacheControl: oss.Ptr("no-cache"), ContentType: oss.Ptr("text/plain"),
	})
	if err != nil || signed.SignedHeaders["Cache-Control"] != "" {
		t.Errorf("the SDK no longer drops headers: %v, %v: consider using its presigner", signed, err)
	}
}

func TestAnonymousExchanges(t *testing.T) {
	t.Parallel()
	b := opened(t, at(suite, "anonymous", "http://127.0.0.1:9", nil))
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "a b/../c", VersionID: "v/1"})
	if want := "http://127.0.0.1:9/" + suite + "/a%20b/../c?versionId=v%2F1"; err != nil || get.URL != want {
		t.Errorf("SignGet = %s, %v; want %s", get.URL, err, want)
	}
	if diff := cmp.Diff([]driver.Header{{Name: "x-oss-range-behavior", Value: "standard"}}, get.Header); diff != "" {
		t.Errorf("headers of a GET (-want +got):\n%s", diff)
	}
}

func TestExchangesFollowClockAndKeys(t *testing.T) {
	t.Setenv("T_ACCESS_KEY_ID", "LTAI")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	b := opened(t, at(suite, "env:T", "", nil))
	for day := range 2 { // the second day needs another key
		now := time.Date(2030, 1, 2+day, 23, 59, 59, 0, time.UTC)
		get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k", Now: now})
		if err != nil {
			t.Fatal(err)
		}
		date := now.Format(timeFormat)
		if want := "x-oss-credential=LTAI%2F" + date[:8] + "%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=" + date + "&x-oss-expires=3600&"; !strings.Contains(get.URL, want) {
			t.Errorf("signed as %s, want %s", get.URL, want)
		}
		if want := now.Add(time.Hour - expiryMargin); !get.Expires.Equal(want) {
			t.Errorf("the exchange expires at %s, want %s", get.Expires, want)
		}
	}
}

func benchmarkBucket(b *testing.B) *bucket {
	b.Helper()
	b.Setenv("BENCH_ACCESS_KEY_ID", "LTAI5tExampleExampleExam")
	b.Setenv("BENCH_SECRET_ACCESS_KEY", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
	b.Setenv("BENCH_SESSION_TOKEN", strings.Repeat("IQoJb3JpZ2luX2VjEL7+FwoaCmNuLW5vcnRoLTEi/RzBFAiEA", 15)+"==")
	return opened(b, at(suite, "env:BENCH", "", nil))
}

// perSignature reports the processor time of one signature, which other work on the
// machine does not stretch.
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

func BenchmarkSign(b *testing.B) {
	bucket := benchmarkBucket(b)
	const key = "some/prefix/object-0001.parquet"
	for name, sign := range map[string]func(context.Context) (driver.Exchange, error){
		"get": func(ctx context.Context) (driver.Exchange, error) {
			return bucket.SignGet(ctx, driver.GetRequest{Key: key})
		},
		"put": func(ctx context.Context) (driver.Exchange, error) {
			return bucket.SignPut(ctx, driver.PutRequest{Key: key, Size: 4096, Attributes: driver.Attributes{
				ContentType: "application/octet-stream", CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "x"}},
			}})
		},
		"part": func(ctx context.Context) (driver.Exchange, error) {
			return bucket.SignPart(ctx, driver.PartRequest{Upload: driver.UploadRef{Key: key, ID: "0004B9894A22E5B1888A1E29F823****"}, Number: 7, Size: 8 << 20})
		},
	} {
		b.Run(name, func(b *testing.B) {
			perSignature(b, func() error {
				_, err := sign(b.Context())
				return err
			})
		})
	}
}

// send sends an exchange as a host does.
func send(t *testing.T, client *http.Client, exchange driver.Exchange, body []byte) control.Answer {
	request, err := http.NewRequestWithContext(t.Context(), exchange.Method, exchange.URL, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return control.Answer{}
	}
	for _, field := range exchange.Header {
		request.Header.Set(field.Name, field.Value)
	}
	answer, err := control.Send(client, request)
	if err != nil {
		t.Error(err)
	}
	return answer
}
