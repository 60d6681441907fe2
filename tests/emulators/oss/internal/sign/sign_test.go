package sign

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The sample of https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4:
// the page shows the canonical request, what is signed, a key and the signature
// by that key (which is not the key of the secret it names).
func TestDocumentedSample(t *testing.T) {
	t.Parallel()
	r := newRequest(t, http.MethodPut, "/", "content-disposition: attachment", "content-length: 3", "content-md5: ICy5YqxZB1uWSwcVLSNLcA==",
		"content-type: text/plain", "x-oss-content-sha256: UNSIGNED-PAYLOAD", "x-oss-date: 20250411T064124Z")
	g := given{
		date: "20250411", region: "cn-hangzhou", at: time.Date(2025, 4, 11, 6, 41, 24, 0, time.UTC),
		additional: []string{"content-disposition", "content-length"},
	}
	text, err := canonical(r, "/examplebucket/exampleobject", nil, g)
	if err != nil {
		t.Fatal(err)
	}
	want := `PUT
/examplebucket/exampleobject

content-disposition:attachment
content-length:3
content-md5:ICy5YqxZB1uWSwcVLSNLcA==
content-type:text/plain
x-oss-content-sha256:UNSIGNED-PAYLOAD
x-oss-date:20250411T064124Z

content-disposition;content-length
UNSIGNED-PAYLOAD`
	if text != want {
		t.Errorf("canonical request is\n%s\ndocumented is\n%s", text, want)
	}
	toSign := g.textToSign(text)
	want = `OSS4-HMAC-SHA256
20250411T064124Z
20250411/cn-hangzhou/oss/aliyun_v4_request
c46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca`
	if toSign != want {
		t.Errorf("string to sign is\n%s\ndocumented is\n%s", toSign, want)
	}
	key, err := hex.DecodeString("3543b7686e65eda71e5e5ca19d548d78423c37e8ddba4dc9d83f90228b457c76")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(mac(key, toSign)); got != "053edbf550ebd239b32a9cdfd93b0b2b3f2d223083aa61f75e9ac16856d61f23" {
		t.Errorf("signature is %s", got)
	}
}

// vector is a request that the vendor publishes with its signature, in the tests
// of https://github.com/aliyun/alibabacloud-oss-go-sdk-v2 (oss/signer).
type vector struct {
	at            int64
	token         string
	authorization string
	query         string // of a signed URL, beside vectorQuery
}

const (
	vectorQuery = "%2Bparam1=value3&%2Bparam2=&%7Cparam1=value4&%7Cparam2=&param1=value1&param2="
	scope       = "/cn-hangzhou/oss/aliyun_v4_request"
)

var vectors = map[string]vector{
	"header": {
		at:            1702743657,
		authorization: "OSS4-HMAC-SHA256 Credential=ak/20231216" + scope + ",Signature=e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
	},
	"header with a token": {
		at: 1702784856, token: "token",
		authorization: "OSS4-HMAC-SHA256 Credential=ak/20231217" + scope + ",Signature=b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
	},
	"header with additional headers": {
		at:            1702747512,
		authorization: "OSS4-HMAC-SHA256 Credential=ak/20231216" + scope + ",AdditionalHeaders=abc;zabc,Signature=4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f",
	},
	"URL": {
		at: 1702781677,
		query: "x-oss-date=20231217T025437Z&x-oss-expires=599&x-oss-signature-version=OSS4-HMAC-SHA256" +
			"&x-oss-credential=ak%2F20231217%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-signature=a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe",
	},
}

func (v vector) request(t *testing.T) (*http.Request, Account) {
	t.Helper()
	query := strings.Trim(v.query+"&"+vectorQuery, "&")
	headers := []string{"x-oss-head1: value", "abc: value", "ZAbc: value", "XYZ: value", "content-type: text/plain"}
	if v.authorization != "" {
		headers = append(headers, "Authorization: "+v.authorization, "x-oss-content-sha256: UNSIGNED-PAYLOAD",
			"x-oss-date: "+time.Unix(v.at, 0).UTC().Format(isoTime))
	}
	if v.authorization == "" {
		headers = []string{"x-oss-head1: value", "abc: value", "ZAbc: value", "XYZ: value", "content-type: application/octet-stream"}
	}
	if v.token != "" {
		headers = append(headers, "x-oss-security-token: "+v.token)
	}
	r := newRequest(t, http.MethodPut, "/1234%2B-/123/1.txt?"+query, headers...)
	return r, Account{AccessKey: "ak", SecretKey: "sk", Token: v.token, Region: "cn-hangzhou"}
}

