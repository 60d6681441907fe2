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

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
	"github.com/dth-dev/dth/tests/emulators/oss/internal/sign"
)

// bucketName is the rule of https://help.aliyun.com/en/oss/user-guide/bucket-naming-conventions.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// defaultDomain matches the vendor's own host names, from
// https://help.aliyun.com/en/oss/user-guide/regions-and-endpoints: a bucket, if
// any, and an endpoint, of which either group is the region, or none for the
// accelerate endpoints, which serve every region.
var defaultDomain = regexp.MustCompile(`^(?:([a-z0-9-]+)\.)?(?:oss-accelerate(?:-overseas)?|oss-([a-z0-9-]+?)(?:-internal)?|([a-z0-9-]+)\.oss)\.aliyuncs\.com$`)

// server is OSS for one account, in one region.
type server struct {
	region      string
	strictHost  bool
	account     sign.Account
	desk        *serve.Desk
	names       []string
	buckets     map[string]*bucket.Store
	created     time.Time
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
	h := w.Header()
	h.Set("Server", "AliyunOSS")
	h.Set("Date", c.now.UTC().Format(http.TimeFormat)) // clients correct their clock by it
	h.Set("x-oss-request-id", c.id)
	op := c.route()
	s.desk.Serve(w, r, op.name, c.key,
		func(w http.ResponseWriter, f *serve.Fault) {
			c.w = w
			if f.RetryAfter > 0 {
				w.Header().Set("Retry-After", itoa(f.RetryAfter))
			}
			c.fail(&refusal{status: f.Status, code: f.Code, message: f.Message})
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
		return &refusal{status: http.StatusForbidden, code: "SecondLevelDomainForbidden", message: "The bucket you are attempting to access must be addressed using OSS third level domain."}
	}
	if err := c.account.Check(c.r, c.resource(), c.now); err != nil {
		c.desk.Refused(op.name)
		return err
	}
	switch {
	case c.bucket == "":
	case c.store == nil:
		return &refusal{status: http.StatusNotFound, code: "NoSuchBucket", ec: "0015-00000101", message: "The specified bucket does not exist.", details: [][2]string{{"BucketName", c.bucket}}}
	case c.elsewhere:
		return &refusal{
			status: http.StatusForbidden, code: "AccessDenied", ec: "0003-00001403",
			message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
			details: [][2]string{{"Bucket", c.bucket}, {"Endpoint", "oss-" + c.region + ".aliyuncs.com"}},
		}
	}
	return op.do(c)
}

// resource is what the request's signature is for.
func (c *call) resource() string {
	if c.bucket == "" {
		return "/"
	}
	return "/" + c.bucket + "/" + c.key
}

// address finds out which bucket and key a request is for, by the Host or else
// by the path.
func (c *call) address() {
	c.host = c.r.Host
	if h, _, err := net.SplitHostPort(c.host); err == nil {
		c.host = h
	}
	path := strings.TrimPrefix(c.r.URL.Path, "/")
	first, _, _ := strings.Cut(c.host, ".")
	domain := defaultDomain.FindStringSubmatch(c.host)
	switch {
	case domain != nil && domain[1] != "":
		c.bucket, c.key = domain[1], path
	case domain == nil && c.buckets[first] != nil:
		c.bucket, c.key = first, path
	default:
		c.bucket, c.key, _ = strings.Cut(path, "/")
		c.pathStyle = c.bucket != ""
	}
	if domain != nil {
		region := domain[2] + domain[3]
		c.elsewhere = region != "" && region != c.region
		c.onDefaultDomain = !c.pathStyle
	}
}
