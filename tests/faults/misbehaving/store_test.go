// Package misbehaving is a store that speaks S3 and lies: each way in which it does has a
// name, a key's first segment chooses it, and the test holds dth to one rule under every
// profile: a run that says it is done has made the destination right.
package misbehaving

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/crc64nvme"
)

// Nature is what an honest store of some product does; a profile expects it.
type Nature struct {
	Checksums bool // keeps CRC64NVME and tells it
	MD5       bool // the ETag of a single PUT is the MD5
	Measured  bool // which keys it holds is known
	Counts    bool // a page of its listings says how many keys it has
}

// Store is one bucket of a store that speaks S3. It checks no signature. It is honest but
// for keys below the name of a mode.
type Store struct {
	Endpoint string

	nature Nature
	mu     sync.Mutex
	count  int
	held   map[string]*object
	open   map[string]*upload
	calls  map[string]int // by operation and key
	healed map[string]bool
}

const bucketName = "bucket"

type object struct {
	data     []byte
	etag     string
	header   http.Header // content headers and user metadata
	modified time.Time
}

type upload struct {
	key    string
	header http.Header
	parts  map[int]*object
}

// Start starts a store. It ends with the test.
func Start(t testing.TB, nature Nature) *Store {
	s := &Store{nature: nature, held: map[string]*object{}, open: map[string]*upload{}, calls: map[string]int{}, healed: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Endpoint = server.URL
	return s
}

// Heal ends a mode.
func (s *Store) Heal(mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.healed[mode] = true
}

// Put makes an object.
func (s *Store) Put(key string, data []byte, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, data, header)
}

// put needs mu.
func (s *Store) put(key string, data []byte, header http.Header) *object {
	s.count++
	made := &object{data: data, header: header, modified: time.Now().UTC().Truncate(time.Second), etag: s.etag(data)}
	s.held[key] = made
	return made
}

// etag returns the ETag of what was just written. It needs mu.
func (s *Store) etag(data []byte) string {
	if s.nature.MD5 {
		sum := md5.Sum(data)
		return hex.EncodeToString(sum[:])
	}
	return fmt.Sprintf("%032x", s.count)
}

// Remove removes an object.
func (s *Store) Remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, key)
}

// Get returns an object's bytes and headers; nil where there is none.
func (s *Store) Get(key string) ([]byte, http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.held[key]; found != nil {
		return found.data, found.header
	}
	return nil, nil
}

// Keys returns the keys below a prefix, ascending.
func (s *Store) Keys(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, key := range slices.Sorted(maps.Keys(s.held)) {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	return found
}

// request is one request, taken apart.
type request struct {
	*http.Request
	operation string // by the name of S3's API
	key       string
	query     url.Values
	body      []byte // of the object, without framing
	number    int    // how many of this operation and key there were, this one included
}

// mode returns the name of the mode that the request falls under.
func (r *request) mode() string {
	name := r.key
	if r.operation == "List" || r.operation == "ListUploads" {
		name = r.query.Get("prefix")
	}
	first, _, _ := strings.Cut(strings.TrimLeft(name, "/"), "/")
	return first
}

// ServeHTTP answers as the mode of the key wants it, or honestly.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, err := s.read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Amz-Request-Id", "request-"+strconv.Itoa(asked.number))
	if lie, known := lies[asked.mode()]; known && !s.honest(asked.mode()) && lie.serve != nil && lie.serve(s, w, asked) {
		return
	}
	s.answer(w, asked)
}

func (s *Store) honest(mode string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.healed[mode]
}

// read takes a request apart; the bucket stands in the path.
func (s *Store) read(r *http.Request) (*request, error) {
	path, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil {
		return nil, err
	}
	bucket, key, _ := strings.Cut(path, "/")
	if bucket != bucketName {
		return nil, fmt.Errorf("no bucket %q", bucket)
	}
	asked := &request{Request: r, key: key, query: r.URL.Query()}
	asked.operation = operation(r.Method, key, asked.query)
	if asked.body, err = readBody(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[asked.operation+" "+key]++
	asked.number = s.calls[asked.operation+" "+key]
	return asked, nil
}

func operation(method, key string, query url.Values) string {
	switch {
	case key == "" && query.Has("uploads"):
		return "ListUploads"
	case key == "":
		return "List"
	case method == http.MethodPost && query.Has("uploads"):
		return "Create"
	case method == http.MethodPost:
		return "Complete"
	case method == http.MethodPut && query.Has("partNumber"):
		return "Part"
	case method == http.MethodGet && query.Has("uploadId"):
		return "ListParts"
	case method == http.MethodDelete && query.Has("uploadId"):
		return "Abort"
	}
	return map[string]string{
		http.MethodGet: "Get", http.MethodHead: "Head", http.MethodPut: "Put", http.MethodDelete: "Delete",
	}[method]
}

// readBody reads a body and takes aws-chunked off it.
func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("X-Amz-Content-Sha256") != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		return io.ReadAll(r.Body)
	}
	reader := bufio.NewReader(r.Body)
	var data []byte
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil || size == 0 {
			_, _ = io.Copy(io.Discard, reader) // the trailer; this store believes it
			return data, err
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(reader, chunk); err != nil {
			return nil, err
		}
		data = append(data, chunk[:size]...)
	}
}

func checksumOf(data []byte) string {
	sum := crc64nvme.New()
	_, _ = sum.Write(data) // never fails
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// kept picks what a store keeps of a request's headers.
func kept(from http.Header) http.Header {
	header := http.Header{}
	for name, values := range from {
		switch {
		case strings.HasPrefix(name, "X-Amz-Meta-"), slices.Contains(contentHeaders, name):
			header[name] = values
		}
	}
	if header.Get("Content-Encoding") == "aws-chunked" {
		header.Del("Content-Encoding")
	}
	return header
}

var contentHeaders = []string{
	"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires",
}

// refuse answers with an error document of S3.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>scripted</Message><RequestId>1</RequestId></Error>", code)
}

// recorded returns the honest answer instead of sending it.
func (s *Store) recorded(asked *request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	answer.Body = &bytes.Buffer{}
	s.answer(answer, asked)
	return answer
}
