package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// answering opens a bucket of a server that answers every request the same.
func answering(t *testing.T, status int, header map[string]string, document string) *bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(document))
	}))
	t.Cleanup(server.Close)
	t.Setenv("FAKE_ACCESS_KEY_ID", "LTAI")
	t.Setenv("FAKE_SECRET_ACCESS_KEY", "s")
	t.Setenv("FAKE_SESSION_TOKEN", "the-token")
	return opened(t, at(suite, "env:FAKE", server.URL, nil))
}

// TestErrorKinds reads documents as OSS's documentation shows them: control calls here
// and exchanges in the host judge by the same rules.
func TestErrorKinds(t *testing.T) {
	cases := map[string]struct {
		status  int
		code    string
		message string
		kind    driver.Kind
	}{
		"requests a second":    {429, "QpsLimitExceeded", "Exceed QPS limit", driver.KindThrottled},
		"all requests":         {503, "TotalQpsLimitExceeded", "", driver.KindThrottled},
		"upload traffic":       {503, "UploadTrafficRateLimitExceeded", "", driver.KindThrottled},
		"download traffic":     {503, "DownloadTrafficRateLimitExceeded", "", driver.KindThrottled},
		"any other 503":        {503, "ServiceUnavailable", "", driver.KindThrottled},
		"internal error":       {500, "InternalError", "", driver.KindUnavailable},
		"slow body":            {400, "RequestTimeout", "", driver.KindUnavailable},
		"wrong clock":          {403, "RequestTimeTooSkewed", "", driver.KindExpired},
		"expired signature":    {403, "AccessDenied", "Request has expired.", driver.KindExpired},
		"expired token":        {403, "SecurityTokenExpired", "", driver.KindExpired},
		"archived":             {403, "InvalidObjectState", "", driver.KindFrozen},
		"another body":         {400, "InvalidDigest", "", driver.KindIntegrity},
		"absent version":       {404, "NoSuchVersion", "", driver.KindNotFound},
		"absent bucket":        {404, "NoSuchBucket", "", driver.KindNotFound},
		"another version":      {412, "PreconditionFailed", "", driver.KindPreconditionFailed},
		"missing right":        {403, "AccessDenied", "You have no right to access this object.", driver.KindDenied},
		"unknown key":          {403, "InvalidAccessKeyId", "", driver.KindDenied},
		"bad signature":        {403, "SignatureDoesNotMatch", "", driver.KindDenied},
		"bad token":            {403, "InvalidSecurityToken", "", driver.KindDenied},
		"retention":            {409, "FileImmutable", "", driver.KindDenied},
		"another region":       {403, "AccessDenied", "must be addressed using the specified endpoint", driver.KindInvalidArgument},
		"bad name":             {400, "InvalidObjectName", "", driver.KindInvalidArgument},
		"too much metadata":    {400, "MetadataTooLarge", "", driver.KindInvalidArgument},
		"kept from overwrites": {409, "FileAlreadyExists", "", driver.KindInvalidArgument},
		"not built":            {501, "NotImplemented", "", driver.KindUnsupported},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			document := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + test.code + "</Code><Message>" + test.message +
				"</Message><RequestId>5C3D9175B6FC201293AD****</RequestId><HostId>suite-bucket.oss-cn-hangzhou.aliyuncs.com</HostId></Error>"
			b := answering(t, test.status, map[string]string{"X-Oss-Request-Id": "5C3D9175B6FC201293AD****"}, document)
			_, err := b.List(t.Context(), driver.ListRequest{})
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.code) || !strings.Contains(err.Error(), "request id 5C3D") {
				t.Errorf("List = %v (%v), want %v with code and request id", err, driver.KindOf(err), test.kind)
			}
			if kind := driver.Classify(getReply.Error.Rules, test.status, test.code, test.message); kind != test.kind {
				t.Errorf("the host makes %v of it, want %v", kind, test.kind)
			}
		})
	}
}

