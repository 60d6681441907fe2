package s3driver

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// secret is part of the credentials under test and must show in no error.
const secret = "canary-8d1f"

// openTest opens a bucket with signed requests at the endpoint.
func openTest(t *testing.T, endpoint string) *Bucket {
	t.Helper()
	t.Setenv("TEST_ACCESS_KEY_ID", "AKID")
	t.Setenv("TEST_SECRET_ACCESS_KEY", secret)
	t.Setenv("TEST_SESSION_TOKEN", secret+"-token")
	return openAt(t, endpoint, Profile{Checksums: Checksums{Header: true, UploadWhole: true}, Copies: Copies{Objects: true, Parts: true}}, "env:TEST")
}

// calls are the control calls, by name.
func calls(b *Bucket) map[string]func(context.Context) error {
	ref := driver.UploadRef{Key: "the key", ID: "id"}
	return map[string]func(context.Context) error{
		"List": func(ctx context.Context) error { _, err := b.List(ctx, driver.ListRequest{}); return err },
		"Stat": func(ctx context.Context) error {
			_, err := b.Stat(ctx, driver.StatRequest{Key: "the key"})
			return err
		},
		"Delete": func(ctx context.Context) error { return b.Delete(ctx, driver.DeleteRequest{Key: "the key"}) },
		"CreateUpload": func(ctx context.Context) error {
			_, err := b.CreateUpload(ctx, driver.CreateUploadRequest{Key: "the key"})
			return err
		},
		"ListParts": func(ctx context.Context) error {
			_, err := b.ListParts(ctx, driver.ListPartsRequest{Upload: ref})
			return err
		},
		"CompleteUpload": func(ctx context.Context) error {
			_, err := b.CompleteUpload(ctx, driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "e"}}})
			return err
		},
		"AbortUpload": func(ctx context.Context) error { return b.AbortUpload(ctx, ref) },
		"CopyObject": func(ctx context.Context) error {
			_, err := b.CopyObject(ctx, driver.CopyObjectRequest{Source: driver.CopySource{Bucket: "source"}, Object: driver.Object{Key: "s"}, Key: "the key"})
			return err
		},
		"CopyPart": func(ctx context.Context) error {
			_, err := b.CopyPart(ctx, driver.CopyPartRequest{Source: driver.CopySource{Bucket: "source"}, Object: driver.Object{Key: "s"}, Upload: ref, Number: 1, Size: 1})
			return err
		},
		"Tags": func(ctx context.Context) error {
			_, err := b.Tags(ctx, driver.StatRequest{Key: "the key"})
			return err
		},
		"Restore": func(ctx context.Context) error {
			_, err := b.Restore(ctx, driver.RestoreRequest{Key: "the key", Days: 1})
			return err
		},
		"ListUploads": func(ctx context.Context) error {
			_, err := b.ListUploads(ctx, driver.ListUploadsRequest{})
			return err
		},
	}
}

