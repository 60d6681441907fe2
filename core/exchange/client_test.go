package exchange_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

var reply = &driver.Reply{
	Accept:         []int{200, 206},
	MetadataPrefix: "x-store-meta-",
	RequestID:      []string{"X-Store-Id", "X-Other-Id"},
	Capture: []driver.Capture{
		{Field: driver.FieldETag, Name: "ETag"},
		{Field: driver.FieldVersionID, Name: "X-Store-Version"},
		{Field: driver.FieldChecksum, Name: "X-Crc", Algorithm: driver.AlgorithmCRC64NVME},
		{Field: driver.FieldChecksum, Name: "X-Crc-Decimal", Algorithm: driver.AlgorithmCRC64ECMA, Encoding: driver.EncodingDecimal},
		{Field: driver.FieldChecksumType, Name: "X-Crc-Type"},
	},
	Overridden: "x-store-forced",
	Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: []driver.ErrorRule{
		{Code: "SlowDown", Kind: driver.KindThrottled},
	}},
}

func newClient(t *testing.T) *exchange.Client {
	t.Helper()
	client, err := exchange.NewClient(driver.Transport{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// TestRequestIsSentAsSigned reads the raw request: path and headers must be
// those of the exchange, byte for byte, and nothing else.
func TestRequestIsSentAsSigned(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	lines := make(chan []string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var got []string
		reader := bufio.NewReader(conn)
		for {
			line, err := reader.ReadString('\n')
			if line = strings.TrimSpace(line); line == "" || err != nil {
				break
			}
			got = append(got, line)
		}
		lines <- got
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	path := "/a//b/../%2F/%C3%A4/x%3Fy%23%7E%25/?sig=a%2Bb&empty=&z"
	answer, err := newClient(t).Do(t.Context(), driver.Exchange{
		Method: "GET", URL: "http://" + listener.Addr().String() + path, Reply: reply,
		Header: []driver.Header{{Name: "Host", Value: "signed.example"}, {Name: "x-Odd-case", Value: "1"}},
	}, exchange.Request{Offset: 10, Length: 5, IfMatch: "tag"})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	want := []string{"GET " + path + " HTTP/1.1", "Host: signed.example", "x-Odd-case: 1", "Range: bytes=10-14", `If-Match: "tag"`, "Accept-Encoding: identity"}
	if difference := cmp.Diff(want, <-lines); difference != "" {
		t.Error(difference)
	}
}

func TestAnswerIsReadAsTheReplySays(t *testing.T) {
	t.Parallel()
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"ETag": `"abc"`, "X-Store-Version": "v1", "X-Other-Id": "id-1", "X-Crc": "AQIDBAUGBwg=", "X-Crc-Decimal": "1",
			"Last-Modified": modified.Format(http.TimeFormat), "Content-Type": "text/x", "Cache-Control": "c", "Content-Encoding": "aws-chunked,gzip",
			"X-Store-Meta-Owner": "me", "X-Store-Meta-A_b": "ü", "X-Unrelated": "no",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, "body")
	})
	answer, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.ETag != "abc" || answer.VersionID != "v1" || answer.RequestID != "id-1" || answer.Size != 4 || !answer.Modified.Equal(modified) {
		t.Errorf("answer %+v", answer)
	}
	wantSums := []driver.Checksum{
		{Algorithm: driver.AlgorithmCRC64NVME, Value: "\x01\x02\x03\x04\x05\x06\x07\x08"},
		{Algorithm: driver.AlgorithmCRC64ECMA, Value: "\x00\x00\x00\x00\x00\x00\x00\x01"},
	}
	if difference := cmp.Diff(wantSums, answer.FullChecksums()); difference != "" {
		t.Error(difference)
	}
	wantAttributes := driver.Attributes{
		ContentType: "text/x", CacheControl: "c", ContentEncoding: "gzip",
		Metadata: []driver.Metadata{{Name: "a_b", Value: "ü"}, {Name: "owner", Value: "me"}},
	}
	if difference := cmp.Diff(wantAttributes, answer.Attributes()); difference != "" {
		t.Error(difference)
	}
}

func TestCompositeAndRangedChecksumsAreNotOfTheWhole(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		header map[string]string
	}{
		"ranged":         {206, map[string]string{"X-Crc": "AQIDBAUGBwg="}},
		"composite":      {200, map[string]string{"X-Crc": "AQIDBAUGBwg=", "X-Crc-Type": "COMPOSITE"}},
		"of three parts": {200, map[string]string{"X-Crc": "AQIDBAUGBwg=-3"}},
		"not base64":     {200, map[string]string{"X-Crc": "?"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
			})
			answer, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if sums := answer.FullChecksums(); len(sums) != 0 {
				t.Errorf("full-object checksums %v", sums)
			}
		})
	}
}

