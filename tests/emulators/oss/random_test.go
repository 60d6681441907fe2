package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	osssdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
	"github.com/dth-dev/dth/tests/emulators/oss/internal/sign"
)

var holder = sign.Account{AccessKey: accessKey, SecretKey: secretKey, Region: region}

// anyText returns text with what a signature's encodings must get right.
func anyText(dice *rand.Rand, most int) string {
	const runes = "abcXYZ019-_.~ !*'()/+&=?%#;:@,\"ü漢🙂"
	all := []rune(runes)
	var text strings.Builder
	for range 1 + dice.IntN(most) {
		text.WriteRune(all[dice.IntN(len(all))])
	}
	return text.String()
}

// anyRequest returns a request as the server sees it, signed by the vendor's
// client in the header or in the URL, and the key that it is for.
func anyRequest(t *testing.T, dice *rand.Rand) (r *http.Request, key string) {
	t.Helper()
	query := url.Values{}
	if dice.IntN(2) == 0 {
		query.Set("partNumber", itoa(1+dice.IntN(maxParts)))
		query.Set("uploadId", fmt.Sprintf("%X", dice.Uint64()))
	}
	for range dice.IntN(3) {
		query.Set(anyText(dice, 8), anyText(dice, 20))
	}
	key = anyText(dice, 40)
	methods := []string{"GET", "PUT", "POST", "HEAD", "DELETE"}
	r = &http.Request{
		Method: methods[dice.IntN(len(methods))], Host: hostA, Header: http.Header{},
		URL: &url.URL{Scheme: "http", Host: hostA, Path: "/" + key, RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")},
	}
	for i := range dice.IntN(4) {
		r.Header.Set(fmt.Sprintf("x-oss-meta-%d", i), strings.TrimSpace(anyText(dice, 30)))
	}
	r.Header.Set("Content-Type", anyText(dice, 10))
	r.Header.Set("Cache-Control", anyText(dice, 10))
	at := time.Now().Add(-time.Duration(dice.IntN(100)) * time.Second)
	inURL := dice.IntN(2) == 0
	if inURL {
		at = time.Now().Add(time.Duration(1+dice.IntN(600000)) * time.Second) // the end of its life
	}
	context := &signer.SigningContext{
		Product: osssdk.Ptr("oss"), Region: osssdk.Ptr(region), Bucket: osssdk.Ptr(bucketA), Key: &key, Request: r, Time: at, AuthMethodQuery: inURL,
		Credentials: &credentials.Credentials{AccessKeyID: accessKey, AccessKeySecret: secretKey},
	}
	if dice.IntN(2) == 0 {
		context.AdditionalHeaders = []string{"Cache-Control"}
	}
	if err := (&signer.SignerV4{}).Sign(t.Context(), context); err != nil {
		t.Fatal(err)
	}
	return r, key
}

func TestRandomRequestsPassAndTheirAlterationsDoNot(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 2))
	resource := func(key string) string { return "/" + bucketA + "/" + key }
	parameter := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			query := r.URL.Query()
			if !query.Has(name) {
				return false
			}
			query.Set(name, query.Get(name)+"1")
			r.URL.RawQuery = query.Encode()
			return true
		}
	}
	header := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			r.Header.Set(name, r.Header.Get(name)+"x")
			return true
		}
	}
	alterations := map[string]func(*http.Request) bool{
		"method": func(r *http.Request) bool { r.Method = "PATCH"; return true },
		"type":   header("Content-Type"), "metadata": header("x-oss-meta-0"), "new metadata": header("x-oss-meta-new"),
		"additional header": func(r *http.Request) bool {
			signed := strings.Contains(r.Header.Get("Authorization"), "AdditionalHeaders") || r.URL.Query().Has("x-oss-additional-headers")
			return signed && header("Cache-Control")(r)
		},
		"upload id": parameter("uploadId"), "part number": parameter("partNumber"), "life": parameter("x-oss-expires"),
		"signature": parameter("x-oss-signature"),
	}
	for range 1000 {
		r, key := anyRequest(t, dice)
		if err := holder.Check(r, resource(key), time.Now()); err != nil {
			t.Fatalf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
		}
		if holder.Check(r, resource(key+"x"), time.Now()) == nil || holder.Check(r, "/"+bucketB+"/"+key, time.Now()) == nil {
			t.Fatalf("%s %s passes for another key or bucket", r.Method, r.URL)
		}
		for name, alter := range alterations {
			altered := r.Clone(t.Context())
			if alter(altered) && holder.Check(altered, resource(key), time.Now()) == nil {
				t.Fatalf("%s %s %v passes with another %s", r.Method, r.URL, r.Header, name)
			}
		}
	}
}