const vectorResource = "/bucket/1234+-/123/1.txt"

func newRequest(t *testing.T, method, target string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://bucket.oss-cn-hangzhou.aliyuncs.com"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestPublishedVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, account := v.request(t)
			if err := account.Check(r, vectorResource, time.Unix(v.at, 0)); err != nil {
				t.Errorf("refused: %+v", err)
			}
		})
	}
}

func TestAlterationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(r *http.Request, a *Account, resource *string){
		"method":    func(r *http.Request, _ *Account, _ *string) { r.Method = http.MethodGet },
		"key":       func(_ *http.Request, _ *Account, resource *string) { *resource += "x" },
		"bucket":    func(_ *http.Request, _ *Account, resource *string) { *resource = "/other/1234+-/123/1.txt" },
		"parameter": func(r *http.Request, _ *Account, _ *string) { r.URL.RawQuery += "&more=1" },
		"parameter's value": func(r *http.Request, _ *Account, _ *string) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "value1", "value2", 1)
		},
		"signed header":      func(r *http.Request, _ *Account, _ *string) { r.Header.Set("x-oss-head1", "other") },
		"new x-oss- header":  func(r *http.Request, _ *Account, _ *string) { r.Header.Set("x-oss-more", "1") },
		"new content type":   func(r *http.Request, _ *Account, _ *string) { r.Header.Set("Content-Type", "text/html") },
		"lost signed header": func(r *http.Request, _ *Account, _ *string) { r.Header.Del("x-oss-head1") },
		"secret":             func(_ *http.Request, a *Account, _ *string) { a.SecretKey = "other" },
		"access key":         func(_ *http.Request, a *Account, _ *string) { a.AccessKey = "other" },
		"region":             func(_ *http.Request, a *Account, _ *string) { a.Region = "cn-beijing" },
		"token":              func(_ *http.Request, a *Account, _ *string) { a.Token = "other" },
	} {
		for vectorName, v := range vectors {
			t.Run(name+" of "+vectorName, func(t *testing.T) {
				t.Parallel()
				r, account := v.request(t)
				resource := vectorResource
				alter(r, &account, &resource)
				if err := account.Check(r, resource, time.Unix(v.at, 0)); err == nil {
					t.Error("accepted")
				}
			})
		}
	}
}

func TestUnsignedHeadersAreFree(t *testing.T) {
	t.Parallel()
	r, account := vectors["URL"].request(t)
	r.Header.Set("Range", "bytes=0-1")
	r.Header.Set("If-Match", "x")
	r.Host = "elsewhere"
	if err := account.Check(r, vectorResource, time.Unix(vectors["URL"].at, 0)); err != nil {
		t.Error(err)
	}
	r, account = vectors["header with additional headers"].request(t)
	r.Header.Set("ZAbc", "other")
	if err := account.Check(r, vectorResource, time.Unix(vectors["header with additional headers"].at, 0)); err == nil {
		t.Error("an additional header was altered, and accepted")
	}
}

func TestSignaturesAreValidForTheirTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vector string
		later  time.Duration
		code   string
	}{
		"header, 15 minutes late":  {"header", 15 * time.Minute, ""},
		"header, later":            {"header", 15*time.Minute + time.Second, "RequestTimeTooSkewed"},
		"header, 15 minutes early": {"header", -15 * time.Minute, ""},
		"header, earlier":          {"header", -15*time.Minute - time.Second, "RequestTimeTooSkewed"},
		"URL, in its life":         {"URL", 599 * time.Second, ""},
		"URL, expired":             {"URL", 600 * time.Second, "AccessDenied"},
		"URL, too early":           {"URL", -16 * time.Minute, "RequestTimeTooSkewed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vectors[c.vector]
			r, account := v.request(t)
			checkCode(t, account.Check(r, vectorResource, time.Unix(v.at, 0).Add(c.later)), c.code)
		})
	}
}

