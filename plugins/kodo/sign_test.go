package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storagev2/uptoken"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

// openBucket opens a bucket; address stands for the vendor.
func openBucket(t *testing.T, name, address string, options map[string]string) *bucket {
	t.Helper()
	opened, err := store{}.Open(t.Context(), at(t, name, "env:GOOD", address, options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened.(*bucket)
}

func newExecutor(t *testing.T, b *bucket) *drivertest.Executor {
	t.Helper()
	executor, err := drivertest.NewExecutor(b.Session().Transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(executor.Close)
	return executor
}

// text returns random text with all that needs escaping in it.
func text(random *rand.Rand, length int) string {
	alphabet := []rune("abcXYZ019-._~/ +%?#&=;:@!$'()*,\"<>[]{}|\\^`äß日本🚀\r\n")
	var b strings.Builder
	for range length {
		b.WriteRune(alphabet[random.IntN(len(alphabet))])
	}
	return b.String()
}

// signed is an exchange with the body that it was signed for.
type signed struct {
	driver.Exchange
	body []byte
	key  string
}

// randomExchange signs something: a download, a whole object or a part.
func randomExchange(ctx context.Context, b *bucket, random *rand.Rand) (signed, error) {
	now := time.Now().Add(time.Duration(random.IntN(3600*24*5)) * time.Second)
	key, body := text(random, 1+random.IntN(60)), []byte(text(random, random.IntN(50)))
	var exchange driver.Exchange
	var err error
	switch random.IntN(3) {
	case 0:
		exchange, err = b.SignGet(ctx, driver.GetRequest{Key: key, Now: now})
		body = nil
	case 1:
		attributes := driver.Attributes{StorageClass: []string{"", "LINE", "STANDARD", "GLACIER"}[random.IntN(4)]}
		for i := range random.IntN(4) {
			attributes.Metadata = append(attributes.Metadata, driver.Metadata{Name: fmt.Sprint("m_", i), Value: fmt.Sprint("v ", random.Uint32())})
		}
		exchange, err = b.SignPut(ctx, driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes, Now: now})
	default:
		upload := driver.UploadRef{Key: key, ID: fmt.Sprintf("%x", random.Uint64())}
		exchange, err = b.SignPart(ctx, driver.PartRequest{Upload: upload, Number: 1 + random.IntN(10_000), Size: int64(len(body)), Now: now})
	}
	return signed{exchange, body, key}, err
}

// accepted says whether the store took the proof, whatever it then made of the request.
func accepted(answer drivertest.Answer) bool {
	return answer.Status == 200 || answer.Status == 404 || answer.Status == 612 || answer.Status == 403 && bytes.Contains(answer.Body, []byte("archived"))
}

// TestSignaturesAreAccepted signs 10,000 random exchanges, which the emulator checks by
// its own reading of the documentation.
func TestSignaturesAreAccepted(t *testing.T) {
	b := openBucket(t, suite, startEmulator(t).Endpoint, nil)
	executor := newExecutor(t, b)
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 2500 {
				exchange, err := randomExchange(t.Context(), b, random)
				if err != nil {
					t.Error(err)
					return
				}
				answer, err := executor.Do(t.Context(), exchange.Exchange, drivertest.Send{Body: exchange.body})
				if !accepted(answer) {
					t.Errorf("%s of %q is answered %d: %v", exchange.Method, exchange.key, answer.Status, err)
					return
				}
			}
		})
	}
	workers.Wait()
}

// alteredToken replaces a text in the policy of the token that stands in a text.
func alteredToken(t *testing.T, text, old, replacement string) string {
	t.Helper()
	at := strings.Index(text, accessKey+":")
	token, rest := text[at:], ""
	if end := strings.IndexAny(token, "\r\n"); end >= 0 {
		token, rest = token[:end], token[end:]
	}
	cut := strings.LastIndexByte(token, ':') + 1
	policy, err := base64.URLEncoding.DecodeString(token[cut:])
	if err != nil || !strings.Contains(string(policy), old) {
		t.Fatalf("the policy %s (%v) has no %q", policy, err, old)
	}
	return text[:at] + token[:cut] + base64.URLEncoding.EncodeToString([]byte(strings.Replace(string(policy), old, replacement, 1))) + rest
}

func TestAlteredDownloadsAreRefused(t *testing.T) {
	b := openBucket(t, suite, startEmulator(t).Endpoint, nil)
	executor := newExecutor(t, b)
	random := rand.New(rand.NewPCG(3, 1))
	for range 100 {
		exchange, err := b.SignGet(t.Context(), driver.GetRequest{Key: "x" + text(random, 9)})
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string][2]string{
			"bucket": {"//" + suite + ".", "//" + other + "."}, "key": {"/x", "/y"}, "deadline": {"?e=1", "?e=2"}, "access key": {"&token=c", "&token=d"},
		} {
			altered := exchange
			altered.URL = strings.Replace(exchange.URL, change[0], change[1], 1)
			if altered.URL == exchange.URL {
				t.Fatalf("%s is not changed", name)
			}
			if answer, err := executor.Do(t.Context(), altered, drivertest.Send{}); answer.Status != 401 || driver.KindOf(err) != driver.KindDenied {
				t.Errorf("with another %s: %d, %v", name, answer.Status, err)
			}
		}
	}
}

