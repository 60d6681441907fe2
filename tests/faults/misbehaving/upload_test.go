package misbehaving

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

const hour = time.Hour

// uploadLies are about uploads in parts.
func uploadLies() map[string]lie {
	return map[string]lie{
		"join-one-less": {destination: true, large: true, serve: on("Complete", func(s *Store, w http.ResponseWriter, asked *request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			id := asked.query.Get("uploadId")
			if s.open[id] == nil {
				return false
			}
			numbers := slices.Sorted(maps.Keys(s.open[id].parts))
			s.complete(w, asked, id, numbers[:len(numbers)-1])
			return true
		})},
		"join-other": {destination: true, large: true, serve: on("Complete", func(s *Store, w http.ResponseWriter, asked *request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			id := asked.query.Get("uploadId")
			if s.open[id] == nil {
				return false
			}
			for _, part := range s.open[id].parts {
				part.data[10] ^= 1
			}
			s.complete(httptest.NewRecorder(), asked, id, slices.Sorted(maps.Keys(s.open[id].parts)))
			_, _ = w.Write([]byte("<CompleteMultipartUploadResult><Bucket>" + bucketName + "</Bucket><Key>" + escape(asked.key) +
				"</Key><ETag>&quot;00112233445566778899aabbccddeeff-2&quot;</ETag></CompleteMultipartUploadResult>"))
			return true
		})},
		"join-fails-old-there": {destination: true, large: true, plant: plantOld, serve: on("Complete", func(s *Store, w http.ResponseWriter, asked *request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			if old := s.held[asked.key]; old != nil { // its clock jumps ahead
				old.modified = time.Now().Add(hour)
			}
			refuse(w, http.StatusInternalServerError, "InternalError")
			return true
		})},
		"join-error-document": {destination: true, large: true, serve: on("Complete", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusOK, "InternalError")
			return true
		})},
		"join-login-page": {destination: true, large: true, serve: always("Complete", http.StatusOK, "text/html", loginPage)},
		"join-pretended": {destination: true, large: true, serve: on("Complete", func(_ *Store, w http.ResponseWriter, asked *request) bool {
			_, _ = w.Write([]byte("<CompleteMultipartUploadResult><Bucket>" + bucketName + "</Bucket><Key>" + escape(asked.key) +
				"</Key><ETag>&quot;00112233445566778899aabbccddeeff-3&quot;</ETag></CompleteMultipartUploadResult>"))
			return true
		})},
		"join-answer-lost": {destination: true, large: true, harmless: true, serve: on("Complete", func(s *Store, _ http.ResponseWriter, asked *request) bool {
			if asked.number > 1 {
				return false
			}
			s.recorded(asked)
			panic(http.ErrAbortHandler)
		})},
		"create-answer-lost": {destination: true, large: true, harmless: true, serve: on("Create", func(s *Store, _ http.ResponseWriter, asked *request) bool {
			if asked.number > 1 {
				return false
			}
			s.recorded(asked)
			panic(http.ErrAbortHandler)
		})},
		"part-login-page": {destination: true, large: true, serve: always("Part", http.StatusOK, "text/html", loginPage)},
		"part-absent-page-once": {destination: true, large: true, harmless: true, serve: on("Part", func(_ *Store, w http.ResponseWriter, asked *request) bool {
			if asked.number > 1 {
				return false
			}
			say(w, http.StatusNotFound, "text/html", loginPage)
			return true
		})},
		"part-short": {destination: true, large: true, serve: on("Part", func(_ *Store, _ http.ResponseWriter, asked *request) bool {
			asked.body = asked.body[:len(asked.body)/2]
			return false
		})},
		"create-login-page": {destination: true, large: true, serve: always("Create", http.StatusOK, "text/html", loginPage)},
		"create-denied": {destination: true, large: true, serve: on("Create", func(_ *Store, w http.ResponseWriter, _ *request) bool {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		})},
	}
}
