package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   driver.Kind
		code   string
	}{
		"expired token":     {401, `{"error":"token out of date"}`, driver.KindExpired, ""},
		"expired, reworded": {401, `{"error":"expired token"}`, driver.KindExpired, ""},
		"bad token":         {401, `{"error":"bad token"}`, driver.KindDenied, ""},
		"skewed clock":      {403, `{"error":"request time too skewed"}`, driver.KindExpired, ""},
		"scope":             {403, `{"error":"key doesn't match scope"}`, driver.KindDenied, ""},
		"archived":          {403, `{"error":"the file is archived: restore it first"}`, driver.KindFrozen, ""},
		"archived, as S3":   {403, `{"error":"x","error_code":"InvalidObjectState"}`, driver.KindFrozen, "InvalidObjectState"},
		"checksum":          {406, `{"error":"crc32 mismatch"}`, driver.KindIntegrity, ""},
		"too large":         {413, `{"error":"exceed FsizeLimit"}`, driver.KindInvalidArgument, ""},
		"account frozen":    {419, `{"error":"user disabled"}`, driver.KindDenied, ""},
		"origin fetch":      {478, `{"error":"origin"}`, driver.KindUnavailable, ""},
		"throttled":         {573, `{"error":"too many requests"}`, driver.KindThrottled, ""},
		"overloaded":        {503, `{"error":"busy"}`, driver.KindThrottled, ""},
		"internal":          {599, `{"error":"x"}`, driver.KindUnavailable, ""},
		"changed":           {608, `{"error":"file content or metadata modified"}`, driver.KindPreconditionFailed, ""},
		"no object":         {612, `{"error":"no such file or directory"}`, driver.KindNotFound, ""},
		"no access key":     {612, `{"error":"app/accesskey is not found"}`, driver.KindDenied, ""},
		"exists":            {614, `{"error":"file exists"}`, driver.KindPreconditionFailed, ""},
		"no bucket":         {631, `{"error":"no such bucket"}`, driver.KindNotFound, driver.CodeNoSuchBucket},
		"bad marker":        {640, `{"error":"invalid list marker"}`, driver.KindInvalidArgument, ""},
		"no context":        {701, `{"error":"invalid ctx"}`, driver.KindNotFound, ""},
		"no document":       {404, `{"error":"Document not found"}`, driver.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure := refused(control.Answer{Status: test.status, Header: http.Header{"X-Reqid": {"id"}}, Body: []byte(test.body)})
			if failure.Kind != test.want || failure.Code != test.code || failure.RequestID != "id" || failure.Message == "" {
				t.Errorf("%+v, want kind %q and code %q", failure, test.want, test.code)
			}
		})
	}
}

// client has an open bucket and what sends its exchanges.
type client struct {
	*bucket
	t        *testing.T
	executor *drivertest.Executor
}

func newClient(t *testing.T, server *servers.Emulator, name string) client {
	t.Helper()
	b := openBucket(t, name, server.Endpoint, nil)
	return client{b, t, newExecutor(t, b)}
}