// TestErrorTable sends every answer to every control call.
func TestErrorTable(t *testing.T) {
	cases := map[string]struct {
		status int
		code   string
		text   string
		want   driver.Kind
	}{
		"slow down":            {503, "SlowDown", "", driver.KindThrottled},
		"throttling":           {400, "ThrottlingException", "", driver.KindThrottled},
		"503 of its own":       {503, "Whatever", "", driver.KindThrottled},
		"internal error":       {500, "InternalError", "", driver.KindUnavailable},
		"gateway":              {502, "Whatever", "", driver.KindUnavailable},
		"request timeout":      {400, "RequestTimeout", "", driver.KindUnavailable},
		"clock":                {403, "RequestTimeTooSkewed", "", driver.KindExpired},
		"token":                {400, "ExpiredToken", "", driver.KindExpired},
		"expired signature":    {403, "AccessDenied", "Request has expired", driver.KindExpired},
		"archived":             {403, "InvalidObjectState", "", driver.KindFrozen},
		"bad digest":           {400, "BadDigest", "", driver.KindIntegrity},
		"cut body":             {400, "IncompleteBody", "", driver.KindIntegrity},
		"hash mismatch":        {400, "XAmzContentSHA256Mismatch", "", driver.KindIntegrity},
		"absent bucket":        {404, "NoSuchBucket", "", driver.KindNotFound},
		"precondition":         {412, "PreconditionFailed", "", driver.KindPreconditionFailed},
		"denied":               {403, "AccessDenied", "no right", driver.KindDenied},
		"unknown key":          {403, "InvalidAccessKeyId", "", driver.KindDenied},
		"wrong secret":         {403, "SignatureDoesNotMatch", "", driver.KindDenied},
		"not implemented":      {501, "NotImplemented", "", driver.KindUnsupported},
		"anything of 400":      {400, "EntityTooSmall", "", driver.KindInvalidArgument},
		"refused without code": {403, "", "", driver.KindDenied},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Amz-Request-Id", "REQUEST-1")
				w.Header().Set("Content-Type", "application/xml")
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(test.status)
				if test.code != "" && r.Method != http.MethodHead {
					fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", test.code, test.text)
				}
			}))
			defer server.Close()
			bucket := openTest(t, server.URL)
			for op, call := range calls(bucket) {
				code := test.code
				if op == "Stat" && test.status >= 500 && test.code != "NotImplemented" {
					code = "" // the answer to a HEAD has no body, and nobody asks a struggling store twice
				}
				checkFailure(t, op, call(t.Context()), test.want, test.status, code)
			}
		})
	}
}

func checkFailure(t *testing.T, op string, err error, kind driver.Kind, status int, code string) {
	t.Helper()
	var failure *driver.Error
	if !errors.As(err, &failure) {
		t.Errorf("%s = %v, want a *driver.Error", op, err)
		return
	}
	if failure.Kind != kind || failure.Status != status || failure.Code != code {
		t.Errorf("%s = %v with kind %v, status %d, code %q; want %v, %d, %q", op, err, failure.Kind, failure.Status, failure.Code, kind, status, code)
	}
	if failure.Op != op || failure.Bucket != "bucket" || failure.RequestID != "REQUEST-1" || failure.RetryAfter != 7*time.Second {
		t.Errorf("%s = %+v, want op, bucket, request id and retry time", op, *failure)
	}
	if key := failure.Key; key != "the key" && op != "List" && op != "ListUploads" {
		t.Errorf("%s names the key %q", op, key)
	}
	checkClean(t, err)
}

// checkClean fails when an error shows a credential or a signature.
func checkClean(t *testing.T, err error) {
	t.Helper()
	for err := err; err != nil; err = errors.Unwrap(err) {
		for _, forbidden := range []string{secret, "Signature=", "X-Amz-", "Credential="} {
			if strings.Contains(fmt.Sprintf("%v", err), forbidden) {
				t.Errorf("the error shows %q: %v", forbidden, err)
			}
		}
	}
}

func TestForgivenFailures(t *testing.T) {
	codes := map[string]string{"Delete": "NoSuchKey", "AbortUpload": "NoSuchUpload"}
	for op, code := range codes {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
		}))
		if err := calls(openTest(t, server.URL))[op](t.Context()); err != nil {
			t.Errorf("%s with %s = %v, want success", op, code, err)
		}
		server.Close()
	}
}

func TestEndpointThatIsNotS3(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"web page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!DOCTYPE html><html><body>hello</body></html>")
		},
		"absent page": http.NotFound,
		"login": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login", http.StatusFound)
		},
		"json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"ok":true}`)
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			for op, call := range calls(openTest(t, server.URL)) {
				err := call(t.Context())
				if unclear := op == "Delete" || op == "AbortUpload" || op == "CompleteUpload"; unclear && (name == "web page" || name == "json") {
					continue // S3 itself says no more than 2xx; an unclear Complete is looked up
				}
				if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), "does not speak S3") {
					t.Errorf("%s = %v (%v), want that the endpoint does not speak S3", op, err, driver.KindOf(err))
				}
			}
		})
	}
}