// FuzzServe looks for signed requests that crash the emulator or get no answer
// of the vendor's form.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/", "delimiter=%2F&prefix=a&max-keys=-1&marker=%ff", "", "Range", "bytes=-")
	f.Add("GET", "/", "list-type=2&continuation-token=Cv____8-", "", "Range", "bytes=-")
	f.Add("PUT", "/key", "partNumber=x&uploadId=", "<", "x-oss-copy-source", "/oss-example/%zz?versionId=")
	f.Add("POST", "/key", "restore", "<RestoreRequest><Days>1", "Content-Md5", "====")
	f.Add("POST", "/", "delete", "<Delete><Object><Key>&#x00;</Key></Object></Delete>", "Content-Md5", "x")
	f.Add("POST", "/", "delete", "<Delete><Object/></Delete>", "encoding-type", "x")
	f.Add("DELETE", "//\x1a", "tagging&uploads", "", "x-oss-tagging", "a=1;b&%")
	f.Add("GET", "/key", "uploadId=1&part-number-marker=&max-parts=99999999999999999999", "", "x-oss-object-acl", "\xff")
	f.Add("POST", "/key", "append&position=-1", "x", "x-oss-callback", "e30=")
	f.Add("PUT", "/key", "", "x", "x-oss-callback", "eyJjYWxsYmFja1VybCI6IjoiLCJjYWxsYmFja0JvZHkiOiIkeyJ9")
	s, err := open(&serve.Config{Region: region, Buckets: []string{bucketA}}, serve.NewDesk())
	if err != nil {
		f.Fatal(err)
	}
	s.account = holder
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	put := httptest.NewRequest("PUT", "http://"+hostA+"/key", strings.NewReader("body"))
	f.Fuzz(func(t *testing.T, method, path, query, body, name, value string) {
		if method == "" {
			method = "GET"
		}
		s.ServeHTTP(httptest.NewRecorder(), signedCopy(t, put, "/key", "body"))
		r := httptest.NewRequest("GET", "http://"+hostA+"/", strings.NewReader(body))
		r.Method, r.URL.RawQuery = method, query
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		r = signedCopy(t, r, path, body)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented || w.Header().Get("x-oss-request-id") == "" {
			t.Errorf("%q %q %q %q: %q answers %d %s", method, path, query, name, value, w.Code, w.Body)
		}
	})
}

func signedCopy(t *testing.T, r *http.Request, path, body string) *http.Request {
	t.Helper()
	signed := r.Clone(t.Context())
	signed.URL.Path = path
	signed.Body = io.NopCloser(strings.NewReader(body))
	signRequest(t, signed, time.Time{})
	return signed
}

// BenchmarkSmallObjects puts and gets objects of 4 KiB, signed, over the network.
func BenchmarkSmallObjects(b *testing.B) {
	s, err := open(&serve.Config{Region: region, Buckets: []string{bucketA}}, serve.NewDesk())
	if err != nil {
		b.Fatal(err)
	}
	s.account = holder
	defer s.Close()
	server := httptest.NewServer(s)
	defer server.Close()
	body := slices.Repeat([]byte("x"), 4<<10)
	for i := 0; b.Loop(); i++ {
		for _, method := range []string{"PUT", "GET"} {
			key := fmt.Sprintf("key-%d", i)
			r, err := http.NewRequestWithContext(b.Context(), method, server.URL+"/"+bucketA+"/"+key, bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			err = (&signer.SignerV4{}).Sign(b.Context(), &signer.SigningContext{
				Product: osssdk.Ptr("oss"), Region: osssdk.Ptr(region), Bucket: osssdk.Ptr(bucketA), Key: &key, Request: r,
				Credentials: &credentials.Credentials{AccessKeyID: accessKey, AccessKeySecret: secretKey},
			})
			if err != nil {
				b.Fatal(err)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				b.Fatal(response.Status)
			}
		}
	}
}
