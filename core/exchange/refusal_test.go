package exchange

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// strictReply is how the answers of a store are read that leaves nothing out.
func strictReply() *driver.Reply {
	return &driver.Reply{
		Accept: []int{200, 206}, RequestID: []string{"X-Id"}, RequestIDAlways: true,
		Capture:        []driver.Capture{{Field: driver.FieldETag, Name: "ETag"}},
		StoredEncoding: "x-stored-content-encoding", NotCarried: []string{"x-redirect", "x-hold: ON", "x-far-*"},
		Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: []driver.ErrorRule{
			{Code: "NoSuchKey", Kind: driver.KindNotFound}, {Code: "NoSuchUpload", Kind: driver.KindNotFound},
			{Status: 404, Message: "no document", Kind: driver.KindNotFound},
			{Status: 404, Kind: driver.KindNotFound}, // names nothing
			{Code: "SlowDown", Kind: driver.KindThrottled}, {Code: "BadDigest", Kind: driver.KindIntegrity},
		}},
	}
}

// asked is the outcome of one exchange whose answer is given.
func asked(t *testing.T, method string, reply *driver.Reply, status int, header map[string]string, body string) (*Answer, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	client, err := NewClient(direct)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := Request{}
	if method != http.MethodGet {
		request = Request{Body: strings.NewReader("data"), Size: 4}
	}
	answer, err := client.Do(t.Context(), driver.Exchange{Method: method, URL: server.URL, Reply: reply}, request)
	if err == nil {
		_ = answer.Body.Close()
	}
	return answer, err
}

func document(code, message string) string {
	return fmt.Sprintf("<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// TestAcceptedAnswersAreTheStores: what has not the marks that the store puts into every
// answer, or tells an error under a success, is no success.
func TestAcceptedAnswersAreTheStores(t *testing.T) {
	t.Parallel()
	id, tagged := map[string]string{"X-Id": "i"}, map[string]string{"X-Id": "i", "ETag": `"e"`}
	page := "<html><body>Log in to go on</body></html>"
	tests := map[string]struct {
		method string
		header map[string]string
		body   string
		kind   driver.Kind // KindUnknown for a success
		text   string
	}{
		"a write":                           {"PUT", tagged, "", driver.KindUnknown, ""},
		"a write with a document":           {"PUT", tagged, "<Done><ETag>e</ETag></Done>", driver.KindUnknown, ""},
		"a write, login page":               {"PUT", map[string]string{"Content-Type": "text/html"}, page, driver.KindUnavailable, "did not come from the store: it has no request id"},
		"a post, login page":                {"POST", nil, page, driver.KindUnavailable, "did not come from the store"},
		"a write without an ETag":           {"PUT", id, "", driver.KindUnavailable, "did not come from the store: it has no ETag"},
		"a write without a request id":      {"PUT", map[string]string{"ETag": `"e"`}, "", driver.KindUnavailable, "did not come from the store: it has no request id"},
		"a write that failed, known":        {"PUT", tagged, document("SlowDown", "later"), driver.KindThrottled, "later (SlowDown, request id i)"},
		"a write that failed, damaged":      {"PUT", id, document("BadDigest", "other bytes"), driver.KindIntegrity, "other bytes"},
		"a write that failed, unknown":      {"PUT", tagged, document("Odd", "what now"), driver.KindUnavailable, "what now (Odd"},
		"a download":                        {"GET", id, "bytes", driver.KindUnknown, ""},
		"a download of a page":              {"GET", map[string]string{"X-Id": "i", "Content-Type": "text/html"}, page, driver.KindUnknown, ""},
		"a download of an error document":   {"GET", id, document("SlowDown", "is what is stored"), driver.KindUnknown, ""},
		"a download without a request id":   {"GET", map[string]string{"ETag": `"e"`}, "bytes", driver.KindUnavailable, "did not come from the store: it has no request id"},
		"a download, decompressed":          {"GET", map[string]string{"X-Id": "i", "X-Stored-Content-Encoding": "gzip"}, "bytes", driver.KindIntegrity, `stored with the Content-Encoding "gzip" and was sent with ""`},
		"a download, compressed":            {"GET", map[string]string{"X-Id": "i", "X-Stored-Content-Encoding": "identity", "Content-Encoding": "br"}, "bytes", driver.KindIntegrity, `stored with the Content-Encoding "" and was sent with "br"`},
		"a download as stored":              {"GET", map[string]string{"X-Id": "i", "X-Stored-Content-Encoding": "GZIP", "Content-Encoding": "gzip"}, "bytes", driver.KindUnknown, ""},
		"a download as stored, not encoded": {"GET", map[string]string{"X-Id": "i", "X-Stored-Content-Encoding": "identity"}, "bytes", driver.KindUnknown, ""},
		"a download as stored, two codings": {"GET", map[string]string{"X-Id": "i", "X-Stored-Content-Encoding": "gzip,aws-chunked", "Content-Encoding": "gzip"}, "bytes", driver.KindUnknown, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asked(t, test.method, strictReply(), 200, test.header, test.body)
			if driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v; want kind %v with %q", err, test.kind, test.text)
			}
		})
	}
}