// TestForeignAnswers names what is none of OSS's, whatever its status.
func TestForeignAnswers(t *testing.T) {
	page := map[string]string{"Content-Type": "text/html; charset=utf-8"}
	cases := map[string]struct {
		status   int
		header   map[string]string
		document string
		kind     driver.Kind
		want     string
	}{
		"a web page":           {200, page, "<html><body>Welcome<br></body></html>", driver.KindInvalidArgument, "does not speak OSS"},
		"another XML":          {200, nil, "<Welcome><a>b</a></Welcome>", driver.KindInvalidArgument, "does not speak OSS"},
		"nothing":              {200, nil, "", driver.KindInvalidArgument, "does not speak OSS"},
		"a web page's absence": {404, page, "<html>no</html>", driver.KindInvalidArgument, "does not speak OSS: it answers HTTP 404 with text/html"},
		"a JSON service":       {404, map[string]string{"Content-Type": "application/json"}, `{"error": "no route"}`, driver.KindInvalidArgument, "does not speak OSS: it answers HTTP 404 with application/json"},
		"a proxy's overload":   {502, page, "<html>bad gateway</html>", driver.KindUnavailable, "bad gateway"},
		"a redirect":           {302, map[string]string{"Location": "http://127.0.0.1:1/"}, "", driver.KindInvalidArgument, "HTTP 302"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			b := answering(t, test.status, test.header, test.document)
			_, list := b.List(t.Context(), driver.ListRequest{})
			_, stat := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
			_, create := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			for op, err := range map[string]error{"list": list, "stat": stat, "create": create} {
				if op == "stat" && test.kind == driver.KindUnavailable {
					continue // a HEAD has no body
				}
				if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s = %v (%v), want %v and %q", op, err, driver.KindOf(err), test.kind, test.want)
				}
			}
		})
	}
}

// TestEchoIsConcealed keeps what OSS repeats of a request out of messages.
func TestEchoIsConcealed(t *testing.T) {
	b := answering(t, 403, map[string]string{"X-Oss-Request-Id": "id"},
		"<Error><Code>SignatureDoesNotMatch</Code><Message>got x-oss-signature=0123abcd&amp;a=b, token the-token</Message></Error>")
	_, err := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
	_, listErr := b.List(t.Context(), driver.ListRequest{})
	for op, err := range map[string]error{"stat": err, "list": listErr} {
		if err == nil || strings.Contains(err.Error(), "0123abcd") || strings.Contains(err.Error(), "the-token") {
			t.Errorf("%s = %v, want no signature and no token", op, err)
		}
	}
}

// TestCallsFollowTheStoresClock signs by the time that a refusal told.
func TestCallsFollowTheStoresClock(t *testing.T) {
	ahead := time.Now().Add(3 * time.Hour).UTC()
	signed := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed <- r.Header.Get("X-Oss-Date")
		w.Header().Set("Date", ahead.Format(http.TimeFormat))
		w.Header().Set("X-Oss-Request-Id", "id")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>"))
	}))
	defer server.Close()
	t.Setenv("CLOCK_ACCESS_KEY_ID", "LTAI")
	t.Setenv("CLOCK_SECRET_ACCESS_KEY", "s")
	b := opened(t, at(suite, "env:CLOCK", server.URL, nil))
	for i, want := range []time.Time{time.Now(), ahead} {
		if _, err := b.List(t.Context(), driver.ListRequest{}); driver.KindOf(err) != driver.KindExpired {
			t.Errorf("List = %v (%v), want expired", err, driver.KindOf(err))
		}
		if at, err := time.Parse(timeFormat, <-signed); err != nil || at.Sub(want).Abs() > 10*time.Minute {
			t.Errorf("request %d is signed at %s, %v; want about %s", i, at, err, want)
		}
	}
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if off := get.Expires.Sub(ahead.Add(getLife)).Abs(); err != nil || off > 10*time.Minute {
		t.Errorf("an exchange expires at %s, %v; want an hour after %s", get.Expires, err, ahead)
	}
}

// TestHeadErrors reads the document that OSS puts into a header, as a HEAD has no body.
func TestHeadErrors(t *testing.T) {
	const document = "PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4KPEVycm9yPjxDb2RlPk5vU3VjaEJ1Y2tldDwvQ29kZT48TWVzc2FnZT5nb25lPC9NZXNzYWdlPjwvRXJyb3I+"
	b := answering(t, 404, map[string]string{"X-Oss-Request-Id": "id", "X-Oss-Err": document, "X-Oss-Ec": "0015-00000101"}, "")
	_, err := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
	if driver.KindOf(err) != driver.KindNotFound || !strings.Contains(err.Error(), "gone (NoSuchBucket") {
		t.Errorf("Stat = %v, want the absence of the bucket", err)
	}
}
