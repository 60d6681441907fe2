package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status        int
		code, message string
		want          driver.Kind
	}{
		"slow down":             {503, "SlowDown", "", driver.KindThrottled},
		"any 503":               {503, "ServiceUnavailable", "", driver.KindThrottled},
		"any 429":               {429, "", "", driver.KindThrottled},
		"internal":              {500, "InternalError", "", driver.KindUnavailable},
		"skewed":                {403, "RequestTimeTooSkewed", "", driver.KindExpired},
		"expired signature":     {403, "AccessDenied", "Request has expired", driver.KindExpired},
		"expired token":         {400, "ExpiredToken", "", driver.KindExpired},
		"missing right":         {403, "AccessDenied", "Access Denied.", driver.KindDenied},
		"missing right, late":   {200, "AccessDenied", "Access Denied.", driver.KindDenied},
		"wrong signature":       {403, "SignatureDoesNotMatch", "", driver.KindDenied},
		"archived":              {403, "InvalidObjectState", "", driver.KindFrozen},
		"refused type":          {403, "DownloadForbidden", "", driver.KindUnsupported},
		"path style":            {403, "PathStyleDomainForbidden", "", driver.KindInvalidArgument},
		"wrong digest":          {400, "BadDigest", "", driver.KindIntegrity},
		"wrong length":          {400, "EntitySizeNotMatch", "", driver.KindIntegrity},
		"cut body":              {400, "IncompleteBody", "", driver.KindUnavailable},
		"another version":       {412, "PreconditionFailed", "", driver.KindPreconditionFailed},
		"another version, late": {200, "PreconditionFailed", "", driver.KindPreconditionFailed},
		"no object":             {404, "NoSuchKey", "", driver.KindNotFound},
		"no upload, late":       {200, "NoSuchUpload", "", driver.KindNotFound},
		"late failure":          {200, "InternalError", "", driver.KindUnavailable},
		"gap":                   {400, "InvalidPart", "", driver.KindInvalidArgument},
		"refused class":         {400, "InvalidStorageClass", "", driver.KindInvalidArgument},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := control.Refusal{Status: test.status, Code: test.code, Message: test.message, Header: http.Header{"X-Cos-Request-Id": {"id"}}}
			if failure := dialect.Failure(refused); failure.Kind != test.want || failure.RequestID != "id" {
				t.Errorf("%+v is %s with request id %q, want %s", refused, failure.Kind, failure.RequestID, test.want)
			}
		})
	}
}

// TestRefusalsOfCalls proves that calls say what the store said.
func TestRefusalsOfCalls(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	server.Inject(t, servers.Fault{"op": "GetBucket", "do": "error", "status": 503, "code": "SlowDown", "message": "slow", "retryAfter": 7})
	_, err := b.List(t.Context(), driver.ListRequest{})
	failure := wantFailure(t, err, driver.KindThrottled)
	if failure.RetryAfter.Seconds() != 7 || failure.Code != "SlowDown" || failure.RequestID == "" || failure.Op != "List" || failure.Bucket != suite {
		t.Errorf("List = %+v", failure)
	}
	server.Inject(t, servers.Fault{"op": "HeadObject", "do": "reset", "times": 3})
	_, err = b.Stat(t.Context(), driver.StatRequest{Key: "k"})
	wantFailure(t, err, driver.KindUnavailable)
	server.Inject(t, servers.Fault{"op": "GetObject", "do": "archived"})
	b.wantExchange(t, clientOf(t, server), "archived", driver.KindFrozen)
}

// wantExchange writes an object and wants its GET to fail.
func (b *bucket) wantExchange(t *testing.T, client *http.Client, key string, want driver.Kind) {
	t.Helper()
	b.put(t, client, key, "body", driver.Attributes{})
	exchange, err := b.SignGet(t.Context(), driver.GetRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	refused := dialect.ReadRefusal(send(t, client, exchange, nil))
	if kind := driver.Classify(exchange.Reply.Error.Rules, refused.Status, refused.Code, refused.Message); kind != want {
		t.Errorf("GET of %s is %s (%d %s), want %s", key, kind, refused.Status, refused.Code, want)
	}
}

// put writes an object.
func (b *bucket) put(t *testing.T, client *http.Client, key, body string, attributes driver.Attributes) {
	t.Helper()
	exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	if answer := send(t, client, exchange, []byte(body)); answer.Status != http.StatusOK {
		t.Fatalf("put of %s = %d %s", key, answer.Status, answer.Body)
	}
}

func wantFailure(t *testing.T, err error, want driver.Kind) driver.Error {
	t.Helper()
	failure, ok := err.(*driver.Error) //nolint:errorlint // methods return it unwrapped
	if !ok {
		t.Fatalf("error %v, want one of kind %s", err, want)
	}
	if failure.Kind != want {
		t.Errorf("%v is %s, want %s", err, failure.Kind, want)
	}
	return *failure
}

// TestErrorsConcealSecrets lets a store, or a proxy before it, repeat what it got.
func TestErrorsConcealSecrets(t *testing.T) {
	t.Setenv("STS_ACCESS_KEY_ID", accessKey)
	t.Setenv("STS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("STS_SESSION_TOKEN", "the-token-of-a-role")
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>" +
			strings.ReplaceAll(r.Header.Get("Authorization")+" "+r.Header.Get("X-Cos-Security-Token"), "&", "&amp;") + "</Message></Error>"))
	})
	b := openAt(t, "env:STS", map[string]string{"endpoint": echo})
	_, err := b.List(t.Context(), driver.ListRequest{})
	message := wantFailure(t, err, driver.KindDenied).Message
	if !strings.Contains(message, "q-signature=…") || strings.Contains(message, "the-token") {
		t.Errorf("the message shows a secret: %s", message)
	}
}

// TestForeignAnswers lets something else stand at the endpoint.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>welcome"))
	})
	b := openAt(t, "anonymous", map[string]string{"endpoint": page})
	ref := driver.UploadRef{Key: "k", ID: "u"}
	calls := map[string]func() error{
		"List":        func() error { _, err := b.List(t.Context(), driver.ListRequest{}); return err },
		"Stat":        func() error { _, err := b.Stat(t.Context(), driver.StatRequest{Key: "k"}); return err },
		"Tags":        func() error { _, err := b.Tags(t.Context(), driver.StatRequest{Key: "k"}); return err },
		"ListParts":   func() error { _, err := b.ListParts(t.Context(), driver.ListPartsRequest{Upload: ref}); return err },
		"ListUploads": func() error { _, err := b.ListUploads(t.Context(), driver.ListUploadsRequest{}); return err },
		"CreateUpload": func() error {
			_, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			return err
		},
		"CompleteUpload": func() error {
			_, err := b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1}}})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), "does not speak COS") {
			t.Errorf("%s of a web page = %v (%v)", name, err, driver.KindOf(err))
		}
	}
}
