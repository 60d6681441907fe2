package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// serve serves on loopback until the test ends and returns the URL.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
