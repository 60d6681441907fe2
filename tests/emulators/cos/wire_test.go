package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	cossdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

// raw writes text to a connection of its own and reads the first answer.
func (e *emulator) raw(t *testing.T, method, text string) (reply, string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.Status, response.StatusCode, response.Header}, string(body)
}

// wire writes a signed request with the headers and body as given.
func wire(t *testing.T, method, target, headers, body string) string {
	t.Helper()
	r := request(t, method, target, "")
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n%s\r\n%s", method, target, hostA, r.Header.Get("Authorization"), headers, body)
}

func TestContentLengthCutsTheBody(t *testing.T) {
	t.Parallel()
	e := start(t)
	response, answer := e.raw(t, "PUT", wire(t, "PUT", "/key", "Content-Length: 5\r\n", "12345 and what is more"))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", response.Status, answer)
	}
	if _, body := e.send(request(t, "GET", "/key", "")); body != "12345" {
		t.Errorf("stored %q, want the 5 bytes that Content-Length says", body)
	}
}

func TestLengthMustBeTold(t *testing.T) {
	t.Parallel()
	e := start(t)
	id, _ := begin(t, e.sdk(), "key")
	chunked := "Transfer-Encoding: chunked\r\n"
	if response, body := e.raw(t, "PUT", wire(t, "PUT", "/chunked", chunked, "3\r\nabc\r\n0\r\n\r\n")); response.StatusCode != http.StatusOK {
		t.Errorf("an object in chunks: %s %s", response.Status, body)
	}
	for name, text := range map[string]string{
		"object without a length": wire(t, "PUT", "/key", "", ""),
		"part in chunks":          wire(t, "PUT", "/key?partNumber=1&uploadId="+id, chunked, "3\r\nabc\r\n0\r\n\r\n"),
	} {
		if response, body := e.raw(t, "PUT", text); response.StatusCode != http.StatusLengthRequired || !strings.Contains(body, "MissingContentLength") {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
}

func TestFirstParameterDecides(t *testing.T) {
	t.Parallel()
	e := start(t)
	id, _ := begin(t, e.sdk(), "key")
	for target, want := range map[string]string{
		"/?uploads&prefix=k":           "ListMultipartUploadsResult",
		"/?prefix=k&uploads":           "ListBucketResult",
		"/key?uploadId=" + id + "&acl": "ListPartsResult",
	} {
		if _, body := e.send(request(t, "GET", target, "")); !strings.Contains(body, "<"+want+">") {
			t.Errorf("GET %s answers %s, want %s", target, body, want)
		}
	}
	signed := request(t, "GET", "/?uploads", "").Header.Get("Authorization")
	if _, body := e.send(bare(t, "GET", "/?"+signed+"&uploads", "")); !strings.Contains(body, "<ListMultipartUploadsResult>") {
		t.Errorf("with a signature before it: %s", body)
	}
}

func TestStrictHostWantsVirtualHosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags []string
		want  int
	}{"strict": {[]string{"-strict-host"}, http.StatusForbidden}, "lenient": {nil, http.StatusOK}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, c.flags...)
			e.put("a/key", "body")
			byPath := request(t, "GET", "http://"+e.address+"/"+bucketA+"/a/key", "")
			if response, body := e.send(byPath); response.StatusCode != c.want || c.want != http.StatusOK && !strings.Contains(body, "PathStyleDomainForbidden") {
				t.Errorf("by path: %s %s", response.Status, body)
			}
			short := request(t, "GET", "http://"+bucketA+".localhost/a/key", "")
			if response, body := e.send(short); response.StatusCode != http.StatusOK || body != "body" || response.Header.Get(forcedDownload) != "" {
				t.Errorf("by another virtual host: %s %s", response.Status, body)
			}
		})
	}
}

func TestDefaultDomainForcesDownloads(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("page.html", "x", "Content-Disposition: inline")
	e.put("app.apk", "x")
	response, _ := e.send(request(t, "GET", "/page.html", ""))
	if response.Header.Get(forcedDownload) != "true" || response.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("GET: %v", response.Header)
	}
	response, _ = e.send(request(t, "HEAD", "/page.html", ""))
	if response.Header.Get(forcedDownload) != "" || response.Header.Get("Content-Disposition") != "inline" {
		t.Errorf("HEAD: %v", response.Header)
	}
	e.refused(t, request(t, "GET", "/app.apk", ""), http.StatusForbidden, "DownloadForbidden")
}

func TestHeadTellsErrorsByHeaders(t *testing.T) {
	t.Parallel()
	e := start(t)
	response, body := e.send(request(t, "HEAD", "/none", ""))
	if response.StatusCode != http.StatusNotFound || body != "" || response.Header.Get("x-cos-request-id") == "" || response.Header.Get("x-cos-trace-id") == "" {
		t.Errorf("HEAD of nothing: %s %v %q", response.Status, response.Header, body)
	}
}

func TestRestoreTakesItsTime(t *testing.T) {
	t.Parallel()
	e := start(t, "-restore-after", "10m")
	e.put("key", "body", "x-cos-storage-class: ARCHIVE")
	restore := func() *http.Request {
		return request(t, "POST", "/key?restore", "<RestoreRequest><Days>1</Days><CASJobParameters><Tier>Standard</Tier></CASJobParameters></RestoreRequest>")
	}
	get := func() *http.Request { return request(t, "GET", "/key", "") }
	expect := func(when string, r *http.Request, want int) {
		t.Helper()
		if response, body := e.send(r); response.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", when, response.Status, body, want)
		}
	}
	expect("at first", get(), http.StatusForbidden)
	expect("the first request", restore(), http.StatusAccepted)
	expect("under way", get(), http.StatusForbidden)
	expect("again", restore(), http.StatusConflict)
	e.ahead(11 * time.Minute)
	expect("afterwards", get(), http.StatusOK)
	expect("for longer", restore(), http.StatusOK)
}

func TestObjectsAndUploadsOutliveTheCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := start(t, "-data", data)
	first.put("key", "body", "x-cos-meta-a: 1")
	id, parts := begin(t, first.sdk(), "uploaded", []byte("part"))
	first.stop()
	second := start(t, "-data", data)
	response, body := second.send(request(t, "GET", "/key", ""))
	if body != "body" || response.Header.Get("x-cos-meta-a") != "1" {
		t.Errorf("after a restart: %s %q %v", response.Status, body, response.Header)
	}
	list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + parts[0].ETag + "</ETag></Part></CompleteMultipartUpload>"
	if response, body := second.send(request(t, "POST", "/uploaded?uploadId="+id, list)); response.StatusCode != http.StatusOK {
		t.Errorf("end an upload that was begun before: %s %s", response.Status, body)
	}
}

func TestFaultsOfTheVendor(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T, *emulator){
		"late error": func(t *testing.T, e *emulator) {
			id, parts := begin(t, e.sdk(), "key", []byte("part"))
			e.fault(serve.Fault{Op: "CompleteMultipartUpload", Do: "late-error", Code: "InternalError", Message: "later", Millis: 30})
			list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + parts[0].ETag + "</ETag></Part></CompleteMultipartUpload>"
			response, body := e.send(request(t, "POST", "/key?uploadId="+id, list))
			if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, "   <") || !strings.Contains(body, "<Code>InternalError</Code>") {
				t.Errorf("%s %q", response.Status, body)
			}
			if len(e.uploads()) != 1 {
				t.Error("the upload ended all the same")
			}
			if response, _ := e.send(request(t, "HEAD", "/key", "")); response.StatusCode != http.StatusNotFound {
				t.Errorf("the object is there: %s", response.Status)
			}
		},
		"late result": func(t *testing.T, e *emulator) {
			id, parts := begin(t, e.sdk(), "key", []byte("part"))
			e.fault(serve.Fault{Op: "CompleteMultipartUpload", Do: "late-result"})
			list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + parts[0].ETag + "</ETag></Part></CompleteMultipartUpload>"
			response, body := e.send(request(t, "POST", "/key?uploadId="+id, list))
			if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, "   <") || !strings.Contains(body, "<CompleteMultipartUploadResult") ||
				response.Header.Get("x-cos-hash-crc64ecma") != ecma([]byte("part")) {
				t.Errorf("%s %q %v", response.Status, body, response.Header)
			}
		},
		"archived": func(t *testing.T, e *emulator) {
			e.put("key", "body")
			e.fault(serve.Fault{Op: "GetObject", Key: "ke", Do: "archived"})
			e.refused(t, request(t, "GET", "/key", ""), http.StatusForbidden, "InvalidObjectState")
			if _, body := e.send(request(t, "GET", "/key", "")); body != "body" {
				t.Errorf("the second time: %q", body)
			}
		},
		"stale list": func(t *testing.T, e *emulator) {
			e.ahead(-5 * time.Minute)
			e.put("old", "")
			e.ahead(0)
			e.put("new", "")
			e.fault(serve.Fault{Op: "GetBucket", Do: "stale-list"})
			for _, want := range []string{"old", "new old"} {
				keys, _, _ := listAll(t, e.sdk(), cossdk.BucketGetOptions{})
				if got := strings.Join(keys, " "); got != want {
					t.Errorf("listed %q, want %q", got, want)
				}
			}
		},
		"no CRC-64": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "PutObject", Do: "no-crc64"})
			e.put("key", "body")
			if response, _ := e.send(request(t, "HEAD", "/key", "")); response.Header.Get("x-cos-hash-crc64ecma") != "" {
				t.Errorf("HEAD: %v", response.Header)
			}
			_, answer := e.send(request(t, "POST", "/parts?uploads", ""))
			id := told.FindStringSubmatch(answer)[1]
			e.fault(serve.Fault{Op: "UploadPart", Do: "no-crc64"})
			response, _ := e.send(request(t, "PUT", "/parts?partNumber=1&uploadId="+id, "part"))
			list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + response.Header.Get("ETag") + "</ETag></Part></CompleteMultipartUpload>"
			done, _ := e.send(request(t, "POST", "/parts?uploadId="+id, list))
			if response.Header.Get("x-cos-hash-crc64ecma") != "" || done.Header.Get("x-cos-hash-crc64ecma") != "" || done.StatusCode != http.StatusOK {
				t.Errorf("part: %v, whole: %v", response.Header, done.Header)
			}
		},
		"an error in the vendor's form": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "*", Do: serve.DoError, Status: 503, Code: "SlowDown", Message: "Reduce your request rate.", RetryAfter: 3})
			r := request(t, "GET", "/key", "")
			e.refused(t, r, http.StatusServiceUnavailable, "SlowDown")
		},
		"a lost answer": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "PutObject", Do: serve.DoLostAnswer})
			if response, err := e.client.Do(request(t, "PUT", "/key", "body")); err == nil {
				_ = response.Body.Close()
				t.Errorf("got an answer: %s", response.Status)
			}
			if _, body := e.send(request(t, "GET", "/key", "")); body != "body" {
				t.Errorf("the object is %q", body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, start(t))
		})
	}
}
