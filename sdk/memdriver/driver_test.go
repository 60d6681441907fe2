package memdriver_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/memdriver"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*driver.OpenRequest)
		kind   driver.Kind
		says   string
	}{
		"no bucket":           {func(r *driver.OpenRequest) { r.Bucket = "" }, driver.KindInvalidArgument, "bucket name"},
		"a slash in a bucket": {func(r *driver.OpenRequest) { r.Bucket = "a/b" }, driver.KindInvalidArgument, "bucket name"},
		"no endpoint":         {func(r *driver.OpenRequest) { delete(r.Options, "endpoint") }, driver.KindInvalidArgument, "endpoint"},
		"an odd endpoint":     {func(r *driver.OpenRequest) { r.Options["endpoint"] = "https://x" }, driver.KindInvalidArgument, "endpoint"},
		"an endpoint's path":  {func(r *driver.OpenRequest) { r.Options["endpoint"] += "/path" }, driver.KindInvalidArgument, "endpoint"},
		"an unknown option":   {func(r *driver.OpenRequest) { r.Options["endpiont"] = "x" }, driver.KindInvalidArgument, `"endpiont"`},
		"an odd framing":      {func(r *driver.OpenRequest) { r.Options["framing"] = "x" }, driver.KindInvalidArgument, "raw, form, trailer"},
		"an odd part size":    {func(r *driver.OpenRequest) { r.Options["min-part"] = "0" }, driver.KindInvalidArgument, "min-part"},
		"no credentials":      {func(r *driver.OpenRequest) { r.Credentials = "" }, driver.KindDenied, "env:PREFIX"},
		"unset credentials":   {func(r *driver.OpenRequest) { r.Credentials = "env:NONE" }, driver.KindDenied, "NONE_SECRET_ACCESS_KEY"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := driver.OpenRequest{Bucket: "box", Credentials: "env:GOOD", Options: map[string]string{"endpoint": "http://127.0.0.1:1"}}
			test.change(&request)
			_, err := memdriver.New(environment).Open(t.Context(), request)
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("err = %v, want kind %q and %q in it", err, test.kind, test.says)
			}
		})
	}
}

func TestBucketRefuses(t *testing.T) {
	t.Parallel()
	bucket := openBox(t, newServer(t, memdriver.Config{}), nil)
	put := func(a driver.Attributes) func() error {
		return func() error {
			_, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "key", Attributes: a})
			return err
		}
	}
	tests := map[string]struct {
		call func() error
		kind driver.Kind
	}{
		"a long key": {func() error {
			_, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: strings.Repeat("k", 1025)})
			return err
		}, driver.KindInvalidArgument},
		"a version": {func() error {
			_, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "key", VersionID: "1"})
			return err
		}, driver.KindUnsupported},
		"a negative size": {func() error {
			_, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "key", Size: -1})
			return err
		}, driver.KindInvalidArgument},
		"a foreign token": {func() error {
			_, err := bucket.List(t.Context(), driver.ListRequest{Token: "not hex"})
			return err
		}, driver.KindInvalidArgument},
		"a negative page": {func() error {
			_, err := bucket.List(t.Context(), driver.ListRequest{MaxKeys: -1})
			return err
		}, driver.KindInvalidArgument},
		"a line break":       {put(driver.Attributes{CacheControl: "a\nb"}), driver.KindInvalidArgument},
		"an outer blank":     {put(driver.Attributes{ContentType: " text/plain"}), driver.KindInvalidArgument},
		"an upper-case name": {put(driver.Attributes{Metadata: []driver.Metadata{{Name: "Owner"}}}), driver.KindInvalidArgument},
		"a name twice":       {put(driver.Attributes{Metadata: []driver.Metadata{{Name: "a"}, {Name: "a"}}}), driver.KindInvalidArgument},
		"names out of order": {put(driver.Attributes{Metadata: []driver.Metadata{{Name: "b"}, {Name: "a"}}}), driver.KindInvalidArgument},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.call(); driver.KindOf(err) != test.kind {
				t.Errorf("err = %v, want kind %q", err, test.kind)
			}
		})
	}
}

