package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
)

// refusal is an answer that says no: https://developer.qiniu.com/kodo/3928/error-responses.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

var (
	errArgument     = &refusal{http.StatusBadRequest, "invalid argument"}
	errNotUTF8      = &refusal{http.StatusBadRequest, "key must be utf8 encoding"}
	errMeta         = &refusal{http.StatusBadRequest, "invalid x-qn-meta"}
	errRegion       = &refusal{http.StatusBadRequest, "incorrect region"}
	errBody         = &refusal{http.StatusBadRequest, "the request's body ended early or is not of its form"}
	errScope        = &refusal{http.StatusForbidden, "key doesn't match scope"}
	errArchived     = &refusal{http.StatusForbidden, "the file is archived: restore it first"}
	errDisabled     = &refusal{http.StatusForbidden, "the file is disabled"}
	errNoDomain     = &refusal{http.StatusNotFound, "no such domain"}
	errNoDocument   = &refusal{http.StatusNotFound, "Document not found"}
	errNoOperation  = &refusal{http.StatusNotFound, "no such operation"}
	errMethod       = &refusal{http.StatusMethodNotAllowed, "method not allowed"}
	errCRC32        = &refusal{http.StatusNotAcceptable, "crc32 mismatch"}
	errNoLength     = &refusal{http.StatusLengthRequired, "Content-Length is required"}
	errTooLarge     = &refusal{http.StatusRequestEntityTooLarge, "exceed FsizeLimit"}
	errRange        = &refusal{http.StatusRequestedRangeNotSatisfiable, "invalid range"}
	errCondition    = &refusal{608, "file content or metadata modified"}
	errNoEntry      = &refusal{612, "no such file or directory"}
	errNoUpload     = &refusal{612, "no such uploadId"}
	errNoAccessKey  = &refusal{612, "app/accesskey is not found"}
	errExists       = &refusal{614, "file exists"}
	errBucketExists = &refusal{614, "bucket exists"}
	errBucketLimit  = &refusal{630, "too many buckets"}
	errNoBucket     = &refusal{631, "no such bucket"}
	errMarker       = &refusal{640, "invalid list marker"}
	errNoContext    = &refusal{701, "invalid ctx"}
)

// asRefusal says how Kodo tells of an error.
func asRefusal(err error) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case unproven(err):
		return &refusal{http.StatusUnauthorized, err.Error()}
	case errors.Is(err, credential.ErrSkewed):
		return &refusal{http.StatusForbidden, err.Error()}
	case errors.Is(err, bucket.ErrNoObject):
		return errNoEntry
	case errors.Is(err, bucket.ErrNoUpload):
		return errNoUpload
	}
	return &refusal{599, "the emulator failed: " + err.Error()}
}

func refuse(w http.ResponseWriter, err error) {
	r := asRefusal(err)
	answer(w, r.status, map[string]any{"error": r.message})
}

// answer sends JSON, or nothing but the headers when value is nil.
func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if value != nil {
		_ = json.NewEncoder(w).Encode(value) // a client that is gone needs no answer
	}
}

// unproven says whether a client did not prove its right.
func unproven(err error) bool {
	return errors.Is(err, credential.ErrNone) || errors.Is(err, credential.ErrNoGrant) ||
		errors.Is(err, credential.ErrBad) || errors.Is(err, credential.ErrExpired)
}

// longestDrain is how much of a refused request's body is still read, so that the
// client gets to see the answer, in bytes.
const longestDrain = 64 << 20

func drain(r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, longestDrain) // an end before that is what is hoped for
}
