package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

func TestFaultsOfTheVendorsOwn(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("k", "hello")
	stat := func() (int, http.Header, string) {
		answer, body := e.send(e.managed(http.MethodGet, "/stat/cGhvdG9zOms=", ""))
		return answer.StatusCode, answer.Header, body
	}
	e.fault(serve.Fault{Op: "stat", Key: "k", Do: "573"})
	if status, _, body := stat(); status != 573 || !strings.Contains(body, `"error"`) {
		t.Errorf("573: %d %s", status, body)
	}
	e.fault(serve.Fault{Op: "*", Do: "no-reqid"})
	if status, header, body := stat(); status != 200 || header.Get("X-Reqid") != "" || header.Get("X-Log") != "" || !strings.Contains(body, "<html>") {
		t.Errorf("no-reqid: %d %v %s", status, header, body)
	}
	e.fault(serve.Fault{Op: "stat", Do: serve.DoError, Status: 503, Code: "x", Message: "busy", RetryAfter: 7})
	if status, header, body := stat(); status != 503 || header.Get("Retry-After") != "7" || strings.TrimSpace(body) != `{"error":"busy"}` || header.Get("X-Reqid") == "" {
		t.Errorf("error: %d %v %s", status, header, body)
	}
	if status, _, _ := stat(); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
	e.fault(serve.Fault{Op: "get", Do: "archived"})
	if answer, body := e.get(e.signed("k")); answer.StatusCode != http.StatusForbidden {
		t.Errorf("archived: %d %s", answer.StatusCode, body)
	}
	e.fault(serve.Fault{Op: "stat", Do: "nonsense"})
	if status, _, _ := stat(); status != http.StatusNotImplemented {
		t.Errorf("a fault that is none: %d", status)
	}
}

func TestFailedCallbackHasStored(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fault(serve.Fault{Op: "upload", Key: "form", Do: "579"}, serve.Fault{Op: "completeMultipartUpload", Key: "parts", Do: "579"})
	if status, _ := e.form(map[string]any{"scope": "photos"}, map[string]string{"key": "another", "file": "hello"}); status != 200 {
		t.Errorf("another key: %d", status)
	}
	if status, body := e.form(map[string]any{"scope": "photos"}, map[string]string{"key": "form", "file": "hello"}); status != 579 {
		t.Errorf("form: %d %s", status, body)
	}
	s, key := e.storage(), "parts"
	id, parts := e.initiate(s, key, e.token(key, nil), 5)
	if err := e.complete(s, key, id, parts, e.token(key, nil), nil); code(err) != 579 {
		t.Errorf("parts: %v", err)
	}
	for _, key := range []string{"form", "parts"} {
		if details, err := e.bucket().Object(key).Stat().Call(t.Context()); err != nil || details.Size != 5 {
			t.Errorf("%s: %+v %v", key, details, err)
		}
	}
}

func TestUploadsThatAreGone(t *testing.T) {
	t.Parallel()
	e := start(t)
	s, key := e.storage(), "parts"
	token := e.token(key, nil)
	id, parts := e.initiate(s, key, token, 5)
	e.fault(serve.Fault{Op: "uploadPart", Do: "612"}, serve.Fault{Op: "completeMultipartUpload", Do: "701"})
	if _, err := e.sendPart(s, key, id, 1, pattern(5), token); code(err) != 612 {
		t.Errorf("612: %v", err)
	}
	if err := e.complete(s, key, id, parts, token, nil); code(err) != 701 {
		t.Errorf("701: %v", err)
	}
	if err := e.complete(s, key, id, parts, token, nil); err != nil {
		t.Errorf("nothing was done, and yet: %v", err)
	}
}