// TestDataOutlivesDriver closes one driver's bucket and finds its object with
// another over the other endpoint, as after the restart of a plugin.
func TestDataOutlivesDriver(t *testing.T) {
	t.Parallel()
	server := newServer(t, memdriver.Config{})
	first := openBox(t, server, nil)
	exchange, err := first.SignPut(t.Context(), driver.PutRequest{Key: "key", Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newExecutor(t).Do(t.Context(), exchange, drivertest.Send{Body: []byte("body")}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openBox(t, server, map[string]string{"endpoint": server.SocketEndpoint()})
	if object, err := second.Stat(t.Context(), driver.StatRequest{Key: "key"}); err != nil || object.Size != 4 {
		t.Errorf("stat returned %+v, %v", object, err)
	}
	if first.Session().Identity != second.Session().Identity {
		t.Errorf("one bucket has the identities %q and %q", first.Session().Identity, second.Session().Identity)
	}
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sizes  []int
		change func(*driver.CompleteUploadRequest)
		code   string
	}{
		"nothing wrong":   {[]int{1024, 1}, func(*driver.CompleteUploadRequest) {}, ""},
		"a small part":    {[]int{1023, 1}, func(*driver.CompleteUploadRequest) {}, "EntityTooSmall"},
		"no parts":        {[]int{1}, func(r *driver.CompleteUploadRequest) { r.Parts = nil }, "InvalidArgument"},
		"a gap":           {[]int{1024, 1}, func(r *driver.CompleteUploadRequest) { r.Parts = r.Parts[1:] }, "InvalidPartOrder"},
		"an unknown part": {[]int{1024}, func(r *driver.CompleteUploadRequest) { r.Parts = append(r.Parts, driver.Part{Number: 2}) }, "InvalidPart"},
		"another ETag":    {[]int{1}, func(r *driver.CompleteUploadRequest) { r.Parts[0].ETag = "x" }, "InvalidPart"},
		"another size":    {[]int{1}, func(r *driver.CompleteUploadRequest) { r.Size++ }, "InvalidSize"},
		"another key":     {[]int{1}, func(r *driver.CompleteUploadRequest) { r.Upload.Key = "other" }, "NoSuchUpload"},
		"another checksum": {[]int{1}, func(r *driver.CompleteUploadRequest) {
			r.Checksum = driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "12345678"}
		}, "BadDigest"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, memdriver.Config{})
			bucket := openBox(t, server, map[string]string{"min-part": "1024"})
			request := sendParts(t, bucket, test.sizes)
			test.change(&request)
			_, err := bucket.(driver.Uploader).CompleteUpload(t.Context(), request)
			if code := codeOf(err); code != test.code {
				t.Errorf("err = %v, want code %q", err, test.code)
			}
			if uploads := server.Uploads("box"); (len(uploads) == 0) != (test.code == "") {
				t.Errorf("%d uploads are open after code %q", len(uploads), test.code)
			}
		})
	}
}

// sendParts begins an upload, sends parts of these sizes and returns the request
// that completes it.
func sendParts(t *testing.T, bucket driver.Bucket, sizes []int) driver.CompleteUploadRequest {
	t.Helper()
	uploader := bucket.(driver.Uploader)
	upload, err := uploader.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	request := driver.CompleteUploadRequest{Upload: upload.UploadRef}
	executor := newExecutor(t)
	for i, size := range sizes {
		exchange, err := uploader.SignPart(t.Context(), driver.PartRequest{Upload: upload.UploadRef, Number: i + 1, Size: int64(size)})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := executor.Do(t.Context(), exchange, drivertest.Send{Body: make([]byte, size)})
		if err != nil {
			t.Fatal(err)
		}
		request.Size += int64(size)
		request.Parts = append(request.Parts, driver.Part{Number: i + 1, Size: int64(size), ETag: answer.ETag})
	}
	return request
}

// TestDescriptionIsNotShared guards the description against its readers.
func TestDescriptionIsNotShared(t *testing.T) {
	t.Parallel()
	memdriver.Description().Options[0].Name = "changed"
	names := map[string]bool{}
	for _, option := range memdriver.Description().Options {
		names[option.Name] = true
	}
	want := map[string]bool{"endpoint": true, "framing": true, "listing": true, "replies": true, "min-part": true}
	if !maps.Equal(names, want) {
		t.Errorf("options are %v, want %v", names, want)
	}
}
