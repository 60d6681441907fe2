package misbehaving

import (
	"maps"
	"net/http"
	"net/http/httptest"
)

// lie is one way to misbehave.
type lie struct {
	destination bool // the destination lies; else the source
	large       bool // about an object in parts
	// plant changes what is there before the run; the prefix ends in "/".
	plant func(w *world, prefix string)
	// serve answers a request, or returns false to leave it to the honest store.
	serve func(s *Store, w http.ResponseWriter, asked *request) bool
	// blind says that nothing such a store tells can show the lie.
	blind func(Nature) bool
	// harmless says that the run must be done in spite of it.
	harmless bool
	// lasting says that what is wrong is there when the store is honest again.
	lasting bool
	// check looks further, whatever the outcome.
	check func(w *world, prefix string, told outcome)
}

// lies are all of them, by name, which is the first segment of the keys that they are about.
var lies = merged(sourceLies(), absenceLies(), listingLies(), destinationLies(), uploadLies())

func merged(tables ...map[string]lie) map[string]lie {
	all := map[string]lie{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// on restricts a lie to operations.
func on(operation string, serve func(*Store, http.ResponseWriter, *request) bool) func(*Store, http.ResponseWriter, *request) bool {
	return func(s *Store, w http.ResponseWriter, asked *request) bool {
		return asked.operation == operation && serve(s, w, asked)
	}
}

// always answers every such request with the status, the type and the text.
func always(operation string, status int, kind, text string) func(*Store, http.ResponseWriter, *request) bool {
	return on(operation, func(_ *Store, w http.ResponseWriter, _ *request) bool {
		say(w, status, kind, text)
		return true
	})
}

func say(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Del("X-Amz-Request-Id") // it is a proxy that speaks
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

const loginPage = "<!DOCTYPE html><html><body><form>Please log in to the network</form></body></html>"

// head copies the headers of an honest answer, but for those named.
func head(w http.ResponseWriter, honest *httptest.ResponseRecorder, without ...string) {
	for name, values := range honest.Header() {
		w.Header()[name] = values
	}
	for _, name := range without {
		w.Header().Del(name)
	}
}
