package main

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/cos/internal/sign"
	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

var (
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*-[0-9]+$`)
	defaultDomain = regexp.MustCompile(`(^|\.)cos\.([a-z0-9-]+)\.(myqcloud\.com|tencentcos\.cn)$`)
)

// server is COS for one account, in one region.
type server struct {
	region      string
	strictHost  bool
	account     sign.Account
	desk        *serve.Desk
	names       []string
	buckets     map[string]*bucket.Store
	created     time.Time
	acl         aclByBucket
	restoreTime func(class, tier string) (time.Duration, bool)
}

// open opens the buckets, each in a folder of its own.
func open(c *serve.Config, desk *serve.Desk) (*server, error) {
	s := &server{
		region: c.Region, strictHost: c.StrictHost, desk: desk, names: slices.Sorted(slices.Values(c.Buckets)),
		buckets: map[string]*bucket.Store{}, created: desk.Now(), restoreTime: documented,
	}
	for _, name := range s.names {
		dir := c.Data
		if dir != "" {
			dir = filepath.Join(dir, name)
		}
		store, err := bucket.Open(dir, bucket.Sums{CRC64: true})
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

// OpenUploads lists the unfinished uploads of all buckets.
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

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	w.Header().Set("Server", "tencent-cos")
	w.Header().Set("x-cos-request-id", c.id)
	w.Header().Set("Date", c.now.UTC().Format(http.TimeFormat)) // clients set their clocks by it
	op := c.route()
	s.desk.Serve(w, r, op.name, c.key,
		func(w http.ResponseWriter, f *serve.Fault) {
			c.w = w
			if f.RetryAfter > 0 {
				w.Header().Set("Retry-After", itoa(f.RetryAfter))
			}
			c.fail(&refusal{f.Status, f.Code, f.Message})
		},
		func(w http.ResponseWriter, r *http.Request, f *serve.Fault) {
			c.w, c.r, c.fault = w, r, f
			if err := c.answer(op); err != nil {
				c.fail(err)
			}
		})
}

// answer checks what all operations have in common, then does what is asked.
func (c *call) answer(op operation) error {
	if c.pathStyle && c.strictHost {
		return &refusal{http.StatusForbidden, "PathStyleDomainForbidden", "The bucket you are attempting to access must be addressed using COS virtual-styled domain."}
	}
	if err := c.account.Check(c.r, c.now); err != nil {
		c.desk.Refused(op.name)
		return err
	}
	if c.store == nil && c.bucket != "" {
		return &refusal{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist."}
	}
	return op.do(c)
}

// address finds out which bucket and key a request is for, by the Host or else
// by the path.
func (s *server) address(r *http.Request) (name, key string, pathStyle bool) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	first, _, labels := strings.Cut(host, ".")
	domain := defaultDomain.FindStringSubmatch(host)
	switch {
	case s.buckets[first] != nil && domain != nil && domain[2] != s.region && domain[2] != "accelerate":
		return first + " of " + domain[2], path, false // a bucket answers in its own region only
	case s.buckets[first] != nil, labels && domain != nil && bucketName.MatchString(first):
		return first, path, false
	}
	name, key, _ = strings.Cut(path, "/")
	return name, key, name != ""
}
