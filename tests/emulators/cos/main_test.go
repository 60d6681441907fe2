package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cossdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

const (
	bucketA   = "examplebucket-1250000000"
	bucketB   = "sourcebucket-1250000001"
	region    = "ap-beijing"
	hostA     = bucketA + ".cos." + region + ".myqcloud.com"
	hostB     = bucketB + ".cos." + region + ".myqcloud.com"
	accessKey = "AKIDexample"
	secretKey = "a-secret-of-this-test"
)

// asCommand makes the test binary the command itself.
const asCommand = "COS_EMULATOR_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
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

// start runs the command in this process, until the test ends.
func start(t *testing.T, flags ...string) *emulator {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	arguments := append([]string{
		"-addr", "127.0.0.1:0", "-control", "127.0.0.1:0", "-bucket", bucketA + "," + bucketB,
		"-access-key", accessKey, "-secret-key", secretKey, "-region", region,
	}, flags...)
	go func() {
		err := run(ctx, arguments, in)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	e := &emulator{t: t}
	lines := bufio.NewReader(out)
	e.address = strings.TrimPrefix(readLine(t, lines), "ready http://")
	e.control = strings.TrimPrefix(readLine(t, lines), "control ")
	e.client = &http.Client{Transport: &http.Transport{
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

// sdk returns the vendor's client of bucket A.
func (e *emulator) sdk() *cossdk.Client { return e.sdkAs(accessKey, secretKey, "", hostA) }

func (e *emulator) sdkAs(access, secret, token, host string) *cossdk.Client {
	base := &url.URL{Scheme: "http", Host: host}
	service := &url.URL{Scheme: "http", Host: "service.cos.myqcloud.com"}
	client := cossdk.NewClient(&cossdk.BaseURL{BucketURL: base, ServiceURL: service}, &http.Client{
		Transport: &cossdk.AuthorizationTransport{SecretID: access, SecretKey: secret, SessionToken: token, Transport: e.client.Transport},
	})
	client.Conf.RetryOpt.Count = 1
	return client
}

// reply is an answer whose body was read.
type reply struct {
	Status     string
	StatusCode int
	Header     http.Header
}

// send sends a request as it is and returns the answer and its body.
func (e *emulator) send(r *http.Request) (reply, string) {
	e.t.Helper()
	response, err := e.client.Do(r)
	if err != nil {
		e.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatalf("%s %s: read the answer: %v", r.Method, r.URL, err)
	}
	return reply{response.Status, response.StatusCode, response.Header}, string(body)
}

// request makes a request of a bucket and signs it as the vendor's client does.
func request(t *testing.T, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	r := bare(t, method, target, body, headers...)
	signRequest(r)
	return r
}

// bare makes a request that is not signed. target is a path and query, or a whole URL.
func bare(t *testing.T, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = "http://" + hostA + target
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func signRequest(r *http.Request) {
	cossdk.AddAuthorizationHeader(accessKey, secretKey, "", r, cossdk.NewAuthTime(time.Hour))
}

// put stores an object.
func (e *emulator) put(key, body string, headers ...string) {
	e.t.Helper()
	if response, answer := e.send(request(e.t, "PUT", "/"+key, body, headers...)); response.StatusCode != http.StatusOK {
		e.t.Fatalf("put %s: %s %s", key, response.Status, answer)
	}
}

// steer posts to the control API.
func (e *emulator) steer(path string, what any) {
	e.t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := http.Post(e.control+path, "application/json", bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		e.t.Fatalf("POST %s: %s", path, response.Status)
	}
}

func (e *emulator) fault(f serve.Fault) { e.t.Helper(); e.steer("/faults", []serve.Fault{f}) }

func (e *emulator) ahead(d time.Duration) {
	e.t.Helper()
	e.steer("/clock", map[string]float64{"seconds": d.Seconds()})
}

func TestCommandServesUntilItIsToldToEnd(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	command := exec.Command(os.Args[0], "-addr", "127.0.0.1:0", "-bucket", bucketA, "-access-key", accessKey,
		"-secret-key", secretKey, "-data", data)
	command.Env = append(os.Environ(), asCommand+"=1")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(readLine(t, bufio.NewReader(out)), "ready ")
	response, err := http.Get(address + "/" + bucketA + "/key")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || response.Header.Get("x-cos-request-id") == "" {
		t.Errorf("an anonymous request got %s, %v", response.Status, response.Header)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after SIGTERM the command ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, bucketA)); err != nil {
		t.Errorf("the bucket is not in -data: %v", err)
	}
}

func TestCommandRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	good := []string{"-addr", "127.0.0.1:0", "-bucket", bucketA, "-access-key", accessKey, "-secret-key", secretKey}
	for name, more := range map[string][]string{
		"an address others reach":   {"-addr", "0.0.0.0:0"},
		"a control others reach":    {"-control", "0.0.0.0:0"},
		"a bucket without an APPID": {"-bucket", "examplebucket"},
		"a restore time in words":   {"-restore-after", "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := run(ctx, append(good, more...), io.Discard); err == nil {
				t.Errorf("run %v succeeded", more)
			}
		})
	}
}

// ask reads a JSON answer of the control API.
func (e *emulator) ask(path string, into any) {
	e.t.Helper()
	response, err := http.Get(e.control + path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		e.t.Fatalf("GET %s: %v", path, err)
	}
}

func (e *emulator) counts() (counts map[string]serve.Count) {
	e.t.Helper()
	e.ask("/requests", &counts)
	return counts
}

func (e *emulator) uploads() (open []serve.OpenUpload) {
	e.t.Helper()
	e.ask("/uploads", &open)
	return open
}
