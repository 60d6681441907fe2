package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

func TestRangesOutsideTheObject(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "0123456789")
	e.put("empty", "")
	standard := "x-oss-range-behavior: standard"
	for name, c := range map[string]struct {
		key, header string
		status      int
		body        string
		byTheBook   int
		bookBody    string
	}{
		"inside":              {"key", "bytes=2-4", 206, "234", 206, "234"},
		"to the end":          {"key", "bytes=7-", 206, "789", 206, "789"},
		"all of it":           {"key", "bytes=0-", 206, "0123456789", 206, "0123456789"},
		"the last":            {"key", "bytes=-3", 206, "789", 206, "789"},
		"end outside":         {"key", "bytes=5-20", 200, "0123456789", 206, "56789"},
		"start outside":       {"key", "bytes=10-20", 200, "0123456789", 416, ""},
		"last, more than all": {"key", "bytes=-20", 200, "0123456789", 206, "0123456789"},
		"the last none":       {"key", "bytes=-0", 200, "0123456789", 416, ""},
		"backwards":           {"key", "bytes=5-2", 200, "0123456789", 200, "0123456789"},
		"two ranges":          {"key", "bytes=0-1,3-4", 200, "0123456789", 200, "0123456789"},
		"another unit":        {"key", "lines=0-1", 200, "0123456789", 200, "0123456789"},
		"no numbers":          {"key", "bytes=-", 200, "0123456789", 200, "0123456789"},
		"of nothing":          {"empty", "bytes=0-0", 200, "", 416, ""},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := e.send(request(t, "GET", "/"+c.key, "", "Range: "+c.header))
			if response.StatusCode != c.status || body != c.body {
				t.Errorf("by default: %s %q, want %d %q", response.Status, body, c.status, c.body)
			}
			if partial := response.Header.Get("Content-Range") != ""; partial != (c.status == 206) {
				t.Errorf("by default Content-Range is %q", response.Header.Get("Content-Range"))
			}
			response, body = e.send(request(t, "GET", "/"+c.key, "", "Range: "+c.header, standard))
			if response.StatusCode != c.byTheBook || c.byTheBook != 416 && body != c.bookBody || c.byTheBook == 416 && !strings.Contains(body, "<Code>InvalidRange</Code>") {
				t.Errorf("by the standard: %s %q, want %d %q", response.Status, body, c.byTheBook, c.bookBody)
			}
		})
	}
	response, _ := e.send(request(t, "GET", "/key", "", "Range: bytes=2-4"))
	if response.Header.Get("Content-Range") != "bytes 2-4/10" || response.Header.Get("x-oss-hash-crc64ecma") != ecma([]byte("0123456789")) || response.Header.Get("Content-MD5") != "" {
		t.Errorf("a range's headers: %v", response.Header)
	}
}

func TestReadsCanBeConditional(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	response, _ := e.send(request(t, "HEAD", "/key", ""))
	etag, modified := response.Header.Get("ETag"), response.Header.Get("Last-Modified")
	for name, c := range map[string]struct {
		header string
		want   int
	}{
		"match":                   {"If-Match: " + etag, 200},
		"match without quotes":    {"If-Match: " + strings.Trim(etag, `"`), 200},
		"no match":                {"If-Match: other", 412},
		"none match":              {"If-None-Match: other", 200},
		"none match, but it does": {"If-None-Match: " + etag, 304},
		"modified":                {"If-Modified-Since: Fri, 24 Feb 2012 06:07:48 GMT", 200},
		"not modified":            {"If-Modified-Since: " + modified, 304},
		"unmodified":              {"If-Unmodified-Since: " + modified, 200},
		"not unmodified":          {"If-Unmodified-Since: Fri, 24 Feb 2012 06:07:48 GMT", 412},
		"not a time":              {"If-Modified-Since: yesterday", 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if response, body := e.send(request(t, method, "/key", "", c.header)); response.StatusCode != c.want || c.want == 412 && method == "GET" && !strings.Contains(body, "<Code>PreconditionFailed</Code>") {
				t.Errorf("%s %s: %s, want %d", method, name, response.Status, c.want)
			}
		}
	}
}

