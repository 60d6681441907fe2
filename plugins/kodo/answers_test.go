package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestAnswersToSomethingElse: a list without its list, entries without facts, and answers
// about another upload or key are not taken for what was asked for.
func TestAnswersToSomethingElse(t *testing.T) {
	const item = `{"key": "a", "hash": "Fto5o-5ea0sNMlW_75VgGJCv2AcJ", "fsize": 0, "putTime": 1}`
	ref := driver.UploadRef{Key: "k", ID: "u"}
	for name, test := range map[string]struct {
		call     string
		document string
		kind     driver.Kind
		text     string
	}{
		"a page":             {"list", `{"items": [` + item + `]}`, 0, ""},
		"no groups":          {"list", `{"items": [], "commonPrefixes": []}`, 0, ""},
		"groups":             {"list", `{"items": [` + item + `], "commonPrefixes": ["b/"]}`, driver.KindInvalidArgument, "by a delimiter"},
		"the end":            {"list", `{"items": []}`, 0, ""},
		"nothing":            {"list", `{}`, driver.KindInvalidArgument, "no list of items"},
		"a marker alone":     {"list", `{"marker": "m"}`, driver.KindInvalidArgument, "no list of items"},
		"no object":          {"list", `{"items": [null]}`, driver.KindInvalidArgument, "no key, no hash or no size"},
		"no key":             {"list", `{"items": [{"hash": "h", "fsize": 1}]}`, driver.KindInvalidArgument, "no key, no hash or no size"},
		"no hash":            {"list", `{"items": [{"key": "a", "fsize": 1}]}`, driver.KindInvalidArgument, "no key, no hash or no size"},
		"no size":            {"list", `{"items": [{"key": "a", "hash": "h"}]}`, driver.KindInvalidArgument, "no key, no hash or no size"},
		"a web page":         {"list", "<html></html>", driver.KindInvalidArgument, "does not speak Kodo"},
		"parts":              {"parts", `{"uploadId": "u", "parts": []}`, 0, ""},
		"parts of an upload": {"parts", `{"uploadId": "v", "parts": []}`, driver.KindInvalidArgument, `of upload "v"`},
		"parts of none":      {"parts", `{}`, driver.KindInvalidArgument, `of upload ""`},
		"completed":          {"complete", `{"key": "k", "hash": "h"}`, 0, ""},
		"completed a key":    {"complete", `{"key": "l", "hash": "h"}`, driver.KindUnavailable, `of key "l"`},
		"no upload":          {"create", `{}`, driver.KindInvalidArgument, "does not speak Kodo"},
	} {
		t.Run(name, func(t *testing.T) {
			b := answering(t, test.document)
			var err error
			switch test.call {
			case "list":
				_, err = b.List(t.Context(), driver.ListRequest{})
			case "parts":
				_, err = b.ListParts(t.Context(), driver.ListPartsRequest{Upload: ref})
			case "create":
				_, err = b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			case "complete":
				_, err = b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "e"}}})
			}
			if driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s = %v (%s), want %s and %q", test.call, err, driver.KindOf(err), test.kind, test.text)
			}
		})
	}
}

// TestOwnerIsTold: the endUser of an object is an attribute that no copy has.
func TestOwnerIsTold(t *testing.T) {
	b := answering(t, `{"hash": "h", "fsize": 1, "type": 2, "endUser": "somebody"}`) // archived: its download shows nothing
	object, err := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"enduser: somebody"}, object.Attributes.NotCarried); diff != "" {
		t.Errorf("not carried (-want +got):\n%s", diff)
	}
}

// answering opens a bucket whose services all answer with one document.
func answering(t *testing.T, document string) *bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Reqid", "id")
		_, _ = w.Write([]byte(document))
	}))
	t.Cleanup(server.Close)
	t.Setenv("GOOD_ACCESS_KEY_ID", "id")
	t.Setenv("GOOD_SECRET_ACCESS_KEY", "secret")
	b := openBucket(t, suite, server.URL, nil)
	b.located.Store(&place{region: "z0", up: server.URL, download: server.URL, rs: server.URL, rsf: server.URL, ends: time.Now().Add(time.Hour)})
	return b
}
