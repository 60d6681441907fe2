package integration

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/tests/servers"
)

// door stands in front of a store and writes down what was asked for, by kind of request:
// the headers of wishes, and whether the signature covers them.
type door struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]map[string]string
}

var wishHeaders = []string{
	"x-amz-acl", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
	"x-amz-server-side-encryption-bucket-key-enabled", "x-amz-request-payer",
}

func startDoor(t *testing.T, store *realStore) *door {
	t.Helper()
	target, err := url.Parse(store.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{seen: map[string]map[string]string{}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.remember(r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(d.Close)
	store.Endpoint = d.URL
	return d
}

// kind names a request by its method, and what it is about.
func kind(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("list-type"):
		return "list"
	case query.Has("uploads"):
		return r.Method + " uploads"
	case query.Has("tagging"):
		return "tags"
	case query.Has("uploadId"):
		return r.Method + " upload"
	}
	return r.Method
}

func (d *door) remember(r *http.Request) {
	wishes := map[string]string{}
	signed := r.Header.Get("Authorization") + r.URL.Query().Get("X-Amz-SignedHeaders")
	for _, name := range wishHeaders {
		if value := r.Header.Get(name); value != "" {
			wishes[name] = value
			if !strings.Contains(signed, name) {
				wishes[name] += ", not signed"
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := kind(r)
	if before, known := d.seen[name]; known && !maps.Equal(before, wishes) {
		name += " otherwise"
	}
	d.seen[name] = wishes
}

// TestWishesArrive runs the real plugins: what the flags ask for is in the requests, signed,
// and nowhere else. versitygw takes what it does not implement for done, so the requests are
// looked at on their way.
func TestWishesArrive(t *testing.T) {
	t.Parallel()
	source, destination := startReal(t, servers.VersityGW, "SRC"), startReal(t, servers.VersityGW, "DST")
	for i, size := range []int{0, 1000, 300 << 10, 11 << 20} {
		if err := source.put(t.Context(), fmt.Sprint(i), content(fmt.Sprint(i), size), attributes("a")); err != nil {
			t.Fatal(err)
		}
	}
	in, out := startDoor(t, source), startDoor(t, destination)
	p := newProgram(t, append(source.keys(), destination.keys()...)...)
	report := p.must(0, append([]string{"sync", source.at(""), destination.at(""), "--json", "--requester-pays", "--tags",
		"--acl=bucket-owner-full-control", "--sse=aws:kms=alias/k"}, inParts...)...).report(t)
	if report.Objects.Copied != 4 {
		t.Errorf("%+v", report.Objects)
	}
	pays := map[string]string{"x-amz-request-payer": "requester"}
	kept := map[string]string{
		"x-amz-acl": "bucket-owner-full-control", "x-amz-server-side-encryption": "aws:kms",
		"x-amz-server-side-encryption-aws-kms-key-id": "alias/k", "x-amz-server-side-encryption-bucket-key-enabled": "true",
	}
	if diff := cmp.Diff(map[string]map[string]string{"list": pays, "GET": pays, "HEAD": pays, "tags": pays}, in.seen); diff != "" {
		t.Errorf("requests to the source (-want +got):\n%s", diff)
	}
	want := map[string]map[string]string{
		"list": {}, "PUT": kept, "GET uploads": {}, "POST uploads": kept, "PUT upload": {}, "POST upload": {},
		"HEAD": {}, "GET": {}, // what became of the upload, and what the destination keeps
	}
	if diff := cmp.Diff(want, out.seen); diff != "" {
		t.Errorf("requests to the destination (-want +got):\n%s", diff)
	}
}