func TestTextIsCompressedOnRequest(t *testing.T) {
	t.Parallel()
	e := start(t)
	long := strings.Repeat("text ", 300)
	e.put("long", long, "Content-Type: text/plain; charset=utf-8")
	e.put("short", "text", "Content-Type: text/plain")
	e.put("binary", long)
	for name, c := range map[string]struct {
		key, accept string
		zipped      bool
	}{
		"long text": {"long", "deflate, gzip;q=0.5", true}, "short text": {"short", "gzip", false}, "no text": {"binary", "gzip", false},
		"not asked": {"long", "identity", false}, "refused": {"long", "gzip;q=0", false},
	} {
		response, body := e.send(request(t, "GET", "/"+c.key, "", "Accept-Encoding: "+c.accept))
		zipped := response.Header.Get("Content-Encoding") == "gzip"
		if zipped != c.zipped || zipped != (response.Header.Get("ETag") == "") || zipped != (response.Header.Get("Content-Length") == "") {
			t.Errorf("%s: %v", name, response.Header)
		}
		if zipped {
			reader, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(reader); err != nil || string(plain) != long {
				t.Errorf("%s: %d bytes, %v", name, len(plain), err)
			}
		}
	}
	if response, body := e.send(request(t, "GET", "/long", "", "Accept-Encoding: gzip", "Range: bytes=0-9")); body != long[:10] {
		t.Errorf("a range: %s %q", response.Status, body)
	}
}

func TestHostNames(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("a/key", "body")
	for host, download := range map[string]bool{
		bucketA + "." + endpoint:                              true,
		bucketA + ".oss-" + region + "-internal.aliyuncs.com": true,
		bucketA + ".oss-accelerate.aliyuncs.com":              true,
		bucketA + ".oss-accelerate-overseas.aliyuncs.com":     true,
		bucketA + "." + region + ".oss.aliyuncs.com":          true,
		bucketA + ".localhost":                                false,
	} {
		response, body := e.send(request(t, "GET", "http://"+host+"/a/key", ""))
		if body != "body" || (response.Header.Get("x-oss-force-download") == "true") != download || (response.Header.Get("Content-Disposition") == "attachment") != download {
			t.Errorf("%s: %s %s %v", host, response.Status, body, response.Header)
		}
	}
	for _, byPath := range []string{"http://" + e.address, "http://" + endpoint} {
		if response, body := e.send(request(t, "GET", byPath+"/"+bucketA+"/a/key", "")); body != "body" {
			t.Errorf("%s by path: %s %s", byPath, response.Status, body)
		}
	}
}

func TestStrictHostWantsVirtualHosts(t *testing.T) {
	t.Parallel()
	e := start(t, "-strict-host")
	e.put("key", "body")
	e.refused(t, request(t, "GET", "http://"+e.address+"/"+bucketA+"/key", ""), http.StatusForbidden, "SecondLevelDomainForbidden")
	e.refused(t, request(t, "GET", "http://"+endpoint+"/"+bucketA+"/key", ""), http.StatusForbidden, "SecondLevelDomainForbidden")
	if response, body := e.send(request(t, "GET", "http://"+endpoint+"/", "")); !strings.Contains(body, "<ListAllMyBucketsResult>") {
		t.Errorf("the service itself: %s %s", response.Status, body)
	}
}

func TestDownloadsCanBeNamed(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body", "Content-Disposition: attachment; filename=a")
	response, _ := e.send(request(t, "GET", "/key", ""))
	if got := response.Header.Get("Content-Disposition"); got != "attachment; filename=a" {
		t.Errorf("Content-Disposition is %q", got)
	}
	response, _ = e.send(request(t, "GET", "/key?response-content-disposition=attachment%3B%20filename%3Db&response-content-type=x%2Fy", ""))
	if response.Header.Get("Content-Disposition") != "attachment; filename=b" || response.Header.Get("Content-Type") != "x/y" {
		t.Errorf("%v", response.Header)
	}
}

