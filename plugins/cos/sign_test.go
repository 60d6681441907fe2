package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestSignatureEqualsSDK compares signatures of random requests byte for byte with
// those of the vendor's SDK.
func TestSignatureEqualsSDK(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		keys := credentials.Keys{AccessKeyID: fmt.Sprint("AKID", i), SecretAccessKey: text(random, 40)}
		if i%2 == 0 {
			keys.SessionToken = text(random, 60)
		}
		at := time.Unix(1_500_000_000+random.Int64N(1_000_000_000), 0)
		request := randomRequest(random)
		want := sdkSignature(t, request, keys, at)
		signed := request.sign(keys, at, putLife)
		if got := signed[len(signed)-1]; got.Name != "authorization" || got.Value != want {
			t.Fatalf("%+v is signed\n%s, want\n%s", request, got.Value, want)
		}
	}
}

// sdkSignature signs the same request with the SDK, from its URL.
func sdkSignature(t *testing.T, plain unsigned, keys credentials.Keys, at time.Time) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), plain.method, plain.url("https"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if request.URL.Path != plain.path {
		t.Fatalf("the URL of %q says %q", plain.path, request.URL.Path)
	}
	for _, field := range plain.header {
		request.Header.Set(field.Name, field.Value)
	}
	if plain.length >= 0 {
		request.Header.Set("Content-Length", fmt.Sprint(plain.length))
	}
	from, until := at.Add(-early), at.Add(putLife)
	cos.AddAuthorizationHeader(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, request,
		&cos.AuthTime{SignStartTime: from, SignEndTime: until, KeyStartTime: from, KeyEndTime: until})
	return request.Header.Get("Authorization")
}

func randomRequest(random *rand.Rand) unsigned {
	request := unsigned{method: "GET", host: suite + ".cos.ap-guangzhou.myqcloud.com", path: "/" + text(random, 1+random.IntN(60)), length: -1}
	switch random.IntN(4) {
	case 0:
		request.method, request.length = "PUT", random.Int64N(5<<30)
		request.query = partQuery(driver.UploadRef{ID: text(random, 20)}, 1+random.IntN(10_000))
	case 1:
		request.method, request.length = "POST", random.Int64N(100)
		request.query = []driver.Header{{Name: "uploads"}}
	case 2:
		request.query = []driver.Header{{Name: "uploads"}, {Name: "encoding-type", Value: "url"}, {Name: "prefix", Value: text(random, 20)}, {Name: "key-marker", Value: text(random, 9)}}
	}
	// The SDK does not sign Content-Language, as if it were the store's to change.
	names := []string{"content-type", "cache-control", "expires", "content-encoding", "x-cos-storage-class", "x-cos-meta-a", "x-cos-meta-a-b", "x-cos-tagging"}
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

func TestAnonymousExchanges(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", map[string]string{"endpoint": "http://127.0.0.1:9"})
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "a b/../c", VersionID: "v/1"})
	if want := "http://127.0.0.1:9/" + suite + "/a%20b/../c?versionId=v%2F1"; err != nil || get.URL != want || len(get.Header) > 0 {
		t.Errorf("SignGet = %s %v, %v; want %s", get.URL, get.Header, err, want)
	}
}

func TestExchangesFollowClockAndKeys(t *testing.T) {
	t.Setenv("T_ACCESS_KEY_ID", "AKID")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	b := openAt(t, "env:T", nil)
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k", Now: time.Unix(1_600_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := get.Header[0].Value, "q-sign-time=1599999700;1600003600&"; !strings.Contains(got, want) {
		t.Errorf("signed as %s, want %s: the observed time less %s, plus %s", got, want, early, getLife)
	}
	if want := time.Unix(1_600_003_570, 0); !get.Expires.Equal(want) {
		t.Errorf("the exchange expires at %s, want %s", get.Expires, want)
	}
}

// TestKeysOfBackslash proves what driver.KeyRules cannot say.
func TestKeysOfBackslash(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", nil)
	_, put := b.SignPut(t.Context(), driver.PutRequest{Key: `\k`})
	_, create := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: `\k`})
	for op, err := range map[string]error{"put": put, "create": create} {
		if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), `begins with "\"`) {
			t.Errorf("%s = %v, want a refusal of the key", op, err)
		}
	}
}

// openAt opens the bucket suite, which nobody serves unless the options say where.
func openAt(t testing.TB, credentials string, options map[string]string) *bucket {
	t.Helper()
	given := map[string]string{"region": region, "proxy": "none"}
	for name, value := range options {
		given[name] = value
	}
	opened, err := store{}.open(t.Context(), driver.OpenRequest{Bucket: suite, Credentials: credentials, Options: given})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

func benchmarkBucket(b *testing.B) *bucket {
	b.Helper()
	b.Setenv("BENCH_ACCESS_KEY_ID", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE")
	b.Setenv("BENCH_SECRET_ACCESS_KEY", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
	b.Setenv("BENCH_SESSION_TOKEN", strings.Repeat("IQoJb3JpZ2luX2VjEL7+FwoaCmNuLW5vcnRoLTEi/RzBFAiEA", 15)+"==")
	return openAt(b, "env:BENCH", nil)
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
	bucket := benchmarkBucket(b)
	perSignature(b, func() error {
		_, err := bucket.SignGet(b.Context(), driver.GetRequest{Key: "some/prefix/object-0001.parquet"})
		return err
	})
}

func BenchmarkSignPut(b *testing.B) {
	request := driver.PutRequest{Key: "some/prefix/object-0001.parquet", Size: 4096, Attributes: driver.Attributes{
		ContentType: "application/octet-stream", CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "x"}},
	}}
	bucket := benchmarkBucket(b)
	perSignature(b, func() error {
		_, err := bucket.SignPut(b.Context(), request)
		return err
	})
}

func BenchmarkSignPart(b *testing.B) {
	request := driver.PartRequest{Upload: driver.UploadRef{Key: "some/prefix/object-0001.parquet", ID: "1585130821cbb7df"}, Number: 7, Size: 8 << 20}
	bucket := benchmarkBucket(b)
	perSignature(b, func() error {
		_, err := bucket.SignPart(b.Context(), request)
		return err
	})
}

// BenchmarkSDK is what the vendor's signer takes, beside the rest of SignGet.
func BenchmarkSDK(b *testing.B) {
	request, err := http.NewRequestWithContext(b.Context(), "GET", "https://"+suite+".cos.ap-guangzhou.myqcloud.com/some/prefix/object-0001.parquet", nil)
	if err != nil {
		b.Fatal(err)
	}
	perSignature(b, func() error {
		cos.AddAuthorizationHeader("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "s", strings.Repeat("t", 735), request, cos.NewAuthTime(getLife))
		return nil
	})
}