// TestAlteredUploadsAreRefused alters what an upload token binds: bucket, key, deadline
// and size, in the token and beside it.
func TestAlteredUploadsAreRefused(t *testing.T) {
	b := openBucket(t, suite, startEmulator(t).Endpoint, nil)
	executor := newExecutor(t, b)
	random := rand.New(rand.NewPCG(4, 1))
	policies := map[string][2]string{
		"bucket": {`"` + suite + ":", `"` + other + ":"}, "key": {":x", ":y"}, "deadline": {`"deadline":1`, `"deadline":2`},
		"least size": {`"fsizeMin":50`, `"fsizeMin":49`}, "size limit": {`"fsizeLimit":50`, `"fsizeLimit":51`}, "class": {`"detectMime":-1`, `"detectMime":-1,"fileType":1`},
	}
	for range 50 {
		key, body := "x"+text(random, 9), bytes.Repeat([]byte("b"), 50)
		put, err := b.SignPut(t.Context(), driver.PutRequest{Key: key, Size: 50})
		if err != nil {
			t.Fatal(err)
		}
		part, err := b.SignPart(t.Context(), driver.PartRequest{Upload: driver.UploadRef{Key: key, ID: "unknown"}, Number: 1, Size: 50})
		if err != nil {
			t.Fatal(err)
		}
		refused := func(name string, exchange driver.Exchange, body []byte) {
			t.Helper()
			if answer, err := executor.Do(t.Context(), exchange, drivertest.Send{Body: body}); err == nil || accepted(answer) {
				t.Errorf("with another %s: %d, %v", name, answer.Status, err)
			}
		}
		for name, change := range policies {
			altered := put
			altered.Body.Prefix = []byte(alteredToken(t, string(put.Body.Prefix), change[0], change[1]))
			refused(name+" in the form's token", altered, body)
			altered = part
			altered.Header = []driver.Header{{Name: "authorization", Value: alteredToken(t, part.Header[0].Value, change[0], change[1])}}
			refused(name+" in the part's token", altered, body)
		}
		altered := put
		altered.Body.Prefix = bytes.Replace(put.Body.Prefix, []byte("\r\n\r\nx"), []byte("\r\n\r\ny"), 1)
		refused("key in the form", altered, body)
		refused("size: one more", put, append(body[:50:50], 'b'))
		refused("size: one less", put, body[:49])
		altered = part
		altered.URL = strings.Replace(part.URL, "/"+suite+"/", "/"+other+"/", 1)
		refused("bucket in the path", altered, body)
		altered.URL = b.uploads(b.located.Load(), driver.UploadRef{Key: "y" + key, ID: "unknown"}) + "/1"
		refused("key in the path", altered, body)
	}
	if page, err := b.List(t.Context(), driver.ListRequest{}); err != nil || len(page.Objects) > 0 {
		t.Errorf("refused uploads left %d objects, %v", len(page.Objects), err)
	}
}

// TestTokensAreTheSDKs compares 2,000 tokens with the vendor's own.
func TestTokensAreTheSDKs(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 1))
	b := &bucket{name: suite}
	for range 2000 {
		keys := credentials.Keys{AccessKeyID: "ak", SecretAccessKey: text(random, 40)}
		vendor := auth.New(keys.AccessKeyID, keys.SecretAccessKey)
		key, until := text(random, 20), time.Unix(1_500_000_000+random.Int64N(1_000_000_000), 0)
		mine := b.token(keys, key, 7, "LINE", until)
		allowed, err := uptoken.NewParser(mine).GetPutPolicy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		scope, _ := allowed.GetScope()
		deadline, _ := allowed.GetDeadline()
		limit, _ := allowed.GetFsizeLimit()
		least, _ := allowed.GetFsizeMin()
		class, _ := allowed.GetFileType()
		if scope != suite+":"+key || deadline != until.Unix() || limit != 7 || least != 7 || class != 1 {
			t.Fatalf("the SDK reads %v", allowed)
		}
		_, policy, _ := strings.Cut(mine[len("ak:"):], ":")
		document, err := base64.URLEncoding.DecodeString(policy)
		if err != nil || vendor.SignWithData(document) != mine {
			t.Fatalf("the SDK does not sign %s (%v) so", document, err)
		}
		address := download(&place{download: "https://h"}, keys, key, until)
		if before, token, _ := strings.Cut(address, "&token="); vendor.Sign([]byte(before)) != token {
			t.Fatalf("the SDK does not sign %s so", before)
		}
	}
}

// TestKeysThatLookSignedAreSigned is a trap of the SDK's own signer.
func TestKeysThatLookSignedAreSigned(t *testing.T) {
	t.Parallel()
	keys := credentials.Keys{AccessKeyID: "ak", SecretAccessKey: "sk"}
	got := download(&place{download: "https://h"}, keys, "a?e=1&token=x", time.Unix(1_600_000_000, 0))
	const want = "https://h/a%3Fe%3D1%26token%3Dx?e=1600000000&token=ak:"
	if !strings.HasPrefix(got, want) {
		t.Errorf("the address is %s, want %s…", got, want)
	}
}

func BenchmarkSign(b *testing.B) {
	driven := &bucket{name: suite}
	keys := credentials.Keys{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	at, until := &place{download: "https://suite.kodo-cn-east-1.qiniucs.com"}, time.Now()
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			_ = download(at, keys, "folder/object-1", until)
		}
	})
	b.Run("token", func(b *testing.B) {
		for b.Loop() {
			_ = driven.token(keys, "folder/object-1", 4096, "", until)
		}
	})
}