func TestLengthMustBeTold(t *testing.T) {
	t.Parallel()
	e := start(t)
	raw := func(headers, body string) string {
		r := request(t, "PUT", "/key", "")
		text := fmt.Sprintf("PUT /key HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nx-oss-date: %s\r\nx-oss-content-sha256: UNSIGNED-PAYLOAD\r\n%s\r\n%s",
			hostA, r.Header.Get("Authorization"), r.Header.Get("x-oss-date"), headers, body)
		conn, err := net.Dial("tcp", e.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "PUT"})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.Status + string(answer)
	}
	if got := raw("", ""); !strings.HasPrefix(got, "411 ") || !strings.Contains(got, "MissingContentLength") {
		t.Errorf("no length: %s", got)
	}
	if got := raw("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("in chunks: %s", got)
	}
	if got := raw("Content-Length: 3\r\n", "abcdef"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("longer than told: %s", got)
	}
	if _, body := e.send(request(t, "GET", "/key", "")); body != "abc" {
		t.Errorf("stored %q", body)
	}
}

func TestCallbacksAreMade(t *testing.T) {
	t.Parallel()
	e := start(t)
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Content-Type") + " " + string(body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, `{"Status":"OK"}`)
	}))
	defer receiver.Close()
	callback := func(values map[string]string) string {
		plain, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(plain)
	}
	good := "x-oss-callback: " + callback(map[string]string{"callbackUrl": receiver.URL + "/good", "callbackBody": "bucket=${bucket}&object=${object}&size=${size}&etag=${etag}&v=${x:v}"})
	response, body := e.send(request(t, "PUT", "/a%20b", "body", good, "x-oss-callback-var: "+callback(map[string]string{"x:v": "1&2"})))
	if response.StatusCode != http.StatusOK || body != `{"Status":"OK"}` || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s", response.Status, body)
	}
	if told, want := <-got, "application/x-www-form-urlencoded bucket=oss-example&object=a+b&size=4&etag=841A2D689AD86BD1611447453C22C6FC&v=1%262"; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
	for name, values := range map[string]map[string]string{
		"refused":      {"callbackUrl": receiver.URL + "/bad", "callbackBody": "{}", "callbackBodyType": "application/json"},
		"another host": {"callbackUrl": "192.0.2.1:80/x", "callbackBody": "x"},
	} {
		r := request(t, "PUT", "/stored", name, "x-oss-callback: "+callback(values))
		e.refused(t, r, http.StatusNonAuthoritativeInfo, "CallbackFailed")
		if _, body := e.send(request(t, "GET", "/stored", "")); body != name {
			t.Errorf("%s: the object is %q", name, body)
		}
	}
}

func TestObjectsAndUploadsOutliveTheCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := start(t, "-data", data)
	first.put("key", "body", "x-oss-meta-a: 1")
	id, parts := begin(t, first.sdk(), "uploaded", []byte("part"))
	first.stop()
	second := start(t, "-data", data)
	response, body := second.send(request(t, "GET", "/key", ""))
	if body != "body" || response.Header.Get("x-oss-meta-a") != "1" {
		t.Errorf("after a restart: %s %q %v", response.Status, body, response.Header)
	}
	var open []serve.OpenUpload
	if second.ask("/uploads", &open); len(open) != 1 || open[0].ID != id || open[0].Parts != 1 || open[0].Bucket != bucketA {
		t.Errorf("open uploads: %v", open)
	}
	if _, err := complete(t, second.sdk(), "uploaded", id, parts); err != nil {
		t.Errorf("end an upload that was begun before: %v", err)
	}
}

