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
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	osssdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

const (
	bucketA   = "oss-example"
	bucketB   = "source-example"
	region    = "cn-hangzhou"
	endpoint  = "oss-" + region + ".aliyuncs.com"
	hostA     = bucketA + "." + endpoint
	accessKey = "LTAIexample"
	secretKey = "a-secret-of-this-test"
)

// asCommand makes the test binary the command itself.
const asCommand = "OSS_EMULATOR_AS_COMMAND"

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
	e.client = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, e.address)
			},
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
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

// sdk returns the vendor's client.
func (e *emulator) sdk(change ...func(*osssdk.Config)) *osssdk.Client {
	config := osssdk.LoadDefaultConfig().WithRegion(region).WithEndpoint("http://" + endpoint).WithHttpClient(e.client).
		WithRetryMaxAttempts(1).WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKey, secretKey))
	for _, c := range change {
		c(config)
	}
	return osssdk.NewClient(config)
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

// request makes a request of bucket A and signs it as the vendor's client does.
func request(t *testing.T, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	r := bare(t, method, target, body, headers...)
	signRequest(t, r, time.Time{})
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

// signRequest signs for the bucket that a virtual host names, or else the path.
func signRequest(t *testing.T, r *http.Request, at time.Time, change ...func(*signer.SigningContext)) {
	t.Helper()
	name, _, isBucket := strings.Cut(r.URL.Host, ".")
	key := strings.TrimPrefix(r.URL.Path, "/")
	if !isBucket || !strings.HasSuffix(name, "-example") {
		name, key, _ = strings.Cut(key, "/")
	}
	context := &signer.SigningContext{
		Product: osssdk.Ptr("oss"), Region: osssdk.Ptr(region), Request: r, Time: at,
		Credentials: &credentials.Credentials{AccessKeyID: accessKey, AccessKeySecret: secretKey},
	}
	if name != "" {
		context.Bucket = &name
	}
	if key != "" {
		context.Key = &key
	}
	for _, c := range change {
		c(context)
	}
	if err := (&signer.SignerV4{}).Sign(t.Context(), context); err != nil {
		t.Fatal(err)
	}
}

// put stores an object.
func (e *emulator) put(key, body string, headers ...string) {
	e.t.Helper()
	if response, answer := e.send(request(e.t, "PUT", "/"+key, body, headers...)); response.StatusCode != http.StatusOK {
		e.t.Fatalf("put %s: %s %s", key, response.Status, answer)
	}
}

// refused checks that a request fails, in the vendor's form.
func (e *emulator) refused(t *testing.T, r *http.Request, status int, code string) reply {
	t.Helper()
	response, body := e.send(r)
	if response.StatusCode != status || !strings.Contains(body, "<Code>"+code+"</Code>") ||
		!strings.Contains(body, "<RequestId>"+response.Header.Get("x-oss-request-id")+"</RequestId>") {
		t.Errorf("%s %s: got %s %s, want %d %s", r.Method, r.URL, response.Status, body, status, code)
	}
	return response
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
	if response.StatusCode != http.StatusForbidden || response.Header.Get("x-oss-request-id") == "" {
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
		"an address others reach":          {"-addr", "0.0.0.0:0"},
		"a control others reach":           {"-control", "0.0.0.0:0"},
		"a bucket with upper-case letters": {"-bucket", "Example"},
		"a restore time in words":          {"-restore-after", "soon"},
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