// TestLenientRepliesAskForNothing: a store that does not say so need not send a request id,
// nor an ETag that its reply does not capture.
func TestLenientRepliesAskForNothing(t *testing.T) {
	t.Parallel()
	lenient := strictReply()
	lenient.RequestIDAlways, lenient.Capture = false, nil
	for _, method := range []string{"GET", "PUT"} {
		if _, err := asked(t, method, lenient, 200, nil, ""); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestAbsenceIsTheStoresWord: only an answer in the store's own words says that an object is
// absent.
func TestAbsenceIsTheStoresWord(t *testing.T) {
	t.Parallel()
	id := map[string]string{"X-Id": "i"}
	tests := map[string]struct {
		method string
		header map[string]string
		body   string
		kind   driver.Kind
		absent bool
		text   string
	}{
		"named":                          {"GET", id, document("NoSuchKey", "no such key"), driver.KindNotFound, true, "no such key"},
		"named without a code":           {"GET", id, document("", "there is no document"), driver.KindNotFound, true, "no document"},
		"a bucket":                       {"GET", id, document("NoSuchBucket", "no such bucket"), driver.KindNotFound, false, "no such bucket"},
		"an upload":                      {"PUT", id, document("NoSuchUpload", "no such upload"), driver.KindNotFound, false, "no such upload"},
		"empty":                          {"GET", id, "", driver.KindUnavailable, false, "the answer 404 names no absent object"},
		"a page with a request id":       {"GET", id, "<html>Not Found</html>", driver.KindUnavailable, false, "the answer 404 names no absent object"},
		"a page":                         {"GET", nil, "<html>Not Found</html>", driver.KindUnavailable, false, "did not come from the store"},
		"another code":                   {"GET", id, document("NoSuchRoute", "what path"), driver.KindUnavailable, false, "the answer 404 names no absent object: what path (NoSuchRoute"},
		"JSON where XML is spoken":       {"GET", id, `{"Code":"NoSuchKey"}`, driver.KindUnavailable, false, "names no absent object"},
		"named, of something else":       {"GET", nil, document("NoSuchKey", "no such key"), driver.KindUnavailable, false, "did not come from the store"},
		"an empty answer to an upload":   {"PUT", id, "", driver.KindUnavailable, false, "names no absent object"},
		"an upload's code of a download": {"GET", id, document("NoSuchUpload", "odd"), driver.KindNotFound, false, "odd"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asked(t, test.method, strictReply(), 404, test.header, test.body)
			var failure *driver.Error
			absent := errors.As(err, &failure) && failure.Kind == driver.KindNotFound && failure.Code == codeNoSuchKey
			if driver.KindOf(err) != test.kind || absent != test.absent || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, kind %v, absent %v; want kind %v, absent %v, with %q", err, driver.KindOf(err), absent, test.kind, test.absent, test.text)
			}
		})
	}
}

