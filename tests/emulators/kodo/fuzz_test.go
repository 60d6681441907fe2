package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

// FuzzRequest sends requests that nobody signed to all services: none may do
// anything, nor bring the emulator down.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{
		"/", "/?", "/stat/cGhvdG9zOms=", "/copy/cGhvdG9zOms=", "/chgm/!!", "/batch", "/list?bucket=photos&marker=!", "/v2/list",
		"/v4/query?ak=MY_ACCESS_KEY&bucket=photos", "/v2/query", "/v3/domains", "/mkbucketv3/", "/mkblk/5", "/bput/x.1/0", "/mkfile/",
		"/mkfile/5/key", "/buckets/photos/objects/~/uploads", "/buckets/photos/objects/aw==/uploads/x/1", "/k%", "/k?e=1&token=MY_ACCESS_KEY:x",
	} {
		f.Add(http.MethodGet, path, "", "", []byte(nil))
		f.Add(http.MethodPost, path, "multipart/form-data; boundary=b", "Qiniu MY_ACCESS_KEY:x", []byte("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b--"))
		f.Add(http.MethodPut, path, "application/json", "UpToken MY_ACCESS_KEY:x:e30=", []byte(`{"parts":[]}`))
	}
	s, err := open(&serve.Config{Buckets: []string{bucketA}, AccessKey: accessKey, SecretKey: secretKey, Region: "z0"}, serve.NewDesk())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, method, target, contentType, authorization string, body []byte) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{
			Method: method, URL: u, RequestURI: target, Host: "127.0.0.1:80", ContentLength: int64(len(body)), Header: http.Header{},
			Body: readCloser{bytes.NewReader(body)},
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", authorization)
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r.WithContext(t.Context()))
		if answer.Code < 300 && u.Path != "/v4/query" && u.Path != "/v2/query" {
			t.Errorf("%s %s is answered by %d %s", method, target, answer.Code, answer.Body)
		}
		if answer.Header()["X-Reqid"] == nil {
			t.Error("an answer without X-Reqid")
		}
	})
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
