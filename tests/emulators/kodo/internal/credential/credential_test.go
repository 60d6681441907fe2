package credential_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"

	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
)

var (
	documented = credential.Pair{AccessKey: "MY_ACCESS_KEY", SecretKey: "MY_SECRET_KEY"}
	published  = credential.Pair{AccessKey: "ak", SecretKey: "sk"}
	now        = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
)

func TestDocumentedUploadToken(t *testing.T) {
	t.Parallel()
	// https://developer.qiniu.com/kodo/1208/upload-token
	const token = "MY_ACCESS_KEY:wQ4ofysef1R7IKnrziqtomqyDvI=:eyJzY29wZSI6Im15LWJ1Y2tldDpzdW5mbG93ZXIuanBnIiwiZGVhZGxpbmUiOjE0NTE0OTEyMDAsInJldHVybkJvZHkiOiJ7XCJuYW1lXCI6JChmbmFtZSksXCJzaXplXCI6JChmc2l6ZSksXCJ3XCI6JChpbWFnZUluZm8ud2lkdGgpLFwiaFwiOiQoaW1hZ2VJbmZvLmhlaWdodCksXCJoYXNoXCI6JChldGFnKX0ifQ=="
	policy, err := documented.Upload(token)
	if err != nil {
		t.Fatal(err)
	}
	if policy.Scope != "my-bucket:sunflower.jpg" || policy.Deadline != 1451491200 || policy.Bucket() != "my-bucket" {
		t.Errorf("%+v", policy)
	}
	if err := policy.Expired(time.Unix(1451491200, 0)); err != nil {
		t.Errorf("at its deadline: %v", err)
	}
	if err := policy.Expired(time.Unix(1451491201, 0)); !errors.Is(err, credential.ErrExpired) {
		t.Errorf("after its deadline: %v", err)
	}
	for name, wrong := range map[string]string{
		"another signature":  strings.Replace(token, "wQ4o", "wQ4p", 1),
		"another policy":     strings.Replace(token, ":eyJzY29wZSI6Im15", ":eyJzY29wZSI6Im16", 1),
		"another access key": strings.Replace(token, "MY_ACCESS", "MY_OTHER", 1),
		"one part":           "MY_ACCESS_KEY",
		"two parts":          "MY_ACCESS_KEY:wQ4ofysef1R7IKnrziqtomqyDvI=",
	} {
		if _, err := documented.Upload(wrong); !errors.Is(err, credential.ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := documented.Upload(""); !errors.Is(err, credential.ErrNone) {
		t.Errorf("no token: %v", err)
	}
}

func TestDocumentedDownloadToken(t *testing.T) {
	t.Parallel()
	// https://developer.qiniu.com/kodo/manual/1202
	const address = "http://78re52.com1.z0.glb.clouddn.com/resource/flower.jpg?e=1451491200&token=MY_ACCESS_KEY:438dd8pXocjYuF-6dTcKMtETB2g="
	before := time.Unix(1451491200, 0)
	if err := documented.Download(address, before); err != nil {
		t.Error(err)
	}
	if err := documented.Download(address+"&attname=ignored", before); err != nil {
		t.Errorf("with a parameter after the token: %v", err)
	}
	if err := documented.Download(address, before.Add(time.Second)); !errors.Is(err, credential.ErrExpired) {
		t.Errorf("too late: %v", err)
	}
	for alteration, altered := range map[string]string{
		"key":       strings.Replace(address, "flower", "flowed", 1),
		"deadline":  strings.Replace(address, "e=1451491200", "e=1451491201", 1),
		"host":      strings.Replace(address, ".com/", ".org/", 1),
		"scheme":    strings.Replace(address, "http:", "https:", 1),
		"parameter": strings.Replace(address, "?e=", "?attname=b&e=", 1),
	} {
		if err := documented.Download(altered, before); !errors.Is(err, credential.ErrBad) {
			t.Errorf("with another %s: %v", alteration, err)
		}
	}
}

func TestKeysThatLookSignedAreNot(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://h/a&e=1451491200&token=x", "http://h/a%3Fe=1&token=MY_ACCESS_KEY:x", "http://h/a", "http://h/a?attname=b",
	} {
		if err := documented.Download(address, now); !errors.Is(err, credential.ErrNoGrant) {
			t.Errorf("%s: %v", address, err)
		}
	}
	odd := "http://h/a&e=1&token=x?e=9999999999"
	signed := odd + "&token=" + auth.New("MY_ACCESS_KEY", "MY_SECRET_KEY").Sign([]byte(odd))
	if err := documented.Download(signed, now); err != nil {
		t.Error(err)
	}
}

func request(method, target, contentType, body, authorization string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RequestURI = r.URL.RequestURI()
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Authorization", authorization)
	return r
}

func TestPublishedManagementSignatures(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	move := request(http.MethodPost, "http://rs.qiniu.com/move/bmV3ZG9jczpmaW5kX21hbi50eHQ=/bmV3ZG9jczpmaW5kLm1hbi50eHQ=", form, "", "QBox MY_ACCESS_KEY:FXsYh0wKHYPEsIAgdPD9OfjkeEM=")
	if err := documented.Management(move, nil, now); err != nil { // https://developer.qiniu.com/kodo/1201/access-token, in its older edition
		t.Errorf("the documented QBox token: %v", err)
	}
	const text = `{"name": "test"}`
	for name, r := range map[string]*http.Request{
		// auth/credentials_test.go of https://github.com/qiniu/go-sdk, which signs an empty path
		"JSON": request(http.MethodPost, "/", "application/json", text, "Qiniu ak:0ujEjW_vLRZxebsveBgqa3JyQ-w="),
	} {
		r.RequestURI, r.Host = "", ""
		if err := published.Management(r, []byte(text), now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// signed returns a request that the vendor's code signed.
func signed(t *testing.T, kind auth.TokenType, change func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://rs-z0.qiniuapi.com/chgm/YTpi?x=y", strings.NewReader("op=1"))
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Qiniu-Date", now.Format("20060102T150405Z"))
	r.Header.Set("X-Qiniu-B", "b")
	if change != nil {
		change(r)
	}
	if err := auth.New("MY_ACCESS_KEY", "MY_SECRET_KEY").AddToken(kind, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAlteredRequestsAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte("op=1")
	for scheme, kind := range map[string]auth.TokenType{"Qiniu": auth.TokenQiniu, "QBox": auth.TokenQBox} {
		if err := documented.Management(signed(t, kind, nil), body, now); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if err := documented.Management(signed(t, kind, nil), []byte("op=2"), now); !errors.Is(err, credential.ErrBad) {
			t.Errorf("%s with another body: %v", scheme, err)
		}
		for name, alter := range map[string]func(*http.Request){
			"path":   func(r *http.Request) { r.RequestURI = "/chgm/YTpj?x=y" },
			"query":  func(r *http.Request) { r.RequestURI = "/chgm/YTpi?x=z" },
			"scheme": func(r *http.Request) { r.Header.Set("Authorization", "Basic MY_ACCESS_KEY:x") },
		} {
			r := signed(t, kind, nil)
			alter(r)
			if err := documented.Management(r, body, now); !errors.Is(err, credential.ErrBad) {
				t.Errorf("%s with another %s: %v", scheme, name, err)
			}
		}
	}
	for name, alter := range map[string]func(*http.Request){
		"method":             func(r *http.Request) { r.Method = http.MethodGet },
		"host":               func(r *http.Request) { r.Host = "rs-z1.qiniuapi.com" },
		"content type":       func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"X-Qiniu header":     func(r *http.Request) { r.Header.Set("X-Qiniu-B", "c") },
		"new X-Qiniu header": func(r *http.Request) { r.Header.Set("X-Qiniu-C", "c") },
	} {
		r := signed(t, auth.TokenQiniu, nil)
		alter(r)
		if err := documented.Management(r, body, now); !errors.Is(err, credential.ErrBad) {
			t.Errorf("Qiniu with another %s: %v", name, err)
		}
	}
	unsigned := signed(t, auth.TokenQiniu, nil)
	unsigned.Header.Del("Authorization")
	if err := documented.Management(unsigned, body, now); !errors.Is(err, credential.ErrNone) {
		t.Errorf("not signed: %v", err)
	}
}

func TestSkewedClocksAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte("op=1")
	for skew, want := range map[time.Duration]error{
		-15 * time.Minute: nil, 15 * time.Minute: nil,
		-15*time.Minute - time.Second: credential.ErrSkewed, 15*time.Minute + time.Second: credential.ErrSkewed,
	} {
		if err := documented.Management(signed(t, auth.TokenQiniu, nil), body, now.Add(skew)); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", skew, err, want)
		}
	}
	malformed := signed(t, auth.TokenQiniu, func(r *http.Request) { r.Header.Set("X-Qiniu-Date", "today") })
	if err := documented.Management(malformed, body, now); !errors.Is(err, credential.ErrSkewed) {
		t.Errorf("a date that is none: %v", err)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy             credential.Policy
		key                string
		allows, overwrites bool
	}{
		"bucket":      {credential.Policy{Scope: "b"}, "any", true, false},
		"key":         {credential.Policy{Scope: "b:k"}, "k", true, true},
		"other key":   {credential.Policy{Scope: "b:k"}, "k2", false, true},
		"colon":       {credential.Policy{Scope: "b:k:l"}, "k:l", true, true},
		"insert only": {credential.Policy{Scope: "b:k", InsertOnly: 1}, "k", true, false},
		"prefix":      {credential.Policy{Scope: "b:k", IsPrefixalScope: 1}, "k2", true, false},
		"no prefix":   {credential.Policy{Scope: "b:k", IsPrefixalScope: 1}, "l", false, false},
	} {
		if test.policy.Allows(test.key) != test.allows || test.policy.Overwrites() != test.overwrites {
			t.Errorf("%s: allows %v, overwrites %v", name, test.policy.Allows(test.key), test.policy.Overwrites())
		}
	}
}

// FuzzUpload feeds the token's parser: it must refuse whatever was not signed.
func FuzzUpload(f *testing.F) {
	f.Add("MY_ACCESS_KEY:wQ4ofysef1R7IKnrziqtomqyDvI=:e30=")
	f.Add("::")
	f.Add("MY_ACCESS_KEY::" + base64.URLEncoding.EncodeToString([]byte(`{"scope":"b","deadline":9999999999}`)))
	f.Fuzz(func(t *testing.T, token string) {
		if policy, err := documented.Upload(token); err == nil {
			t.Errorf("%q is taken for %+v", token, policy)
		}
	})
}

// FuzzDownload feeds the address's parser: it must refuse whatever was not signed.
func FuzzDownload(f *testing.F) {
	f.Add("http://h/k?e=9999999999&token=MY_ACCESS_KEY:yN9WtB0lQheegAwva64yBuH3ZgU=")
	f.Add("?&token=")
	f.Add("http://h/%?token=%&token=%:%")
	f.Fuzz(func(t *testing.T, address string) {
		if err := documented.Download(address, now); err == nil {
			t.Errorf("%q is taken for signed", address)
		}
	})
}

// FuzzManagement feeds the verifier: it must refuse whatever was not signed.
func FuzzManagement(f *testing.F) {
	f.Add("Qiniu MY_ACCESS_KEY:yN9WtB0lQheegAwva64yBuH3ZgU=", "/list?bucket=a", "20060102T150405Z", []byte("a=b"))
	f.Add("QBox ", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, authorization, uri, date string, body []byte) {
		r := &http.Request{Method: http.MethodPost, RequestURI: uri, Host: "h", Header: http.Header{
			"Authorization": {authorization}, "X-Qiniu-Date": {date}, "Content-Type": {"application/json"},
		}}
		if err := documented.Management(r, body, now); err == nil {
			t.Errorf("%q is taken for signed", authorization)
		}
	})
}
