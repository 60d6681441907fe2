package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	cossdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/tests/emulators/cos/internal/sign"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

var holder = sign.Account{AccessKey: accessKey, SecretKey: secretKey}

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

// anyRequest returns a request as the server sees it, signed by the vendor's client.
func anyRequest(dice *rand.Rand) *http.Request {
	query := url.Values{}
	if dice.IntN(2) == 0 {
		query.Set("partNumber", itoa(1+dice.IntN(maxParts)))
		query.Set("uploadId", fmt.Sprintf("%x", dice.Uint64()))
	}
	for range dice.IntN(3) {
		query.Add(anyText(dice, 8), anyText(dice, 20))
	}
	methods := []string{"GET", "PUT", "POST", "HEAD", "DELETE"}
	r := &http.Request{
		Method: methods[dice.IntN(len(methods))], Host: hostA, Header: http.Header{},
		URL: &url.URL{Scheme: "http", Host: hostA, Path: "/" + anyText(dice, 40), RawQuery: query.Encode()},
	}
	for i := range dice.IntN(4) {
		r.Header.Set(fmt.Sprintf("x-cos-meta-%d", i), strings.TrimSpace(anyText(dice, 30)))
	}
	r.Header.Set("Content-Type", anyText(dice, 10))
	begin := time.Now().Add(-time.Duration(dice.IntN(100)) * time.Second)
	cossdk.AddAuthorizationHeader(accessKey, secretKey, "", r, &cossdk.AuthTime{
		SignStartTime: begin, SignEndTime: begin.Add(time.Hour), KeyStartTime: begin, KeyEndTime: begin.Add(time.Hour),
	})
	r.Header.Del("Host") // where the client leaves it, and no server finds it
	return r
}

func TestRandomRequestsPassAndTheirAlterationsDoNot(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 2))
	set := func(name string) func(*http.Request) bool {
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
	alterations := map[string]func(*http.Request) bool{
		"method": func(r *http.Request) bool { r.Method = "PATCH"; return true },
		"key":    func(r *http.Request) bool { r.URL.Path += "x"; return true },
		"bucket": func(r *http.Request) bool { r.Host = hostB; return true },
		"header": func(r *http.Request) bool {
			r.Header.Set("Content-Type", r.Header.Get("Content-Type")+"x")
			return true
		},
		"metadata": func(r *http.Request) bool {
			r.Header.Set("x-cos-meta-0", r.Header.Get("x-cos-meta-0")+"x")
			return true
		},
		"upload id": set("uploadId"), "part number": set("partNumber"),
	}
	for range 3000 {
		r := anyRequest(dice)
		if err := holder.Check(r, time.Now()); err != nil {
			t.Fatalf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
		}
		for name, alter := range alterations {
			altered := r.Clone(t.Context())
			if alter(altered) && holder.Check(altered, time.Now()) == nil {
				t.Fatalf("%s %s %v passes with another %s", r.Method, r.URL, r.Header, name)
			}
		}
	}
}

// FuzzServe looks for signed requests that crash the emulator or get no answer
// of the vendor's form.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/", "delimiter=%2F&prefix=a&max-keys=-1&marker=%ff", "", "Range", "bytes=-")
	f.Add("PUT", "/key", "partNumber=x&uploadId=", "<", "x-cos-copy-source", "a-1.b/%zz?versionId=")
	f.Add("POST", "/key", "restore", "<RestoreRequest><Days>1", "Content-Md5", "====")
	f.Add("POST", "/", "delete", "<Delete><Object/></Delete>", "Content-Md5", "x")
	f.Add("DELETE", "//\x1a", "tagging&uploads", "", "x-cos-tagging", "a=1;b&%")
	f.Add("GET", "/key", "uploadId=1&part-number-marker=&max-parts=99999999999999999999", "", "x-cos-acl", "\xff")
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
	f.Fuzz(func(t *testing.T, method, path, query, body, name, value string) {
		if method == "" {
			method = "GET"
		}
		r := httptest.NewRequest("GET", "http://"+hostA+"/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		signRequest(r)
		r.Header.Del("Host")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented || w.Header().Get("x-cos-request-id") == "" {
			t.Errorf("%q %q %q %q: %q answers %d %s", method, path, query, name, value, w.Code, w.Body)
		}
	})
}
