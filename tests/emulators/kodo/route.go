package main

import (
	"bufio"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
)

// operation is what a request asks for, by the name that the vendor's
// documentation has for it.
type operation struct {
	name string
	key  string // of the object, where the request says it at once
	run  func(w http.ResponseWriter, r *http.Request) error
}

func refused(name string, err error) operation {
	return operation{name: name, run: func(http.ResponseWriter, *http.Request) error { return err }}
}

// route finds the operation.
func (s *server) route(r *http.Request) operation {
	at, bucket := s.serviceAt(r.Host)
	path, _, _ := strings.Cut(r.RequestURI, "?")
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if at == anything {
		at = s.guess(r, segments)
	}
	switch at {
	case uc:
		return s.routeUC(segments)
	case up:
		return s.routeUp(r, segments)
	case rs:
		return s.routeRS(segments)
	case rsf:
		return s.routeRSF(segments)
	case download:
		return s.routeDownload(r, bucket)
	}
	if s.ofOtherRegion(r.Host) {
		return refused("unknown", errRegion)
	}
	return refused("unknown", errNoDomain)
}

// guess tells the services apart on one address. Whoever reads an object has no
// Authorization header, and whoever manages one has.
func (s *server) guess(r *http.Request, segments []string) service {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	_, _, tokened := credential.SplitToken(r.RequestURI)
	switch {
	case tokened && r.Header.Get("Authorization") == "":
		return download
	case len(segments) == 2 && segments[1] == "query":
		return uc
	case reads && r.Header.Get("Authorization") == "":
		return download
	}
	switch segments[0] {
	case "buckets":
		if len(segments) == 1 {
			return uc
		}
		return up
	case "", "mkblk", "bput", "mkfile":
		return up
	case "v3", "mkbucketv3":
		return uc
	case "v2":
		if len(segments) == 2 && segments[1] == "list" {
			return rsf
		}
		return uc
	case "list":
		return rsf
	}
	return rs
}

func (s *server) routeUp(r *http.Request, segments []string) operation {
	switch segments[0] {
	case "":
		return operation{"upload", formKey(r), s.upload}
	case "mkblk":
		return operation{"mkblk", "", func(w http.ResponseWriter, r *http.Request) error { return s.makeBlock(w, r, segments[1:]) }}
	case "bput":
		return operation{"bput", "", func(w http.ResponseWriter, r *http.Request) error { return s.putInBlock(w, r, segments[1:]) }}
	case "mkfile":
		pairs := pairsOf(segments[min(2, len(segments)):])
		key, _ := decode(pairs["key"])
		return operation{"mkfile", key, func(w http.ResponseWriter, r *http.Request) error { return s.makeFile(w, r, segments[1:]) }}
	case "buckets":
		return s.routeMultipart(r, segments[1:])
	}
	return refused("unknown", errNoOperation)
}

// routeMultipart routes BUCKET/objects/KEY/uploads[/ID[/NUMBER]].
func (s *server) routeMultipart(r *http.Request, segments []string) operation {
	if len(segments) < 4 || len(segments) > 6 || segments[1] != "objects" || segments[3] != "uploads" {
		return refused("unknown", errNoOperation)
	}
	target := multipartTarget{bucket: segments[0], rest: segments[4:]}
	if segments[2] != "~" {
		key, err := decode(segments[2])
		if err != nil {
			return refused("unknown", errArgument)
		}
		target.key, target.named = key, true
	}
	does := func(name string, run func(http.ResponseWriter, *http.Request, multipartTarget) error) operation {
		return operation{name, target.key, func(w http.ResponseWriter, r *http.Request) error { return run(w, r, target) }}
	}
	switch {
	case r.Method == http.MethodPost && len(target.rest) == 0:
		return does("initiateMultipartUpload", s.initiate)
	case r.Method == http.MethodPut && len(target.rest) == 2:
		return does("uploadPart", s.uploadPart)
	case r.Method == http.MethodGet && len(target.rest) == 1:
		return does("listParts", s.listParts)
	case r.Method == http.MethodPost && len(target.rest) == 1:
		return does("completeMultipartUpload", s.complete)
	case r.Method == http.MethodDelete && len(target.rest) == 1:
		return does("abortMultipartUpload", s.abort)
	}
	return refused("unknown", errMethod)
}

var keyField = regexp.MustCompile(`(?s)name="key"\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--`)

// formKey looks into a form for the key, for faults that wait for it.
func formKey(r *http.Request) string {
	const front = 16 << 10
	peeked := bufio.NewReaderSize(r.Body, front)
	head, _ := peeked.Peek(front) // whatever came of it, the form's reader will meet it again
	r.Body = struct {
		io.Reader
		io.Closer
	}{peeked, r.Body}
	if found := keyField.FindSubmatch(head); found != nil {
		return string(found[1])
	}
	return ""
}

// decode decodes a segment in the vendor's Base64 of URLs, padded or not.
func decode(segment string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(segment, "="))
	return string(text), err
}

// entry decodes BUCKET:KEY.
func entry(segment string) (bucket, key string, err error) {
	text, err := decode(segment)
	if err != nil {
		return "", "", errArgument
	}
	bucket, key, ok := strings.Cut(text, ":")
	if !ok || bucket == "" {
		return "", "", errArgument
	}
	return bucket, key, checkKey(key)
}

// checkKey refuses what can't be a key.
//
// Source: https://developer.qiniu.com/kodo/manual/1234.
func checkKey(key string) error {
	switch {
	case !utf8.ValidString(key):
		return errNotUTF8
	case key == "" || len(key) > 750 || strings.ContainsRune(key, 0):
		return errArgument
	}
	return nil
}

// pairsOf reads NAME/VALUE/NAME/VALUE.
func pairsOf(segments []string) map[string]string {
	pairs := map[string]string{}
	for i := 0; i+1 < len(segments); i += 2 {
		name, err := url.PathUnescape(segments[i])
		if err != nil {
			name = segments[i]
		}
		pairs[name] = segments[i+1]
	}
	return pairs
}

// managementBody is the longest body of a request to manage something, in bytes.
const managementBody = 8 << 20

// authorized reads the request's body and checks its signature.
func (s *server) authorized(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, managementBody))
	if err != nil {
		return nil, errBody
	}
	return body, s.account.Management(r, body, s.desk.Now())
}
