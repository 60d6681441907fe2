package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestCompletionIsBoundToTheSize proves that an upload whose parts have another size than
// was planned does not become an object.
func TestCompletionIsBoundToTheSize(t *testing.T) {
	c := newClient(t, startEmulator(t), suite)
	for _, off := range []int64{-1, 1} {
		request := c.upload("k", "hello")
		request.Size += off
		if _, err := c.CompleteUpload(t.Context(), request); err == nil {
			t.Errorf("5 bytes became an object of %d", request.Size)
		}
	}
	if _, err := c.Stat(t.Context(), driver.StatRequest{Key: "k"}); driver.KindOf(err) != driver.KindNotFound {
		t.Errorf("%v, want no object", err)
	}
}

// TestStatMixesNoVersions proves it for an object that is replaced between the two
// requests of a Stat.
func TestStatMixesNoVersions(t *testing.T) {
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Reqid", "id")
		switch {
		case r.URL.Path == "/v4/query":
			_, _ = fmt.Fprint(w, strings.ReplaceAll(answerOf(60, `"rs"`, `"rs"`), `["rs"]`, `["`+host+`"]`))
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", `"new"`)
		default:
			_, _ = fmt.Fprint(w, `{"hash":"old","fsize":5,"putTime":15475512077863514}`)
		}
	}))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	_, err := openBucket(t, suite, server.URL, nil).Stat(t.Context(), driver.StatRequest{Key: "k"})
	if driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), "was replaced while") {
		t.Errorf("%v (%v), want unavailable", err, driver.KindOf(err))
	}
}