func TestErrorInsideSuccess(t *testing.T) {
	for code, want := range map[string]driver.Kind{
		"InternalError": driver.KindUnavailable, "SlowDown": driver.KindThrottled, "SomethingNew": driver.KindUnavailable, "": driver.KindUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Request-Id", "REQUEST-1")
			fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n   \n")
			if code != "" {
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>sorry</Message></Error>", code)
			}
		}))
		err := calls(openTest(t, server.URL))["CompleteUpload"](t.Context())
		if driver.KindOf(err) != want {
			t.Errorf("CompleteUpload with %q in a 200 = %v (%v), want %v", code, err, driver.KindOf(err), want)
		}
		server.Close()
	}
}

func TestAnotherRegionIsNamed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "REQUEST-1")
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		w.WriteHeader(http.StatusMovedPermanently)
		fmt.Fprint(w, "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>")
	}))
	defer server.Close()
	for op, call := range calls(openTest(t, server.URL)) {
		if err := call(t.Context()); driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), "region=eu-west-1") {
			t.Errorf("%s = %v, want what to set", op, err)
		}
	}
}

func TestNetworkFailuresSayWhatHappened(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rude := rudeServer(t)
	_ = mute.Close()
	cases := map[string]struct{ endpoint, want string }{
		"refused":           {"http://" + mute.Addr().String(), "refused the connection"},
		"unknown host":      {"http://no-such-host.invalid", "unknown host no-such-host.invalid"},
		"http for https":    {strings.Replace(plain.URL, "http:", "https:", 1), "speaks plain http"},
		"unknown authority": {secure.URL, "option ca"},
		"broken":            {"http://" + rude, "broke the connection"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			for op, call := range calls(openTest(t, test.endpoint)) {
				err := call(t.Context())
				if driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), test.want) && !strings.Contains(err.Error(), "could not be looked up") {
					t.Errorf("%s = %v (%v), want unavailable and %q", op, err, driver.KindOf(err), test.want)
				}
				checkClean(t, err)
				if strings.Contains(err.Error(), "/bucket") {
					t.Errorf("%s shows the URL: %v", op, err)
				}
			}
		})
	}
}

// rudeServer closes every connection after the request's first byte.
func rudeServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 1))
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

// TestHTTPSForHTTP needs a server that does not answer plain http in words: Go's
// own does.
func TestHTTPSForHTTP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 4096))
			_, _ = connection.Write([]byte("\x15\x03\x01\x00\x02\x02\x46")) // a TLS alert
			_ = connection.Close()
		}
	}()
	err = calls(openTest(t, "http://"+listener.Addr().String()))["List"](t.Context())
	if driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), "speaks https") {
		t.Errorf("List = %v, want that the endpoint speaks https", err)
	}
}

func TestTimeoutSaysSo(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	for op, call := range calls(openTest(t, server.URL)) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		err := call(ctx)
		cancel()
		if driver.KindOf(err) != driver.KindUnavailable || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timed out") {
			t.Errorf("%s = %v, want that it timed out", op, err)
		}
	}
}

func TestCAAndClientCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := control.NewTransport(driver.Transport{CA: ca, Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	bucket := openTest(t, server.URL)
	bucket.client = control.NewClient(transport, bucket.clock)
	if err := calls(bucket)["List"](t.Context()); err == nil || !strings.Contains(err.Error(), "client certificate") {
		t.Errorf("List without a client certificate = %v, want that one is asked for", err)
	}
	transport.TLSClientConfig.Certificates = server.TLS.Certificates
	transport.CloseIdleConnections()
	if err := calls(bucket)["List"](t.Context()); err != nil {
		t.Errorf("List with ca and client certificate = %v", err)
	}
}
