package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// address returns a signed address of an object of the only bucket.
func (e *emulator) signed(key string) string {
	u := url.URL{Scheme: "http", Host: e.address, Path: "/" + key}
	return signedAddress(u.String(), time.Now().Add(time.Hour))
}

func (e *emulator) get(address string, headers ...string) (reply, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return e.send(r)
}

func TestAKeyThatLooksSignedNeedsATokenAllTheSame(t *testing.T) {
	t.Parallel()
	e := start(t)
	const key = "a&e=9999999999&token=MY_ACCESS_KEY:x"
	e.put(key, "secret")
	if answer, body := e.get("http://" + e.address + "/" + key); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", answer.StatusCode, body)
	}
	if answer, body := e.get(e.signed(key)); answer.StatusCode != http.StatusOK || body != "secret" {
		t.Errorf("with a token: %d %s", answer.StatusCode, body)
	}
}

func TestDownloadTokens(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("k", "hello")
	e.put("l", "other")
	plain := "http://" + e.address + "/k"
	good := e.signed("k")
	for name, test := range map[string]struct {
		address string
		want    int
	}{
		"good":           {good, 200},
		"escaped token":  {strings.Replace(good, "MY_ACCESS_KEY:", "MY_ACCESS_KEY%3A", 1), 200},
		"ended":          {signedAddress(plain, time.Now().Add(-time.Minute)), 401},
		"another key":    {strings.Replace(good, "/k?", "/l?", 1), 401},
		"later deadline": {strings.Replace(good, "?e=", "?e=1", 1), 401},
		"no deadline":    {plain + "?token=" + authPair().Sign([]byte(plain)), 401},
		"no token":       {plain, 401},
		"with a query":   {signedAddress(plain+"?attname=x.txt", time.Now().Add(time.Hour)), 200},
	} {
		if answer, body := e.get(test.address); answer.StatusCode != test.want {
			t.Errorf("%s: %d, want %d: %s", name, answer.StatusCode, test.want, body)
		}
	}
	if answer, _ := e.get(signedAddress(plain+"?attname=x.txt", time.Now().Add(time.Hour))); answer.Header.Get("Content-Disposition") != `attachment; filename="x.txt"` {
		t.Errorf("attname: %q", answer.Header.Get("Content-Disposition"))
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("digits", "0123456789")
	e.put("empty", "")
	for _, test := range []struct {
		key, asked      string
		status          int
		body, dimension string
	}{
		{"digits", "bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"digits", "bytes=8-", 206, "89", "bytes 8-9/10"},
		{"digits", "bytes=8-99", 206, "89", "bytes 8-9/10"},
		{"digits", "bytes=-3", 206, "789", "bytes 7-9/10"},
		{"digits", "bytes=10-", 416, "", "bytes */10"},
		{"digits", "bytes=4-2", 200, "0123456789", ""},
		{"digits", "lines=1-2", 200, "0123456789", ""},
		{"empty", "bytes=0-0", 416, "", "bytes */0"},
	} {
		answer, body := e.get(e.signed(test.key), "Range", test.asked)
		if answer.StatusCode != test.status || answer.Header.Get("Content-Range") != test.dimension || test.status != 416 && body != test.body {
			t.Errorf("%s of %s: %d %q %q", test.asked, test.key, answer.StatusCode, answer.Header.Get("Content-Range"), body)
		}
	}
	if answer, body := e.get(e.signed("empty")); answer.StatusCode != http.StatusOK || body != "" || answer.ContentLength != 0 {
		t.Errorf("the empty object: %d %q", answer.StatusCode, body)
	}
}

func TestTextMayComeCompressed(t *testing.T) {
	t.Parallel()
	e := start(t)
	text := strings.Repeat("compress me ", 200)
	e.put("text.txt", text)
	answer, body := e.get(e.signed("text.txt"), "Accept-Encoding", "gzip")
	unzipped, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(unzipped)
	if err != nil || string(got) != text || !strings.HasSuffix(answer.Header.Get("ETag"), `.gz"`) || answer.ContentLength >= 0 {
		t.Errorf("%d bytes, %v, %v, length %d", len(got), err, answer.Header, answer.ContentLength)
	}
	for name, headers := range map[string][]string{
		"nothing asked for": nil, "identity": {"Accept-Encoding", "identity"}, "a range": {"Accept-Encoding", "gzip", "Range", "bytes=0-"},
	} {
		answer, body := e.get(e.signed("text.txt"), headers...)
		if answer.Header.Get("Content-Encoding") != "" || body != text || strings.HasSuffix(answer.Header.Get("ETag"), `.gz"`) {
			t.Errorf("%s: %v", name, answer.Header)
		}
	}
}

func TestConditionsOnDownloadsAreNotLookedAt(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("k", "hello")
	if answer, body := e.get(e.signed("k"), "If-Match", `"another"`); answer.StatusCode != http.StatusOK || body != "hello" {
		t.Errorf("%d %q", answer.StatusCode, body)
	}
}

func TestHeadHasTheHeadersAlone(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("k", "hello")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, e.signed("k"), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, body := e.send(r)
	if answer.StatusCode != http.StatusOK || answer.ContentLength != 5 || body != "" || answer.Header.Get("X-Reqid") == "" {
		t.Errorf("%d %d %q %v", answer.StatusCode, answer.ContentLength, body, answer.Header)
	}
}

func TestSeveralBucketsOnOneAddress(t *testing.T) {
	t.Parallel()
	e := start(t, "-bucket", bucketA+","+bucketB)
	e.put("k", "hello")
	_, port, _ := strings.Cut(e.address, ":")
	soon := time.Now().Add(time.Hour)
	for _, address := range []string{"http://photos.localhost:" + port + "/k", "http://" + e.address + "/photos/k"} {
		if answer, body := e.get(signedAddress(address, soon)); answer.StatusCode != http.StatusOK || body != "hello" {
			t.Errorf("%s: %d %s", address, answer.StatusCode, body)
		}
	}
	if answer, body := e.get(signedAddress("http://"+e.address+"/none/k", soon)); answer.StatusCode != http.StatusNotFound {
		t.Errorf("no such bucket: %d %s", answer.StatusCode, body)
	}
	_, body := e.send(e.request(http.MethodGet, "/v4/query?ak="+accessKey+"&bucket="+bucketB, ""))
	if !strings.Contains(body, `"archive.localhost:`+port+`"`) {
		t.Errorf("downloads are said to be at %s", body)
	}
}
