package memdriver_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// openBox opens the bucket "box" with the options beside the endpoint.
func openBox(t *testing.T, server *memdriver.Server, options map[string]string) driver.Bucket {
	t.Helper()
	given := map[string]string{"endpoint": server.Endpoint()}
	for name, value := range options {
		given[name] = value
	}
	bucket, err := memdriver.New(environment).Open(t.Context(), driver.OpenRequest{Bucket: "box", Credentials: "env:GOOD", Options: given})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}

func newExecutor(t *testing.T) *drivertest.Executor {
	t.Helper()
	executor, err := drivertest.NewExecutor(driver.Transport{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(executor.Close)
	return executor
}

// signedPut returns a request that the server accepts.
func signedPut(t *testing.T, bucket driver.Bucket, body string) *http.Request {
	t.Helper()
	exchange, err := bucket.SignPut(t.Context(), driver.PutRequest{
		Key: "key", Size: int64(len(body)), Attributes: driver.Attributes{ContentType: "text/plain"},
	})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), exchange.Method, exchange.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range exchange.Header {
		request.Header.Set(header.Name, header.Value)
	}
	return request
}

// send returns the status and the error code of the answer.
func send(t *testing.T, request *http.Request) (status int, code string) {
	t.Helper()
	response, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.Header.Get("X-Mem-Request-Id") == "" {
		t.Error("the answer has no request id")
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure struct{ Code string }
	if response.StatusCode >= 400 {
		if err := json.Unmarshal(body, &failure); err != nil {
			t.Errorf("the error body %q is not JSON: %v", body, err)
		}
	}
	return response.StatusCode, failure.Code
}

func TestServerTakesExactlyWhatWasSigned(t *testing.T) {
	t.Parallel()
	setQuery := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, replacement, 1) }
	}
	tests := map[string]struct {
		alter  func(*http.Request)
		status int
		code   string
	}{
		"as signed":                      {func(*http.Request) {}, 200, ""},
		"a user agent":                   {func(r *http.Request) { r.Header.Set("User-Agent", "any") }, 200, ""},
		"no signature":                   {func(r *http.Request) { r.URL.RawQuery, _, _ = strings.Cut(r.URL.RawQuery, "&mem-signature=") }, 403, "AccessDenied"},
		"another account":                {setQuery("mem-account=good", "mem-account=nobody"), 403, "InvalidAccessKeyId"},
		"an account's other key":         {setQuery("mem-account=good", "mem-account=poor"), 403, "SignatureDoesNotMatch"},
		"a longer life":                  {setQuery("mem-life=900", "mem-life=9000"), 403, "SignatureDoesNotMatch"},
		"another path":                   {func(r *http.Request) { r.URL.Path = "/box/other" }, 403, "SignatureDoesNotMatch"},
		"a path that cleans to the same": {func(r *http.Request) { r.URL.Path = "/box//key" }, 403, "SignatureDoesNotMatch"},
		"a parameter more":               {func(r *http.Request) { r.URL.RawQuery += "&x=y" }, 403, "SignatureDoesNotMatch"},
		"a method of its own":            {func(r *http.Request) { r.Method = "PATCH" }, 405, "MethodNotAllowed"},
		"a changed header":               {func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, 403, "SignatureDoesNotMatch"},
		"a header twice":                 {func(r *http.Request) { r.Header.Add("Content-Type", "text/plain") }, 403, "SignatureDoesNotMatch"},
		"a header less":                  {func(r *http.Request) { r.Header.Del("Content-Type") }, 403, "SignatureDoesNotMatch"},
		"a header of the store":          {func(r *http.Request) { r.Header.Set("X-Mem-Meta-A", "b") }, 403, "HeaderNotSigned"},
		"any other header":               {func(r *http.Request) { r.Header.Set("X-Other", "b") }, 403, "HeaderNotSigned"},
		"a transfer compression":         {func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }, 403, "HeaderNotSigned"},
		"a body of no length":            {func(r *http.Request) { r.ContentLength = -1 }, 403, "LengthMismatch"},
		"a shorter body": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("bod"))), 3
		}, 403, "LengthMismatch"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, memdriver.Config{})
			request := signedPut(t, openBox(t, server, nil), "body")
			test.alter(request)
			status, code := send(t, request)
			if status != test.status || code != test.code {
				t.Errorf("answered %d %q, want %d %q", status, code, test.status, test.code)
			}
			if stored := len(server.Keys("box")) > 0; stored != (test.status == 200) {
				t.Errorf("stored: %t after status %d", stored, status)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		object, header string
		status         int
		body, content  string // expected body and Content-Range
	}{
		"middle":               {"0123456789", "bytes=2-4", 206, "234", "bytes 2-4/10"},
		"one byte":             {"0123456789", "bytes=9-9", 206, "9", "bytes 9-9/10"},
		"to the end":           {"0123456789", "bytes=7-", 206, "789", "bytes 7-9/10"},
		"over the end":         {"0123456789", "bytes=7-99", 206, "789", "bytes 7-9/10"},
		"last bytes":           {"0123456789", "bytes=-3", 206, "789", "bytes 7-9/10"},
		"more than there is":   {"0123456789", "bytes=-30", 206, "0123456789", "bytes 0-9/10"},
		"behind the end":       {"0123456789", "bytes=10-", 416, "", "bytes */10"},
		"empty object":         {"", "bytes=0-", 416, "", "bytes */0"},
		"end of empty object":  {"", "bytes=-1", 416, "", "bytes */0"},
		"no bytes":             {"0123456789", "bytes=-0", 416, "", "bytes */10"},
		"backwards":            {"0123456789", "bytes=4-2", 416, "", "bytes */10"},
		"two ranges":           {"0123456789", "bytes=0-1,3-4", 416, "", "bytes */10"},
		"another unit":         {"0123456789", "lines=0-1", 416, "", "bytes */10"},
		"larger than an int64": {"0123456789", "bytes=0-99999999999999999999", 416, "", "bytes */10"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, memdriver.Config{})
			if _, err := server.Put("box", "key", []byte(test.object), driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			exchange, err := openBox(t, server, nil).SignGet(t.Context(), driver.GetRequest{Key: "key"})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := newExecutor(t).Do(t.Context(), exchange, drivertest.Send{Range: test.header})
			if (err == nil) != (test.status == 206) {
				t.Errorf("err = %v", err)
			}
			if answer.Status != test.status || answer.Header.Get("Content-Range") != test.content {
				t.Errorf("status %d, Content-Range %q, want %d, %q", answer.Status, answer.Header.Get("Content-Range"), test.status, test.content)
			}
			if err == nil && string(answer.Body) != test.body {
				t.Errorf("body %q, want %q", answer.Body, test.body)
			}
			if len(answer.Checksums) != 0 {
				t.Errorf("a ranged answer shows checksums: %v", answer.Checksums)
			}
		})
	}
}

func TestSkewedClock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"store ahead": time.Hour, "store behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, memdriver.Config{Now: func() time.Time { return time.Now().Add(skew) }})
			bucket := openBox(t, server, nil)
			if _, err := bucket.List(t.Context(), driver.ListRequest{}); err != nil {
				t.Errorf("the driver does not correct its clock: %v", err)
			}
			executor := newExecutor(t)
			get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "key"})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := executor.Do(t.Context(), get, drivertest.Send{})
			if driver.KindOf(err) != driver.KindExpired {
				t.Fatalf("err = %v, want KindExpired", err)
			}
			observed, err := http.ParseTime(answer.Header.Get("Date"))
			if err != nil {
				t.Fatal(err)
			}
			get, err = bucket.SignGet(t.Context(), driver.GetRequest{Key: "key", Now: observed})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = executor.Do(t.Context(), get, drivertest.Send{}); driver.KindOf(err) != driver.KindNotFound {
				t.Errorf("signed with the store's time: err = %v, want KindNotFound", err)
			}
		})
	}
}