// TestWhatNoAttributeHoldsIsListed: the headers that the reply names are told in order.
func TestWhatNoAttributeHoldsIsListed(t *testing.T) {
	t.Parallel()
	answer, err := asked(t, "GET", strictReply(), 200, map[string]string{
		"X-Id": "i", "X-Redirect": "/elsewhere", "X-Far-Meta": "2", "X-Hold": "OFF", "X-Other": "of the transport", "Content-Type": "text/x",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Attributes{ContentType: "text/x", NotCarried: []string{"x-far-meta: 2", "x-redirect: /elsewhere"}}
	if difference := cmp.Diff(want, answer.Attributes()); difference != "" {
		t.Error(difference)
	}
}

// TestListsInManyLines: an answer may tell a list in many lines (RFC 9110, section 5.3).
func TestListsInManyLines(t *testing.T) {
	t.Parallel()
	answer := Answer{reply: strictReply(), Header: http.Header{
		"Cache-Control": {"no-cache", "max-age=60"}, "Content-Encoding": {"aws-chunked", "gzip"}, "Content-Language": {"de", "en"},
	}}
	want := driver.Attributes{CacheControl: "no-cache, max-age=60", ContentEncoding: "gzip", ContentLanguage: "de, en"}
	if difference := cmp.Diff(want, answer.Attributes()); difference != "" {
		t.Error(difference)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(moment time.Time) string { return moment.Format(http.TimeFormat) }
	tests := map[string]struct {
		value, date string
		want        time.Duration
	}{
		"seconds":                       {"7", "", 7 * time.Second},
		"none":                          {"", "", 0},
		"not a number":                  {"soon", "", 0},
		"negative":                      {"-7", "", 0},
		"absurd":                        {"9223372036854775807", "", 24 * time.Hour},
		"more digits than a number has": {"92233720368547758079", "", 0},
		"a moment":                      {at(now.Add(90 * time.Second)), "", 90 * time.Second},
		"a moment by the store's clock": {at(now.Add(time.Hour + 90*time.Second)), at(now.Add(time.Hour)), 90 * time.Second},
		"a moment that passed":          {at(now.Add(-time.Minute)), "", 0},
		"a moment years away":           {at(now.AddDate(9, 0, 0)), "", 24 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Retry-After": {test.value}, "Date": {test.date}}
			if got := retryAfter(header, now); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// TestWhoseClockCounts: only the store's own answers tell its clock, and only what can be
// one.
func TestWhoseClockCounts(t *testing.T) {
	t.Parallel()
	at := func(away time.Duration) string { return time.Now().Add(away).UTC().Format(http.TimeFormat) }
	tests := map[string]struct {
		status int
		header map[string]string
		want   bool
	}{
		"accepted":                        {200, map[string]string{"X-Id": "i", "Date": at(time.Hour)}, true},
		"refused":                         {403, map[string]string{"X-Id": "i", "Date": at(-time.Hour)}, true},
		"a page that something else sent": {403, map[string]string{"Date": at(time.Hour)}, false},
		"a success of something else":     {200, map[string]string{"Date": at(time.Hour)}, false},
		"years away":                      {200, map[string]string{"X-Id": "i", "Date": at(5 * 365 * 24 * time.Hour)}, false},
		"years ago":                       {403, map[string]string{"X-Id": "i", "Date": "Thu, 01 Jan 1970 00:00:00 GMT"}, false},
		"from a cache":                    {200, map[string]string{"X-Id": "i", "Date": at(-time.Hour), "Age": "3600"}, false},
		"no date":                         {200, map[string]string{"X-Id": "i", "Date": "yesterday"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
			}))
			defer server.Close()
			client, err := NewClient(direct)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: server.URL, Reply: strictReply()}, Request{})
			var failure *driver.Error
			if err == nil {
				_ = answer.Body.Close()
			} else if !errors.As(err, &failure) {
				t.Fatal(err)
			}
			if got := !client.Now().IsZero(); got != test.want {
				t.Errorf("the clock was taken: %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nX-Id: i\r\nETag: e\r\nContent-Length: 2\r\n\r\nab")
	f.Add("HTTP/1.1 404 Not Found\r\nRetry-After: 7\r\n\r\n" + document("NoSuchKey", "m"))
	f.Add("HTTP/1.1 200 OK\r\nX-Stored-Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, written := range []bool{false, true} {
			c := &connection{reader: bufio.NewReader(strings.NewReader(text)), request: &http.Request{Method: http.MethodPut}, headRest: -1}
			response, err := c.readResponse() //nolint:bodyclose // nothing is behind it
			if err != nil {
				continue
			}
			m := &message{method: http.MethodPut}
			if written {
				m.body = strings.NewReader("")
			}
			answer, err := read(m, strictReply(), response)
			switch {
			case err != nil && driver.KindOf(err) == driver.KindUnknown:
				t.Errorf("an error without a kind: %v", err)
			case err == nil && written && (answer.ETag == "" || answer.RequestID == ""):
				t.Errorf("accepted %+v", answer)
			case err == nil:
				_ = answer.Attributes()
			}
		}
	})
}
