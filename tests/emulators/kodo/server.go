package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
)

// server is Kodo for one account, in one region.
type server struct {
	desk       *serve.Desk
	account    credential.Pair
	region     region
	strictHost bool
	names      []string // of the buckets, as on the command line
	buckets    map[string]*bucket.Store
	blocks     blocks
}

// open opens the buckets, each in a folder of its own.
func open(c *serve.Config, desk *serve.Desk) (*server, error) {
	s := &server{
		desk: desk, account: credential.Pair{AccessKey: c.AccessKey, SecretKey: c.SecretKey},
		region: region(c.Region), strictHost: c.StrictHost, names: c.Buckets,
		buckets: map[string]*bucket.Store{}, blocks: blocks{byID: map[string]*block{}},
	}
	for _, name := range s.names {
		dir := c.Data
		if dir != "" {
			dir = filepath.Join(dir, name)
		}
		store, err := bucket.Open(dir, bucket.Sums{BlockSHA1: true})
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.buckets[name] = store
	}
	return s, nil
}

// Close closes the buckets.
func (s *server) Close() error {
	var errs []error
	for _, store := range s.buckets {
		errs = append(errs, store.Close())
	}
	return errors.Join(errs...)
}

// OpenUploads lists the unfinished uploads of all buckets, which Kodo itself
// tells nobody.
func (s *server) OpenUploads() []serve.OpenUpload {
	var open []serve.OpenUpload
	for _, name := range s.names {
		for _, u := range s.buckets[name].Uploads() {
			parts, _ := s.buckets[name].Parts(u.ID)
			open = append(open, serve.OpenUpload{Bucket: name, Key: u.Object.Key, ID: u.ID, Created: u.Created, Parts: len(parts)})
		}
	}
	return open
}

// store returns a bucket by its name.
func (s *server) store(name string) (*bucket.Store, error) {
	if store, ok := s.buckets[name]; ok {
		return store, nil
	}
	return nil, errNoBucket
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := serve.RequestID()
	w.Header()["X-Reqid"] = []string{id[:16]}
	w.Header()["X-Log"] = []string{"EMULATOR"}
	op := s.route(r)
	s.desk.Serve(w, r, op.name, op.key,
		func(w http.ResponseWriter, f *serve.Fault) {
			if f.RetryAfter > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
			}
			drain(r)
			refuse(w, &refusal{f.Status, f.Message})
		},
		func(w http.ResponseWriter, r *http.Request, f *serve.Fault) {
			if f == nil {
				s.do(w, r, op)
				return
			}
			s.fail(w, r, op, f)
		})
}

// do carries out an operation and answers.
func (s *server) do(w http.ResponseWriter, r *http.Request, op operation) {
	err := op.run(w, r)
	if err == nil {
		return
	}
	if unproven(err) || errors.Is(err, credential.ErrSkewed) {
		s.desk.Refused(op.name)
	}
	drain(r)
	refuse(w, err)
}

// fail lets a fault of the vendor's own happen.
func (s *server) fail(w http.ResponseWriter, r *http.Request, op operation, f *serve.Fault) {
	if f.Do != "579" {
		drain(r)
	}
	switch f.Do {
	case "573":
		refuse(w, &refusal{573, "too many requests for a single resource"})
	case "579":
		s.do(&callbackFailed{w}, r, op)
	case "612":
		refuse(w, errNoUpload)
	case "701":
		refuse(w, errNoContext)
	case "no-reqid":
		w.Header().Del("X-Reqid")
		w.Header().Del("X-Log")
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Please log in to this network.</body></html>"))
	case "archived":
		refuse(w, errArchived)
	default:
		refuse(w, &refusal{http.StatusNotImplemented, "no fault is called " + f.Do})
	}
}

// callbackFailed turns an upload's success into what Kodo says when the object is
// there but the callback's server was not.
type callbackFailed struct{ http.ResponseWriter }

func (c *callbackFailed) WriteHeader(status int) {
	if status == http.StatusOK {
		status = 579
	}
	c.ResponseWriter.WriteHeader(status)
}
