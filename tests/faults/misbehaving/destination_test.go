package misbehaving

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// destinationLies are about the PUT of a whole object.
func destinationLies() map[string]lie {
	unproved := func(n Nature) bool { return !n.Checksums && !n.MD5 }
	return map[string]lie{
		"put-login-page": {destination: true, serve: always("Put", http.StatusOK, "text/html", loginPage)},
		"put-error-document": {destination: true, serve: on("Put", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusOK, "InternalError")
			return true
		})},
		"put-without-etag": {destination: true, serve: on("Put", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			w.WriteHeader(http.StatusOK)
			return true
		})},
		"put-others-etag":          {destination: true, serve: on("Put", pretend)},
		"put-others-etag-old-size": {destination: true, plant: plantOld, serve: on("Put", pretend)},
		"put-nothing-old-etag": {destination: true, plant: plantOld, blind: unproved, serve: on("Put", func(s *Store, w http.ResponseWriter, asked *request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.held[asked.key] == nil {
				return false
			}
			s.tell(w, s.held[asked.key])
			return true
		})},
		"put-short": {destination: true, serve: on("Put", func(_ *Store, _ http.ResponseWriter, asked *request) bool {
			asked.body = asked.body[:len(asked.body)/2]
			return false
		})},
		"put-damaged": {destination: true, blind: unproved, serve: on("Put", func(_ *Store, _ http.ResponseWriter, asked *request) bool {
			asked.body = bytes.Clone(asked.body)
			asked.body[len(asked.body)/2] ^= 1
			return false
		})},
		"put-header-lost": {destination: true, serve: func(_ *Store, _ http.ResponseWriter, asked *request) bool {
			asked.Header.Del("Cache-Control")
			return false
		}},
		"put-header-lost-head-stale": {destination: true, serve: func(s *Store, w http.ResponseWriter, asked *request) bool {
			asked.Header.Del("Cache-Control")
			if asked.operation != "Head" || asked.number > 2 {
				return false
			}
			honest := s.recorded(asked)
			honest.Header().Set("Etag", `"00112233445566778899aabbccddeeff"`)
			head(w, honest)
			return true
		}},
		"put-metadata-lost": {destination: true, serve: func(_ *Store, _ http.ResponseWriter, asked *request) bool {
			asked.Header.Del("X-Amz-Meta-Owner")
			return false
		}},
		"put-refused-early": {destination: true, serve: on("Put", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		})},
		"put-answer-lost": {destination: true, harmless: true, serve: on("Put", func(s *Store, _ http.ResponseWriter, asked *request) bool {
			if asked.number > 1 {
				return false
			}
			s.recorded(asked)
			panic(http.ErrAbortHandler)
		})},
		"folds": {destination: true, lasting: true, blind: func(n Nature) bool { return n.Measured }, plant: plantUnusual, serve: fold, check: neighbours},
	}
}

// pretend answers a PUT as if another object had been stored, and stores nothing.
func pretend(_ *Store, w http.ResponseWriter, _ *request) bool {
	w.Header().Set("ETag", `"00112233445566778899aabbccddeeff"`)
	w.WriteHeader(http.StatusOK)
	return true
}

// plantOld gives the destination other objects of the same size, an hour old.
func plantOld(w *world, prefix string) {
	for key, data := range w.content(prefix) {
		old := bytes.Repeat([]byte{7}, len(data))
		w.liar.Put(key, old, nil)
		w.liar.mu.Lock()
		w.liar.held[key].modified = w.liar.held[key].modified.Add(-hour)
		w.liar.mu.Unlock()
	}
}

// plantUnusual adds keys that some stores fold into others, and their neighbours.
func plantUnusual(w *world, prefix string) {
	for i, key := range []string{"a/b", "a//b", "c/d", "c/./d", "e/f", "e/x/../f"} {
		w.giveSource(prefix+key, fmt.Appendf(nil, "content %d", i), nil)
	}
}

// fold takes one key for another, as a file system would.
func fold(_ *Store, _ http.ResponseWriter, asked *request) bool {
	var kept []string
	for _, segment := range strings.Split(asked.key, "/") {
		switch {
		case segment == "" || segment == ".":
		case segment == ".." && len(kept) > 0:
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, segment)
		}
	}
	asked.key = strings.Join(kept, "/")
	return false
}

// neighbours checks that no object was overwritten by one with another key.
func neighbours(w *world, prefix string, _ outcome) {
	content := w.content(prefix)
	for _, key := range slices.Sorted(maps.Keys(content)) {
		held, _ := w.liar.Get(key)
		if held != nil && !bytes.Equal(held, content[key]) {
			w.t.Errorf("%q holds %q, want %q: another object was written over it", key, held, content[key])
		}
	}
	for _, key := range w.liar.Keys("") {
		if strings.Contains(key, "probe") {
			w.t.Errorf("%q was left behind", key)
		}
	}
}
