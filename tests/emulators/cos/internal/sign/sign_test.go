package sign

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The sample of https://www.tencentcloud.com/document/product/436/7778, as its
// editions before 2021 gave it: with a secret, and signatures in full.
var (
	sample = Account{AccessKey: "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", SecretKey: "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz"}
	upload = []string{
		"PUT", "/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)",
		"Date: Thu, 16 May 2019 06:45:51 GMT", "Content-Type: text/plain", "Content-Length: 13", "Content-MD5: mQ/fVh815F3k6TAUm8m0eg==",
		"x-cos-acl: private", `x-cos-grant-read: uin="100000000011"`,
		"Authorization: q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989151;1557996351" +
			"&q-key-time=1557989151;1557996351&q-header-list=content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read" +
			"&q-url-param-list=&q-signature=3b8851a11a569213c17ba8fa7dcf2abec6935172",
	}
	download = []string{
		"GET", "/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)?response-content-type=application%2Foctet-stream&response-cache-control=max-age%3D600",
		"Date: Thu, 16 May 2019 06:55:53 GMT",
		"Authorization: q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989753;1557996953" +
			"&q-key-time=1557989753;1557996953&q-header-list=date;host&q-url-param-list=response-cache-control;response-content-type" +
			"&q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012",
	}
	uploadTime   = time.Unix(1557989151, 0)
	downloadTime = time.Unix(1557989753, 0)
)

