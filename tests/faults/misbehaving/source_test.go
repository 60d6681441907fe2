package misbehaving

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// sourceLies are about the bytes of a GET.
func sourceLies() map[string]lie {
	table := map[string]lie{
		"decompressed": {plant: plantGzip, serve: on("Get", decompress)},
		"range-ignored": {large: true, serve: on("Get", func(s *Store, w http.ResponseWriter, asked *request) bool {
			asked.Header.Del("Range")
			s.answer(w, asked)
			return true
		})},
		"range-of-others": {large: true, serve: on("Get", func(s *Store, w http.ResponseWriter, asked *request) bool {
			if asked.number == 2 {
				asked.Header.Set("Range", "bytes=0-5242879")
			}
			s.answer(w, asked)
			return true
		})},
		"not-satisfiable": {serve: on("Get", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return true
		})},
		"login-page-to-get": {serve: always("Get", http.StatusOK, "text/html", loginPage)},
		"damaged": {blind: func(n Nature) bool { return !n.Checksums }, serve: on("Get", func(s *Store, w http.ResponseWriter, asked *request) bool {
			honest := s.recorded(asked)
			body := bytes.Clone(honest.Body.Bytes())
			body[len(body)/2] ^= 1
			head(w, honest)
			w.WriteHeader(honest.Code)
			_, _ = w.Write(body)
			return true
		})},
		"rewritten-between-parts": {large: true, serve: rewrite(false)},
		"rewritten-no-etags":      {large: true, serve: rewrite(true)},
		"redirects":               {serve: attribute("X-Amz-Website-Redirect-Location", "/elsewhere"), check: notCarried},
		"missing-meta":            {serve: attribute("X-Amz-Missing-Meta", "2"), check: notCarried},
	}
	for framing, send := range map[string]func(http.ResponseWriter, int, []byte){"chunked": chunked, "until-close": untilClose} {
		for _, large := range []bool{false, true} {
			name := map[bool]string{false: "", true: "-part"}[large]
			table["longer-"+framing+name] = lie{large: large, serve: resized(send, 100)}
			table["shorter-"+framing+name] = lie{large: large, serve: resized(send, -100)}
		}
	}
	table["longer-stated"] = lie{serve: resized(stated, 100)}
	table["shorter-stated"] = lie{serve: resized(stated, -100)}
	return table
}

// resized answers a GET with more or fewer bytes than the object has.
func resized(send func(http.ResponseWriter, int, []byte), by int) func(*Store, http.ResponseWriter, *request) bool {
	return on("Get", func(s *Store, w http.ResponseWriter, asked *request) bool {
		honest := s.recorded(asked)
		body := bytes.Clone(honest.Body.Bytes())
		if len(body) < 200 {
			return false
		}
		if by > 0 {
			body = append(make([]byte, by), body...)
		} else {
			body = body[:len(body)+by]
		}
		head(w, honest, "Content-Length")
		send(w, honest.Code, body)
		return true
	})
}

func chunked(w http.ResponseWriter, status int, body []byte) {
	w.WriteHeader(status)
	_ = http.NewResponseController(w).Flush() // without a length it is chunked from here on
	_, _ = w.Write(body)
}

func stated(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// untilClose ends the body by closing the connection.
func untilClose(w http.ResponseWriter, status int, body []byte) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status, http.StatusText(status))
	_ = w.Header().Write(connection)
	_, _ = connection.Write(append([]byte("\r\n"), body...))
}

// plantGzip stores compressed objects.
func plantGzip(w *world, prefix string) {
	for _, key := range w.liar.Keys(prefix) {
		data, _ := w.liar.Get(key)
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write(bytes.Repeat(data[:200], 50))
		_ = writer.Close()
		w.liar.Put(key, packed.Bytes(), http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"text/plain"}})
	}
}

// decompress answers as Google Cloud Storage does where gzip is not accepted.
func decompress(s *Store, w http.ResponseWriter, asked *request) bool {
	if strings.Contains(asked.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	honest := s.recorded(asked)
	reader, err := gzip.NewReader(honest.Body)
	if err != nil {
		return false
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return false
	}
	head(w, honest, "Content-Length", "Content-Encoding")
	w.Header().Set("X-Goog-Stored-Content-Encoding", "gzip")
	chunked(w, http.StatusOK, plain)
	return true
}

// rewrite replaces the object by another version of the same size after its first part
// was read, once. silent leaves ETags out of listings and of HEAD.
func rewrite(silent bool) func(*Store, http.ResponseWriter, *request) bool {
	return func(s *Store, w http.ResponseWriter, asked *request) bool {
		switch {
		case asked.operation == "Get" && asked.number == 2:
			old, _ := s.Get(asked.key)
			fresh := bytes.Clone(old)
			for i := range fresh {
				fresh[i] ^= 0xff
			}
			s.Put(asked.key, fresh, nil)
		case silent && asked.operation == "List":
			honest := s.recorded(asked)
			head(w, honest)
			_, _ = w.Write(withoutETags.ReplaceAll(honest.Body.Bytes(), nil))
			return true
		case silent && asked.operation == "Head":
			honest := s.recorded(asked)
			head(w, honest, "Etag")
			w.WriteHeader(honest.Code)
			return true
		}
		return false
	}
}

// attribute adds a header of the object model that dth does not carry.
func attribute(name, value string) func(*Store, http.ResponseWriter, *request) bool {
	return func(_ *Store, w http.ResponseWriter, asked *request) bool {
		if asked.operation == "Get" || asked.operation == "Head" {
			w.Header().Set(name, value)
		}
		return false
	}
}

// notCarried checks that an attribute that is not copied was told.
func notCarried(w *world, _ string, told outcome) {
	if told.done() {
		w.t.Errorf("done, and an attribute that is not carried was not told: %s", told)
	}
}