func TestUploadsCanBeGrouped(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		begin(t, e.sdk(), key)
	}
	for target, want := range map[string]string{
		"/?uploads&delimiter=%2F":                              "a [b/] c",
		"/?uploads&delimiter=%2F&key-marker=b%2F":              "c",
		"/?uploads&delimiter=%2F&max-uploads=2":                "a [b/]",
		"/?uploads&delimiter=%2F&prefix=b%2F":                  "b/1 b/2",
		"/?uploads&key-marker=b%2F1&upload-id-marker=~":        "b/2 c",
		"/?uploads&encoding-type=url&key-marker=a&prefix=b%2F": "b%2F1 b%2F2",
	} {
		_, body := e.send(request(t, "GET", target, ""))
		var got []string
		for _, line := range strings.Split(body, "\n") {
			line = strings.TrimSpace(line)
			if key, ok := strings.CutPrefix(line, "<Key>"); ok {
				got = append(got, strings.TrimSuffix(key, "</Key>"))
			}
		}
		groups := strings.SplitAfter(body, "<CommonPrefixes>")
		for _, group := range groups[1:] {
			_, group, _ = strings.Cut(group, "<Prefix>")
			name, _, _ := strings.Cut(group, "</Prefix>")
			got = append(got[:min(1, len(got))], append([]string{"[" + name + "]"}, got[min(1, len(got)):]...)...)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q in\n%s", target, strings.Join(got, " "), want, body)
		}
	}
}

func TestFaultsOfTheVendor(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T, *emulator){
		"callback of a put": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "PutObject", Do: "callback"})
			e.refused(t, request(t, "PUT", "/key", "body"), http.StatusNonAuthoritativeInfo, "CallbackFailed")
			if _, body := e.send(request(t, "GET", "/key", "")); body != "body" {
				t.Errorf("the object is %q", body)
			}
		},
		"callback of a completion": func(t *testing.T, e *emulator) {
			id, list := begin(t, e.sdk(), "key", []byte("part"))
			e.fault(serve.Fault{Op: "CompleteMultipartUpload", Do: "callback"})
			body := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + *list[0].ETag + "</ETag></Part></CompleteMultipartUpload>"
			e.refused(t, request(t, "POST", "/key?uploadId="+id, body), http.StatusNonAuthoritativeInfo, "CallbackFailed")
			if _, body := e.send(request(t, "GET", "/key", "")); body != "part" {
				t.Errorf("the object is %q", body)
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
		"no CRC-64": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "PutObject", Do: "no-crc64"})
			e.put("key", "body")
			if response, _ := e.send(request(t, "HEAD", "/key", "")); response.Header.Get("x-oss-hash-crc64ecma") != "" {
				t.Errorf("HEAD: %v", response.Header)
			}
		},
		"an error in the vendor's form": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "*", Do: serve.DoError, Status: 503, Code: "QpsLimitExceeded", Message: "slower", RetryAfter: 3})
			response := e.refused(t, request(t, "GET", "/key", ""), http.StatusServiceUnavailable, "QpsLimitExceeded")
			if response.Header.Get("Retry-After") != "3" {
				t.Errorf("%v", response.Header)
			}
		},
		"a lost answer": func(t *testing.T, e *emulator) {
			e.fault(serve.Fault{Op: "PutObject", Do: serve.DoLostAnswer})
			r := request(t, "PUT", "/key", "body")
			r.GetBody = nil
			if response, err := e.client.Do(r); err == nil {
				_ = response.Body.Close()
				t.Errorf("got an answer: %s", response.Status)
			}
			if _, body := e.send(request(t, "GET", "/key", "")); body != "body" {
				t.Errorf("the object is %q", body)
			}
		},
		"a torn answer": func(t *testing.T, e *emulator) {
			e.put("key", string(bytes.Repeat([]byte("x"), 100_000)))
			e.fault(serve.Fault{Op: "GetObject", Do: serve.DoTruncate, Bytes: 70_000})
			response, err := e.client.Do(request(t, "GET", "/key", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if n, err := io.Copy(io.Discard, response.Body); err == nil || n != 70_000 || response.ContentLength != 100_000 {
				t.Errorf("%d bytes of %d, %v", n, response.ContentLength, err)
			}
		},
		"another clock": func(t *testing.T, e *emulator) {
			e.ahead(24 * time.Hour)
			response := e.refused(t, request(t, "GET", "/key", ""), http.StatusForbidden, "RequestTimeTooSkewed")
			if at, err := http.ParseTime(response.Header.Get("Date")); err != nil || time.Until(at) < 23*time.Hour {
				t.Errorf("the Date is %s", response.Header.Get("Date"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, start(t))
		})
	}
}