func (c client) put(key, body string, attributes driver.Attributes) (drivertest.Answer, error) {
	c.t.Helper()
	exchange, err := c.SignPut(c.t.Context(), driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.executor.Do(c.t.Context(), exchange, drivertest.Send{Body: []byte(body)})
}

// upload begins an upload and sends its only part.
func (c client) upload(key, body string) driver.CompleteUploadRequest {
	c.t.Helper()
	upload, err := c.CreateUpload(c.t.Context(), driver.CreateUploadRequest{Key: key})
	if err != nil {
		c.t.Fatal(err)
	}
	if left := time.Until(upload.Expires); left < 6*24*time.Hour || left > 8*24*time.Hour {
		c.t.Errorf("the upload ends in %s, want seven days", left)
	}
	exchange, err := c.SignPart(c.t.Context(), driver.PartRequest{Upload: upload.UploadRef, Number: 1, Size: int64(len(body))})
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.executor.Do(c.t.Context(), exchange, drivertest.Send{Body: []byte(body)})
	if err != nil {
		c.t.Fatal(err)
	}
	return driver.CompleteUploadRequest{Upload: upload.UploadRef, Size: int64(len(body)), Parts: []driver.Part{{Number: 1, ETag: answer.ETag}}}
}

// TestStoredThoughTheCallbackFailed proves that 579 is a success, for the object is there.
func TestStoredThoughTheCallbackFailed(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	server.Inject(t, servers.Fault{"op": "upload", "do": "579"}, servers.Fault{"op": "completeMultipartUpload", "do": "579"})
	if answer, err := c.put("form", "hello", driver.Attributes{}); err != nil || answer.Status != callbackFailed || len(answer.Checksums) != 1 {
		t.Errorf("form: %d, %v, %v", answer.Status, answer.Checksums, err)
	}
	object, err := c.CompleteUpload(t.Context(), c.upload("parts", "hello"))
	if err != nil || object.ETag == "" || len(object.Checksums) != 1 {
		t.Errorf("upload: %+v, %v", object, err)
	}
}

func TestThrottled(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	server.Inject(t, servers.Fault{"op": "upload", "do": "573"}, servers.Fault{"op": "list", "do": "573"}, servers.Fault{"op": "get", "do": "573"})
	_, put := c.put("k", "hello", driver.Attributes{})
	_, list := c.List(t.Context(), driver.ListRequest{})
	get, err := c.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	_, got := c.executor.Do(t.Context(), get, drivertest.Send{})
	for name, err := range map[string]error{"put": put, "list": list, "get": got} {
		if driver.KindOf(err) != driver.KindThrottled {
			t.Errorf("%s: %v (%v), want throttled", name, err, driver.KindOf(err))
		}
	}
}

// TestUploadsThatAreGone proves that 612 and 701 say so, whoever is told.
func TestUploadsThatAreGone(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	for _, gone := range []string{"612", "701"} {
		request := c.upload("k", "hello")
		for _, op := range []string{"completeMultipartUpload", "listParts", "uploadPart"} {
			server.Inject(t, servers.Fault{"op": op, "do": gone})
		}
		_, complete := c.CompleteUpload(t.Context(), request)
		_, list := c.ListParts(t.Context(), driver.ListPartsRequest{Upload: request.Upload})
		exchange, err := c.SignPart(t.Context(), driver.PartRequest{Upload: request.Upload, Number: 1, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, part := c.executor.Do(t.Context(), exchange, drivertest.Send{Body: []byte("x")})
		for name, err := range map[string]error{"complete": complete, "list": list, "part": part} {
			if driver.KindOf(err) != driver.KindNotFound {
				t.Errorf("%s after %s: %v (%v), want not found", name, gone, err, driver.KindOf(err))
			}
		}
	}
}

// TestAnswersOfOthers proves that an answer without Kodo's headers is none, though its
// status is that of a success.
func TestAnswersOfOthers(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	if _, err := c.put("k", "hello", driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	request := c.upload("parts", "hello")
	for name, call := range map[string]func() error{
		"delete":                  func() error { return c.Delete(t.Context(), driver.DeleteRequest{Key: "k"}) },
		"stat":                    func() error { _, err := c.Stat(t.Context(), driver.StatRequest{Key: "k"}); return err },
		"list":                    func() error { _, err := c.List(t.Context(), driver.ListRequest{}); return err },
		"completeMultipartUpload": func() error { _, err := c.CompleteUpload(t.Context(), request); return err },
		"abortMultipartUpload":    func() error { return c.AbortUpload(t.Context(), request.Upload) },
	} {
		server.Inject(t, servers.Fault{"op": name, "do": "no-reqid"})
		if err := call(); driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), "X-Reqid") {
			t.Errorf("%s: %v (%v), want unavailable", name, err, driver.KindOf(err))
		}
	}
	if _, err := c.Stat(t.Context(), driver.StatRequest{Key: "k"}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSecretsOfRefusalsAreConcealed proves it for what a store, or a proxy, echoes.
func TestSecretsOfRefusalsAreConcealed(t *testing.T) {
	server := startEmulator(t)
	c := newClient(t, server, suite)
	server.Inject(t, servers.Fault{"op": "list", "do": "error", "status": 500, "code": "x",
		"message": "GET /k?e=1&token=ak:canary1 with UpToken ak:canary2:eyJ and Qiniu ak:canary3"})
	_, err := c.List(t.Context(), driver.ListRequest{})
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "…") {
		t.Errorf("%v", err)
	}
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Bucket != suite || failure.Op != "List" || failure.RequestID == "" {
		t.Errorf("%+v", failure)
	}
}

func TestDeletingIsOfObjectsOnly(t *testing.T) {
	t.Parallel()
	for _, err := range []*driver.Error{{Status: 612, Kind: driver.KindDenied}, {Status: 631, Kind: driver.KindNotFound}} {
		if unless(612, err) == nil {
			t.Errorf("%+v is forgiven", err)
		}
	}
	if err := unless(612, &driver.Error{Status: 612, Kind: driver.KindNotFound}); err != nil {
		t.Error(err)
	}
}
