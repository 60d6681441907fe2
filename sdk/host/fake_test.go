package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/sdk/plugin"
)

// TestMain lets this test binary be the plugin under test: started under a
// plugin's name, it serves the fake driver.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "dth-plugin-") {
		plugin.Serve(fakeDriver{})
		return
	}
	os.Exit(m.Run())
}

// install puts this binary where a plugin would be and returns its manifest.
func install(tb testing.TB, name string) host.Manifest {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	binary := filepath.Join(dir, "dth-plugin-"+name)
	if err := os.Symlink(self, binary); err != nil {
		tb.Fatal(err)
	}
	content := fmt.Sprintf("name: %s\ntitle: Fake\nprotocol: [1]\nenvironment:\n  always: [DTH_FAKE_*]\n  default-credentials: [FAKE_DEFAULT]\n", name)
	if err := os.WriteFile(binary+".yaml", []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	manifest, err := host.ReadManifest(binary + ".yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return manifest
}

// open opens a bucket of the fake driver in a process of its own.
func open(tb testing.TB, options host.Options) driver.Bucket {
	tb.Helper()
	bucket, err := host.Open(tb.Context(), install(tb, "fake"), driver.OpenRequest{Bucket: "b"}, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := bucket.Close(); err != nil {
			tb.Error(err)
		}
	})
	return bucket
}

// pidOf returns the process that answers the bucket's calls.
func pidOf(tb testing.TB, bucket driver.Bucket) int {
	tb.Helper()
	object, err := bucket.Stat(tb.Context(), driver.StatRequest{Key: "pid"})
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(object.ETag)
	if err != nil {
		tb.Fatal(err)
	}
	return pid
}

// fakeDriver does what keys and bucket names tell it to.
type fakeDriver struct{}

func (fakeDriver) Describe(context.Context) (driver.Description, error) {
	return driver.Description{
		Name: "fake", Title: "Fake", Version: "1.2.3",
		Options: []driver.Option{{Name: "mode", Summary: "How", Default: "a", Values: []string{"a", "b"}, Required: true}},
	}, nil
}

func (fakeDriver) Open(_ context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	if request.Bucket == "denied" {
		return nil, &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: "no such profile"}
	}
	return &fakeBucket{name: request.Bucket}, nil
}

type fakeBucket struct{ name string }

func (b *fakeBucket) Session() driver.Session {
	session := driver.Session{
		Identity: "fake/" + b.name, Capabilities: []driver.Capability{driver.CapabilityUploader},
		Limits: driver.Limits{MaxParts: 10, ListOrdered: true}, Expires: time.Unix(1e9, 0).UTC(),
	}
	if b.name == "plain" {
		session.Capabilities = nil
	}
	return session
}

func (b *fakeBucket) List(_ context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page := driver.ListPage{Next: request.Token + "\xff"}
	for i := range request.MaxKeys {
		page.Objects = append(page.Objects, driver.Object{
			Key: fmt.Sprintf("%s%06d", request.Prefix, i), Size: int64(i), ETag: fmt.Sprintf("etag-%06d", i), Modified: time.Unix(int64(i)+1, 0).UTC(),
		})
	}
	return page, nil
}

// Stat runs the key as a command.
func (b *fakeBucket) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	command, argument, _ := strings.Cut(request.Key, " ")
	switch command {
	case "pid":
		return driver.Object{Key: request.Key, ETag: strconv.Itoa(os.Getpid())}, nil
	case "environment":
		environ, err := os.ReadFile("/proc/self/environ")
		return driver.Object{Key: request.Key, ETag: string(environ)}, err
	case "stdin":
		n, err := os.Stdin.Read(make([]byte, 1))
		return driver.Object{Key: fmt.Sprint(n, err)}, nil
	case "print":
		for range 10_000 {
			fmt.Println("a stray print of a careless driver")
			fmt.Fprintln(os.Stderr, "and another")
		}
	case "raw-print":
		line := []byte(strings.Repeat("x", 200<<10))
		for range 4 {
			if _, err := syscall.Write(1, line); err != nil {
				return driver.Object{}, err
			}
		}
	case "panic":
		panic("boom https://host/key?X-Amz-Signature=canary done")
	case "exit":
		fmt.Fprintln(os.Stderr, "fatal error: exit was asked for")
		os.Exit(3)
	case "exit-once":
		if os.Mkdir(argument, 0o700) == nil {
			os.Exit(3)
		}
	case "hang":
		select {}
	case "wait":
		<-ctx.Done()
		return driver.Object{}, ctx.Err()
	case "error":
		return driver.Object{}, &driver.Error{
			Op: "Stat", Bucket: b.name, Key: request.Key, Kind: driver.KindThrottled, Code: "SlowDown", Status: 503,
			RequestID: "r-1", RetryAfter: 3 * time.Second, Message: "please slow down",
		}
	case "plain-error":
		return driver.Object{}, errors.New("plain")
	}
	return driver.Object{Key: request.Key}, nil
}