func checkCode(t *testing.T, err error, want string) {
	t.Helper()
	var refused *Error
	if code := ""; errors.As(err, &refused) {
		code = refused.Code
		if code != want {
			t.Errorf("got %v, want %q", err, want)
		}
	} else if want != "" {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestMalformedSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	header := func(change func(h http.Header)) func(*http.Request) {
		return func(r *http.Request) { change(r.Header) }
	}
	authorize := func(old, replacement string) func(*http.Request) {
		return header(func(h http.Header) {
			h.Set("Authorization", strings.Replace(h.Get("Authorization"), old, replacement, 1))
		})
	}
	parameter := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			query := r.URL.Query()
			query.Set(name, value)
			r.URL.RawQuery = query.Encode()
		}
	}
	for name, c := range map[string]struct {
		vector string
		change func(*http.Request)
		code   string
		ec     string
	}{
		"none":                       {"header", header(func(h http.Header) { h.Del("Authorization") }), "AccessDenied", "0003-00000001"},
		"V1 header":                  {"header", header(func(h http.Header) { h.Set("Authorization", "OSS ak:c2ln") }), "AccessDenied", "0002-00000080"},
		"V1 URL":                     {"URL", func(r *http.Request) { r.URL.RawQuery = "OSSAccessKeyId=ak&Expires=1702781977&Signature=c2ln" }, "AccessDenied", "0002-00000080"},
		"both":                       {"URL", header(func(h http.Header) { h.Set("Authorization", "OSS4-HMAC-SHA256 x") }), "InvalidArgument", ""},
		"AWS":                        {"header", authorize("OSS4", "AWS4"), "InvalidArgument", ""},
		"no content hash":            {"header", header(func(h http.Header) { h.Del("x-oss-content-sha256") }), "InvalidArgument", ""},
		"no date":                    {"header", header(func(h http.Header) { h.Del("x-oss-date") }), "AccessDenied", ""},
		"another day":                {"header", authorize("20231216", "20231217"), "InvalidArgument", "0002-00000223"},
		"a date with hyphens":        {"header", authorize("20231216", "2023-12-16"), "InvalidArgument", "0002-00000223"},
		"another product":            {"header", authorize("/oss/", "/s3/"), "InvalidArgument", ""},
		"short signature":            {"header", authorize("0284afe", ""), "InvalidArgument", ""},
		"empty additional headers":   {"header with additional headers", authorize("abc;zabc", ""), "InvalidArgument", "0002-00000210"},
		"upper-case ones":            {"header with additional headers", authorize("abc;zabc", "Abc;zabc"), "InvalidArgument", "0002-00000209"},
		"unsorted ones":              {"header with additional headers", authorize("abc;zabc", "zabc;abc"), "InvalidArgument", "0002-00000209"},
		"absent ones":                {"header with additional headers", authorize("abc;zabc", "abc;zabd"), "SignatureDoesNotMatch", ""},
		"a field twice":              {"header", authorize(",Signature=", ",Signature=x,Signature="), "InvalidArgument", ""},
		"8 days":                     {"URL", parameter("x-oss-expires", "604801"), "InvalidArgument", "0002-00000216"},
		"no life":                    {"URL", parameter("x-oss-expires", ""), "InvalidArgument", "0002-00000216"},
		"a longer life":              {"URL", parameter("x-oss-expires", "600"), "SignatureDoesNotMatch", ""},
		"no signature version":       {"URL", parameter("x-oss-signature-version", ""), "InvalidArgument", ""},
		"a parameter twice":          {"URL", func(r *http.Request) { r.URL.RawQuery += "&x-oss-expires=599" }, "InvalidArgument", ""},
		"a token that is not needed": {"URL", parameter("x-oss-security-token", "t"), "InvalidSecurityToken", ""},
		"no token":                   {"header with a token", header(func(h http.Header) { h.Del("x-oss-security-token") }), "InvalidAccessKeyId", ""},
		"wrong region":               {"header", authorize("cn-hangzhou", "cn-shanghai"), "InvalidArgument", "0002-00000226"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vectors[c.vector]
			r, account := v.request(t)
			c.change(r)
			err := account.Check(r, vectorResource, time.Unix(v.at, 0))
			checkCode(t, err, c.code)
			if refused := (*Error)(nil); errors.As(err, &refused) && c.ec != "" && refused.EC != c.ec {
				t.Errorf("EC is %s, want %s", refused.EC, c.ec)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.authorization, v.query+"&"+vectorQuery, "/bucket/key", v.token)
	}
	f.Add("OSS4-HMAC-SHA256 ,,=,", "x-oss-signature;=%zz&&=&+", "", "\x00")
	f.Fuzz(func(t *testing.T, authorization, query, resource, token string) {
		r := &http.Request{
			Method: http.MethodGet, URL: &url.URL{Path: resource, RawQuery: query},
			Header: http.Header{"Authorization": {authorization}, "X-Oss-Date": {"20231216T162057Z"}, "X-Oss-Security-Token": {token}},
		}
		account := Account{AccessKey: "ak", SecretKey: "unguessable", Region: "cn-hangzhou"}
		if err := account.Check(r, resource, time.Unix(1702743657, 0)); err == nil {
			t.Errorf("accepted %q %q", authorization, query)
		}
	})
}
