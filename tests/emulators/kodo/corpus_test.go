package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/qiniu/go-sdk/v7/auth"
)

// step is a request of the vendor's documentation with its answer. Steps of a
// file come one after the other, as the documentation has them.
type step struct {
	Name, Source string
	Method, URL  string
	Sign         string // "qiniu", "qbox", "uptoken", "download" or "" for not at all
	Policy       map[string]any
	Headers      map[string]string
	ContentType  string
	Body         string
	Form         map[string]string
	Status       int
	Want         map[string]string // headers; "$any" is any value
	Reply        any               // JSON; "$string", "$int", "$object" and "$hash" are any of the kind
	Text         string            // the body, where it is not JSON
	Capture      string            // a field of the reply that later steps use as ${field}
}

func TestDocumentedRequests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: no corpus", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var steps []step
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&steps); err != nil {
				t.Fatal(err)
			}
			e := startDocumented(t)
			captured := map[string]string{}
			for _, s := range steps {
				s.run(e, captured)
			}
		})
	}
}

// startDocumented runs an emulator with the buckets of the documentation, under
// the vendor's names.
func startDocumented(t *testing.T) *emulator {
	t.Helper()
	return start(t, "-strict-host", "-bucket", "newdocs,myBucket")
}

func (s step) run(e *emulator, captured map[string]string) {
	t := e.t
	t.Helper()
	if s.Source == "" {
		t.Errorf("%s: has no source", s.Name)
	}
	answer, body := e.send(s.request(t, captured))
	if answer.StatusCode != s.Status {
		t.Errorf("%s: status %d, want %d: %s", s.Name, answer.StatusCode, s.Status, body)
	}
	for name, want := range s.Want {
		if got := strings.Join(answer.Header.Values(name), ","); got == "" || want != "$any" && got != want {
			t.Errorf("%s: %s: %q, want %q", s.Name, name, got, want)
		}
	}
	if s.Text != "" && body != s.Text {
		t.Errorf("%s: %q, want %q", s.Name, body, s.Text)
	}
	var reply any
	isJSON := json.Unmarshal([]byte(body), &reply) == nil
	if s.Status >= 300 {
		if message, ok := reply.(map[string]any); !isJSON || !ok || message["error"] == "" {
			t.Errorf("%s: %s is not how Kodo says no", s.Name, body)
		}
	}
	if s.Reply != nil {
		if diff := cmp.Diff(s.Reply, like(s.Reply, reply)); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
	if fields, ok := reply.(map[string]any); ok && s.Capture != "" {
		captured[s.Capture] = fmt.Sprint(fields[s.Capture])
	}
}

// like replaces values by the kinds that are expected in their place.
func like(want, got any) any {
	switch wanted := want.(type) {
	case map[string]any:
		if object, ok := got.(map[string]any); ok {
			object = maps.Clone(object)
			for name := range object {
				object[name] = like(wanted[name], object[name])
			}
			return object
		}
	case []any:
		if list, ok := got.([]any); ok && len(list) == len(wanted) {
			list = slices.Clone(list)
			for i := range list {
				list[i] = like(wanted[i], list[i])
			}
			return list
		}
	case string:
		text, isText := got.(string)
		number, isNumber := got.(float64)
		_, isObject := got.(map[string]any)
		raw, err := base64.URLEncoding.DecodeString(text)
		if wanted == "$string" && text != "" || wanted == "$int" && isNumber && number == float64(int64(number)) ||
			wanted == "$object" && isObject || wanted == "$hash" && isText && err == nil && len(raw) == 21 {
			return wanted
		}
	}
	return got
}

func (s step) request(t *testing.T, captured map[string]string) *http.Request {
	t.Helper()
	var replacements []string
	for name, value := range captured {
		replacements = append(replacements, "${"+name+"}", value)
	}
	replace := strings.NewReplacer(replacements...).Replace
	body, contentType := replace(s.Body), s.ContentType
	if s.Form != nil {
		body, contentType = s.form(t)
	}
	address := replace(s.URL)
	if s.Sign == "download" {
		address = signedAddress(address, time.Now().Add(time.Hour))
	}
	r, err := http.NewRequestWithContext(t.Context(), s.Method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s.Headers {
		r.Header.Set(name, value)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	switch s.Sign {
	case "qiniu":
		err = authPair().AddToken(auth.TokenQiniu, r)
	case "qbox":
		err = authPair().AddToken(auth.TokenQBox, r)
	case "uptoken":
		r.Header.Set("Authorization", "UpToken "+s.token(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}

func (s step) token(t *testing.T) string {
	t.Helper()
	policy := map[string]any{"deadline": time.Now().Add(time.Hour).Unix()}
	maps.Copy(policy, s.Policy)
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	return authPair().SignWithData(text)
}

// form writes the fields in the documentation's order: the file comes last.
func (s step) form(t *testing.T) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if s.Policy != nil {
		_ = w.WriteField("token", s.token(t))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Form)) {
		if name != "file" {
			_ = w.WriteField(name, s.Form[name])
		}
	}
	file, err := w.CreateFormFile("file", "f.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, s.Form["file"])
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// signedAddress signs a download address as the documentation says.
func signedAddress(address string, deadline time.Time) string {
	join := "?"
	if strings.Contains(address, "?") {
		join = "&"
	}
	address = fmt.Sprintf("%s%se=%d", address, join, deadline.Unix())
	return address + "&token=" + authPair().Sign([]byte(address))
}
