package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// directory answers /v4/query with what is put into it, and counts.
type directory struct {
	body  atomic.Value // string; "" for a failure
	asked atomic.Int64
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.asked.Add(1)
	body, _ := d.body.Load().(string)
	w.Header().Set("X-Reqid", "id")
	if r.URL.Path != "/v4/query" || r.URL.Query().Get("ak") != accessKey || r.URL.Query().Get("bucket") != suite || body == "" {
		w.WriteHeader(500)
	}
	_, _ = w.Write([]byte(body)) // a client that is gone needs no answer
}

// openAt opens the bucket suite at the directory.
func (d *directory) openAt(t *testing.T, options map[string]string) *bucket {
	t.Helper()
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return openBucket(t, suite, server.URL, options)
}

func answerOf(ttl int, up, source string) string {
	return fmt.Sprintf(`{"hosts":[{"region":"z0","ttl":%d,"up":{"domains":[%s]},"io_src":{"domains":[%s]},"rs":{"domains":["rs"]},"rsf":{"domains":["rsf"]}}]}`, ttl, up, source)
}

func urlOf(t *testing.T, b *bucket) string {
	t.Helper()
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	address, _, _ := strings.Cut(get.URL, "?")
	return address
}

// TestPlaceIsKeptForItsTime proves that the place is asked for once, and again when its
// time is over; an old one is better than none.
func TestPlaceIsKeptForItsTime(t *testing.T) {
	var d directory
	d.body.Store(answerOf(3600, `"up"`, `"one"`))
	b := d.openAt(t, nil)
	if d.asked.Load() != 0 {
		t.Error("Open asked for the place")
	}
	for range 3 {
		if got := urlOf(t, b); got != "http://one/k" {
			t.Errorf("downloads are at %s", got)
		}
	}
	if asked := d.asked.Load(); asked != 1 {
		t.Errorf("the place was asked for %d times", asked)
	}
	if left := time.Until(b.located.Load().ends); left > time.Hour || left < 50*time.Minute {
		t.Errorf("the place is kept for %s", left)
	}
	age := func() {
		old := *b.located.Load()
		old.ends = time.Now().Add(-time.Second)
		b.located.Store(&old)
	}
	age()
	d.body.Store("")
	if got := urlOf(t, b); got != "http://one/k" || d.asked.Load() != 2 {
		t.Errorf("while nobody knows better, downloads are at %s", got)
	}
	age()
	d.body.Store(answerOf(0, `"up"`, `"two","three"`))
	if got := urlOf(t, b); got != "http://two/k" {
		t.Errorf("after its time downloads are at %s", got)
	}
	if left := time.Until(b.located.Load().ends); left < shortestPlace/2 {
		t.Errorf("a place without a ttl is kept for %s", left)
	}
}

func TestForeignPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		body, want string
		kind       driver.Kind
	}{
		"no JSON":   {"<html>", "does not speak Kodo", driver.KindInvalidArgument},
		"no host":   {`{"hosts":[]}`, "does not speak Kodo", driver.KindInvalidArgument},
		"no up":     {answerOf(1, "", `"one"`), "does not speak Kodo", driver.KindInvalidArgument},
		"no source": {answerOf(1, `"up"`, ""), "set the option domain", driver.KindInvalidArgument},
		"failure":   {"", "internal server error", driver.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var d directory
			d.body.Store(test.body)
			_, err := d.openAt(t, nil).SignGet(t.Context(), driver.GetRequest{Key: "k"})
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v (%v), want %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

func TestDomainReplacesTheSource(t *testing.T) {
	var d directory
	d.body.Store(answerOf(1, `"up"`, ""))
	if got := urlOf(t, d.openAt(t, map[string]string{"domain": "https://cdn.example"})); got != "https://cdn.example/k" {
		t.Errorf("downloads are at %s", got)
	}
}

func TestBadLocations(t *testing.T) {
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	for name, test := range map[string]struct {
		bucket, credentials, option, value, want string
		kind                                     driver.Kind
	}{
		"bucket":    {"a/b", "env:GOOD", "", "", "no bucket name", driver.KindInvalidArgument},
		"endpoint":  {suite, "env:GOOD", "endpoint", "ftp://h", "option endpoint", driver.KindInvalidArgument},
		"domain":    {suite, "env:GOOD", "domain", "https://h/path", "option domain", driver.KindInvalidArgument},
		"resolve":   {suite, "env:GOOD", "resolve", "h", "option resolve", driver.KindInvalidArgument},
		"unknown":   {suite, "env:GOOD", "region", "z0", `option "region"`, driver.KindInvalidArgument},
		"anonymous": {suite, "anonymous", "", "", "give the location credentials", driver.KindInvalidArgument},
		"no keys":   {suite, "env:NOBODYS", "", "", "NOBODYS_ACCESS_KEY_ID", driver.KindDenied},
	} {
		t.Run(name, func(t *testing.T) {
			options := map[string]string{}
			if test.option != "" {
				options[test.option] = test.value
			}
			_, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: test.bucket, Credentials: test.credentials, Options: options})
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v (%v), want %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

func TestIdentityIsOfTheBucket(t *testing.T) {
	server := startEmulator(t)
	one := openBucket(t, suite, server.Endpoint, nil).Session().Identity
	if two := openBucket(t, suite, server.Endpoint, map[string]string{"domain": "https://cdn.example"}).Session().Identity; one != two {
		t.Errorf("one bucket is %s and %s", one, two)
	}
	if two := openBucket(t, other, server.Endpoint, nil).Session().Identity; one == two {
		t.Errorf("two buckets are %s", one)
	}
}

func TestReachCopy(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	source := func(name, endpoint string) driver.CopySource {
		return driver.CopySource{Bucket: name, Options: at(t, name, "", endpoint, nil).Options}
	}
	if err := c.ReachCopy(t.Context(), source(other, server.Endpoint)); err != nil {
		t.Errorf("another bucket of the account: %v", err)
	}
	err := c.ReachCopy(t.Context(), source(other, "http://127.0.0.1:9"))
	if driver.KindOf(err) != driver.KindUnsupported || !strings.Contains(err.Error(), "another Kodo") {
		t.Errorf("another Kodo: %v", err)
	}
	elsewhere := *c.located.Load()
	elsewhere.region = "na0"
	c.located.Store(&elsewhere)
	err = c.ReachCopy(t.Context(), source(other, server.Endpoint))
	if driver.KindOf(err) != driver.KindUnsupported || !strings.Contains(err.Error(), "the source is in z0, the destination in na0") {
		t.Errorf("another region: %v", err)
	}
}

func TestCopiesBetweenBuckets(t *testing.T) {
	server := startEmulator(t)
	from, to := newClient(t, server, other), newClient(t, server, suite)
	if _, err := from.put("a/../b", "hello", driver.Attributes{StorageClass: "LINE"}); err != nil {
		t.Fatal(err)
	}
	object, err := from.Stat(t.Context(), driver.StatRequest{Key: "a/../b"})
	if err != nil {
		t.Fatal(err)
	}
	request := driver.CopyObjectRequest{Source: driver.CopySource{Bucket: other}, Object: object, Key: "copy"}
	made, err := to.CopyObject(t.Context(), request)
	if err != nil || made.ETag != object.ETag || made.StorageClass != "LINE" || made.Size != 5 {
		t.Errorf("%+v, %v", made, err)
	}
	if counts := server.Counts(t); counts["get"].Out > 0 {
		t.Errorf("%d bytes were read", counts["get"].Out)
	}
	request.Object.ETag = "of an older version"
	if _, err := to.CopyObject(t.Context(), request); driver.KindOf(err) != driver.KindPreconditionFailed {
		t.Errorf("another version: %v", err)
	}
	request.StorageClass = "GLACIER"
	if _, err := to.CopyObject(t.Context(), request); driver.KindOf(err) != driver.KindUnsupported {
		t.Errorf("another class: %v", err)
	}
	if _, err := to.CopyPart(t.Context(), driver.CopyPartRequest{}); driver.KindOf(err) != driver.KindUnsupported {
		t.Errorf("a part: %v", err)
	}
}

// TestRequestsPerObject is what an object costs, as the documentation states it.
func TestRequestsPerObject(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	if _, err := c.put("form", "hello", driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CompleteUpload(t.Context(), c.upload("parts", "hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stat(t.Context(), driver.StatRequest{Key: "form"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"v4/query": 1, "upload": 1, "initiateMultipartUpload": 1, "uploadPart": 1, "completeMultipartUpload": 1, "stat": 1, "head": 1}
	for op, count := range server.Counts(t) {
		if count.Requests != want[op] || count.Refused != 0 {
			t.Errorf("%s: %+v, want %d requests", op, count, want[op])
		}
	}
}