func build(t *testing.T, lines []string, changes ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(lines[0], "http://examplebucket-1250000000.cos.ap-beijing.myqcloud.com"+lines[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(lines[2:len(lines):len(lines)], changes...) {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func code(err error) string {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

func TestDocumentedSamplesHold(t *testing.T) {
	t.Parallel()
	if err := sample.Check(build(t, upload), uploadTime); err != nil {
		t.Errorf("the documented upload: %v", err)
	}
	if err := sample.Check(build(t, download), downloadTime); err != nil {
		t.Errorf("the documented download: %v", err)
	}
	if got, want := sum(sample.SecretKey, "1557989151;1557996351"), "eb2519b498b02ac213cb1f3d1a3d27a3b3c9bc5f"; got != want {
		t.Errorf("SignKey is %s, documented is %s", got, want)
	}
}

func TestSignatureInTheURL(t *testing.T) {
	t.Parallel()
	_, authorization, _ := strings.Cut(download[len(download)-1], ": ")
	for name, query := range map[string]string{
		"by fields":            "&" + strings.ReplaceAll(authorization, ";", "%3B"),
		"with bare semicolons": "&" + authorization,
		"merged":               "&sign=" + strings.NewReplacer("&", "%26", "=", "%3D", ";", "%3B").Replace(authorization),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := append([]string{}, download[:len(download)-1]...)
			lines[1] += query
			if err := sample.Check(build(t, lines), downloadTime); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAlterationsAreRefused(t *testing.T) {
	t.Parallel()
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"method":                {func(r *http.Request) { r.Method = "POST" }, "SignatureDoesNotMatch"},
		"path":                  {func(r *http.Request) { r.URL.Path += "2" }, "SignatureDoesNotMatch"},
		"host":                  {func(r *http.Request) { r.Host = "other" }, "SignatureDoesNotMatch"},
		"signed header":         {func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, "SignatureDoesNotMatch"},
		"signed header is gone": {func(r *http.Request) { r.Header.Del("Date") }, "SignatureDoesNotMatch"},
		"signed header twice":   {func(r *http.Request) { r.Header.Add("Date", "x") }, "SignatureDoesNotMatch"},
		"signature":             {replace("935172", "935173"), "SignatureDoesNotMatch"},
		"access key":            {replace("9U5q", "9U5r"), "InvalidAccessKeyId"},
		"algorithm":             {replace("=sha1", "=sha256"), "SignatureDoesNotMatch"},
		"end":                   {replace("1557996351", "1557996352"), "SignatureDoesNotMatch"},
		"both ends": {func(r *http.Request) {
			replace("1557996351", "1557996352")(r)
			replace(";1557996351", ";1557996352")(r)
		}, "SignatureDoesNotMatch"},
		"header list in disorder":  {replace("content-length;content-md5", "content-md5;content-length"), "SignatureDoesNotMatch"},
		"header list in capitals":  {replace("content-length", "Content-Length"), "SignatureDoesNotMatch"},
		"header list is shorter":   {replace("date;host;", "host;"), "SignatureDoesNotMatch"},
		"no header list":           {replace("q-header-list", "q-headers"), "SignatureDoesNotMatch"},
		"no window":                {replace("q-sign-time=1557989151;1557996351", "q-sign-time=now"), "SignatureDoesNotMatch"},
		"no signature":             {func(r *http.Request) { r.Header.Del("Authorization") }, "AccessDenied"},
		"another scheme":           {func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, "SignatureDoesNotMatch"},
		"an unsigned vendor's":     {func(r *http.Request) { r.Header.Set("x-cos-meta-a", "1") }, "AccessDenied"},
		"an unsigned CI's":         {func(r *http.Request) { r.Header.Set("x-ci-a", "1") }, "AccessDenied"},
		"an unsigned subresource":  {func(r *http.Request) { r.URL.RawQuery = "acl" }, "AccessDenied"},
		"an unsigned upload id":    {func(r *http.Request) { r.URL.RawQuery = "uploadId=1" }, "AccessDenied"},
		"an unsigned part number":  {func(r *http.Request) { r.URL.RawQuery = "partNumber=1" }, "AccessDenied"},
		"an unsigned response":     {func(r *http.Request) { r.URL.RawQuery = "response-expires=1" }, "AccessDenied"},
		"a token for no temporary": {func(r *http.Request) { r.Header.Set("x-cos-security-token", "t") }, "AccessDenied"},
		"an unsigned other header": {func(r *http.Request) { r.Header.Set("Range", "bytes=0-1") }, ""},
		"an unsigned list filter":  {func(r *http.Request) { r.URL.RawQuery = "prefix=a" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := build(t, upload)
			c.change(r)
			if err := sample.Check(r, uploadTime); code(err) != c.want {
				t.Errorf("Check: %v, want %q", err, c.want)
			}
		})
	}
}

func TestSignedParametersAreBound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{"another value": "max-age%3D601", "another case": "MAX-AGE%3D600"} {
		lines := append([]string{}, download...)
		lines[1] = strings.Replace(lines[1], "max-age%3D600", change, 1)
		if err := sample.Check(build(t, lines), downloadTime); code(err) != "SignatureDoesNotMatch" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   time.Duration // after the window's start
		want string
	}{
		"a clock far behind":    {-skew - time.Second, "RequestTimeTooSkewed"},
		"a clock just behind":   {-skew, ""},
		"the end":               {2 * time.Hour, ""},
		"a second past the end": {2*time.Hour + time.Second, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := sample.Check(build(t, upload), uploadTime.Add(c.at)); code(err) != c.want {
				t.Errorf("Check: %v, want %q", err, c.want)
			}
		})
	}
}

func TestTemporaryCredentials(t *testing.T) {
	t.Parallel()
	temporary := sample
	temporary.Token = "token"
	_, authorization, _ := strings.Cut(download[len(download)-1], ": ")
	byURL := func(more string) []string {
		lines := append([]string{}, download[:len(download)-1]...)
		lines[1] += "&" + authorization + more
		return lines
	}
	for name, c := range map[string]struct {
		request *http.Request
		want    string
	}{
		"header":                      {build(t, download, "x-cos-security-token: token"), ""},
		"parameter":                   {build(t, byURL("&x-cos-security-token=token")), ""},
		"none":                        {build(t, download), "InvalidAccessKeyId"},
		"another":                     {build(t, download, "x-cos-security-token: other"), "AccessDenied"},
		"a header beside a query":     {build(t, byURL(""), "x-cos-security-token: token"), "InvalidAccessKeyId"},
		"another one among the query": {build(t, byURL("&x-cos-security-token=other")), "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := temporary.Check(c.request, downloadTime); code(err) != c.want {
				t.Errorf("Check: %v, want %q", err, c.want)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	if got, want := escape("aZ09-_.~ !*'()/ü+"), "aZ09-_.~%20%21%2A%27%28%29%2F%C3%BC%2B"; got != want {
		t.Errorf("escape: %s, want %s", got, want)
	}
}

// FuzzCheck looks for requests that crash the verifier, or pass without a
// signature of the account.
func FuzzCheck(f *testing.F) {
	f.Add("GET", "/key", "a=b&q-ak=x", upload[len(upload)-1][15:])
	f.Add("PUT", "/%zz", "sign=q-ak%3Dx%26q-signature", "q-sign-algorithm=sha1&q-ak=&q-sign-time=;&q-key-time=;")
	f.Add("HEAD", "//", "%%%;;=&=&&", "q-header-list=;;;host&q-url-param-list=%")
	f.Fuzz(func(t *testing.T, method, path, query, authorization string) {
		r := &http.Request{Method: method, Header: http.Header{}, Host: "host", URL: &url.URL{Path: path, RawQuery: query}}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		if err := sample.Check(r, uploadTime); err == nil {
			t.Errorf("a request passed that nobody signed: %q %q %q %q", method, path, query, authorization)
		} else if code(err) == "" {
			t.Errorf("Check returned a foreign error: %v", err)
		}
	})
}