func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	document := func(code string) string {
		return `<?xml version="1.0"?><Error><Extra><Code>wrong</Code></Extra><Code>` + code + `</Code><Message>told &amp; said</Message></Error>`
	}
	tests := map[string]struct {
		status int
		id     string
		body   string
		want   driver.Error
	}{
		"by rule":       {503, "i", document("SlowDown"), driver.Error{Kind: driver.KindThrottled, Code: "SlowDown", Message: "told & said", RequestID: "i", RetryAfter: 7 * time.Second}},
		"by status":     {404, "i", document("NoSuchKey"), driver.Error{Kind: driver.KindNotFound, Code: "NoSuchKey", Message: "told & said", RequestID: "i", RetryAfter: 7 * time.Second}},
		"without body":  {412, "i", "", driver.Error{Kind: driver.KindPreconditionFailed, Message: "Precondition Failed", RequestID: "i", RetryAfter: 7 * time.Second}},
		"redirect":      {307, "i", "", driver.Error{Kind: driver.KindFatal, Message: "Temporary Redirect", RequestID: "i", RetryAfter: 7 * time.Second}},
		"not the store": {403, "", "<html>captive portal</html>", driver.Error{Kind: driver.KindUnavailable, RetryAfter: 7 * time.Second, Message: "the answer 403 did not come from the store: it has no request id; look for a proxy on the way"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.Header().Set("Retry-After", "7")
				if test.id != "" {
					w.Header().Set("X-Store-Id", test.id)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: url + "/?X-Signature=secret", Reply: reply}, exchange.Request{})
			var failure *driver.Error
			if !errors.As(err, &failure) {
				t.Fatalf("error %v", err)
			}
			test.want.Op, test.want.Status = "GET", test.status
			if difference := cmp.Diff(test.want, *failure); difference != "" {
				t.Error(difference)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Error("the error tells the signature")
			}
		})
	}
}

// TestRefusedConnection: the error names the host and hides the query.
func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	_, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: "http://127.0.0.1:1/key?X-Signature=secret", Reply: reply}, exchange.Request{})
	if driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), "127.0.0.1:1 failed") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestDialGoesToTheSocket(t *testing.T) {
	t.Parallel()
	directory, err := os.MkdirTemp("", "dial") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	socket := filepath.Join(directory, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	answer, err := newClient(t).Do(t.Context(), driver.Exchange{
		Method: "GET", URL: "http://plugin.invalid/", Reply: reply, Dial: driver.Dial{Network: "unix", Address: socket},
	}, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "plugin.invalid" {
		t.Errorf("answer %q", body)
	}
}

// TestClockOfTheStore: what the store's Date says is what signatures must use.
func TestClockOfTheStore(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	})
	client := newClient(t)
	if !client.Now().IsZero() {
		t.Error("a clock was observed before the first answer")
	}
	answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if off := time.Until(client.Now()) + time.Hour; off.Abs() > 2*time.Second {
		t.Errorf("the store's clock is off by %v", off)
	}
}