func (b *fakeBucket) Delete(context.Context, driver.DeleteRequest) error { return nil }
func (b *fakeBucket) Close() error                                       { return nil }

var getReply = &driver.Reply{
	Accept: []int{http.StatusOK, http.StatusPartialContent}, MetadataPrefix: "x-amz-meta-", RequestID: []string{"x-amz-request-id"},
	Capture: []driver.Capture{{Field: driver.FieldETag, Name: "ETag"}},
	Error:   driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: []driver.ErrorRule{{Code: "NoSuchKey", Kind: driver.KindNotFound}}},
}

var putReply = &driver.Reply{Accept: []int{http.StatusOK}}

// exchange is about as long as one signed for Amazon S3.
func (b *fakeBucket) exchange(method, key string, now time.Time, reply *driver.Reply) driver.Exchange {
	return driver.Exchange{
		Method: method,
		URL:    "https://b.s3.eu-central-1.amazonaws.com/" + key,
		Header: []driver.Header{
			{Name: "Authorization", Value: "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-date, Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"},
			{Name: "X-Amz-Date", Value: "20130524T000000Z"},
			{Name: "X-Amz-Content-Sha256", Value: "UNSIGNED-PAYLOAD"},
			{Name: "Content-Type", Value: "application/octet-stream"},
		},
		Expires: now.Add(15 * time.Minute),
		Reply:   reply,
	}
}

func (b *fakeBucket) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	switch request.Key {
	case "panic":
		panic("boom")
	case "exit":
		os.Exit(3)
	case "hang":
		<-ctx.Done()
		return driver.Exchange{}, ctx.Err()
	case "absent":
		return driver.Exchange{}, &driver.Error{Op: "SignGet", Key: request.Key, Kind: driver.KindNotFound}
	}
	return b.exchange(http.MethodGet, request.Key, request.Now, getReply), nil
}

func (b *fakeBucket) SignPut(_ context.Context, request driver.PutRequest) (driver.Exchange, error) {
	return b.exchange(http.MethodPut, request.Key, request.Now, putReply), nil
}

func (b *fakeBucket) CreateUpload(_ context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	if path, ok := strings.CutPrefix(request.Key, "exit "); ok {
		if err := os.Mkdir(path, 0o700); err != nil {
			fmt.Fprintln(os.Stderr, "panic: created twice")
		}
		fmt.Fprintln(os.Stderr, "panic: create fell over")
		os.Exit(3)
	}
	return driver.Upload{UploadRef: driver.UploadRef{Key: request.Key, ID: "u\xff"}}, nil
}

func (b *fakeBucket) SignPart(_ context.Context, request driver.PartRequest) (driver.Exchange, error) {
	return b.exchange(http.MethodPut, fmt.Sprint(request.Upload.Key, request.Upload.ID, request.Number), request.Now, putReply), nil
}

func (b *fakeBucket) ListParts(context.Context, driver.ListPartsRequest) (driver.PartsPage, error) {
	return driver.PartsPage{Parts: []driver.Part{{Number: 1, Size: 5, ETag: "e"}}, Next: "n"}, nil
}

func (b *fakeBucket) CompleteUpload(_ context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	return driver.Object{Key: request.Upload.Key, Size: request.Size, ETag: fmt.Sprint(len(request.Parts))}, nil
}

func (b *fakeBucket) AbortUpload(context.Context, driver.UploadRef) error { return nil }
