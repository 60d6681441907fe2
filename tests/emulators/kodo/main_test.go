package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/credentials"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/objects"
	sdkregion "github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"
	"github.com/qiniu/go-sdk/v7/storagev2/uplog"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

const (
	bucketA   = "photos"
	bucketB   = "archive"
	accessKey = "MY_ACCESS_KEY"
	secretKey = "MY_SECRET_KEY"
)

// asCommand makes the test binary the command itself.
const asCommand = "KODO_EMULATOR_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	uplog.DisableUplog() // the vendor's client would report to the vendor
	os.Exit(m.Run())
}

// emulator is a running command.
type emulator struct {
	t       *testing.T
	address string // HOST:PORT
	control string // URL
	client  *http.Client
	stop    func() // ends it and waits
}

// start runs the command in this process, until the test ends, with bucket A if
// the flags name none.
func start(t *testing.T, flags ...string) *emulator {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	arguments := append([]string{
		"-addr", "127.0.0.1:0", "-control", "127.0.0.1:0",
		"-access-key", accessKey, "-secret-key", secretKey,
	}, flags...)
	if !slices.Contains(flags, "-bucket") {
		arguments = append(arguments, "-bucket", bucketA)
	}
	go func() {
		err := run(ctx, arguments, in)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	e := &emulator{t: t}
	lines := bufio.NewReader(out)
	e.address = strings.TrimPrefix(readLine(t, lines), "ready http://")
	e.control = strings.TrimPrefix(readLine(t, lines), "control ")
	e.client = &http.Client{Transport: &http.Transport{ // all names lead to the emulator
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, e.address)
		},
		DisableCompression: true,
	}}
	stopped := false
	e.stop = func() {
		if stopped {
			return
		}
		stopped = true
		e.client.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the command ended with %v", err)
		}
	}
	t.Cleanup(e.stop)
	return e
}

func readLine(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the command said nothing: %v", err)
	}
	return strings.TrimSpace(line)
}

// options are what the vendor's client needs to know of the emulator: its uc
// service, nothing else.
func (e *emulator) options() http_client.Options {
	e.t.Helper()
	hosts := sdkregion.Endpoints{Preferred: []string{e.address}}
	query, err := sdkregion.NewBucketRegionsQuery(hosts, &sdkregion.BucketRegionsQueryOptions{
		UseInsecureProtocol: true, PersistentFilePath: filepath.Join(e.t.TempDir(), "regions.json"),
		Resolver: resolver.NewDefaultResolver(), // the one with a cache races with itself
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return http_client.Options{
		Credentials: e.credentials(), BucketQuery: query, UseInsecureProtocol: true,
		HostRetryConfig: &http_client.RetryConfig{RetryMax: 1}, Resolver: resolver.NewDefaultResolver(),
	}
}

func (e *emulator) credentials() credentials.CredentialsProvider { return authPair() }

func authPair() *auth.Credentials { return auth.New(accessKey, secretKey) }

// bucket returns the vendor's client of bucket A's objects.
func (e *emulator) bucket() *objects.Bucket {
	return objects.NewObjectsManager(&objects.ObjectsManagerOptions{Options: e.options()}).Bucket(bucketA)
}

// uploads returns the vendor's client for uploads.
func (e *emulator) uploads() *uploader.UploadManager {
	return uploader.NewUploadManager(&uploader.UploadManagerOptions{Options: e.options()})
}

// storage returns the vendor's client of the single requests.
func (e *emulator) storage() *apis.Storage {
	options := e.options()
	return apis.NewStorage(&options)
}

// put stores an object the way the vendor's client does.
func (e *emulator) put(key, body string) {
	e.t.Helper()
	err := e.uploads().UploadReader(e.t.Context(), strings.NewReader(body), &uploader.ObjectOptions{
		BucketName: bucketA, ObjectName: &key, FileName: "body",
	}, nil)
	if err != nil {
		e.t.Fatalf("store %q: %v", key, err)
	}
}

// reply is what an answer says beside its body.
type reply struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64 // -1: none told
}

// send sends a request as it is and returns the answer and its body.
func (e *emulator) send(r *http.Request) (reply, string) {
	e.t.Helper()
	answer, err := e.client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, answer.ContentLength}, string(body)
}

// request makes a request that is not signed.
func (e *emulator) request(method, path, body string) *http.Request {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, "http://"+e.address+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	return r
}

// managed makes a request that the vendor's code signed.
func (e *emulator) managed(method, path, form string) *http.Request {
	e.t.Helper()
	r := e.request(method, path, form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := auth.New(accessKey, secretKey).AddToken(auth.TokenQiniu, r); err != nil {
		e.t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	return r
}

// fault adds faults through the control API.
func (e *emulator) fault(faults ...serve.Fault) {
	e.t.Helper()
	e.tell("/faults", faults)
}

// clock lets the emulator's clock run ahead.
func (e *emulator) clock(seconds float64) {
	e.t.Helper()
	e.tell("/clock", map[string]float64{"seconds": seconds})
}

func (e *emulator) tell(path string, what any) {
	e.t.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		e.t.Fatal(err)
	}
	answer, err := http.Post(e.control+path, "application/json", bytes.NewReader(text))
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		body, _ := io.ReadAll(answer.Body)
		e.t.Fatalf("%s: %s: %s", path, answer.Status, body)
	}
}

// counts returns how often each operation was asked for.
func (e *emulator) counts() map[string]serve.Count {
	e.t.Helper()
	answer, err := http.Get(e.control + "/requests")
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	var counts map[string]serve.Count
	if err := json.NewDecoder(answer.Body).Decode(&counts); err != nil {
		e.t.Fatal(err)
	}
	return counts
}
