package integration

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/servers"
)

// vault is an emulated AWS Secrets Manager.
type vault struct {
	t        *testing.T
	endpoint string
	client   *secretsmanager.Client
}

// machine is the identity that dth's machine has at AWS.
var machine = secrets{"111122223333", "machine/secret/key", ""}

func startVault(t *testing.T, kind cloud.Kind) *vault {
	t.Helper()
	endpoint := cloud.StartForTest(t, kind).Endpoint
	return &vault{t: t, endpoint: endpoint, client: secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider(machine.id, machine.secret, ""),
	})}
}

// env returns what leads the plugins to it.
func (v *vault) env() []string {
	return append(keys("AWS", machine.id, machine.secret), "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL="+v.endpoint, "AWS_EC2_METADATA_DISABLED=true")
}

// rotate makes a document the current version of a secret.
func (v *vault) rotate(name, document string) {
	v.t.Helper()
	_, err := v.client.PutSecretValue(v.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &document})
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		_, err = v.client.CreateSecret(v.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &document})
	}
	var exists *types.ResourceExistsException
	if errors.As(err, &exists) { // the SDK repeats a request whose answer was lost
		err = nil
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func secretDocument(id, secret string) string {
	return fmt.Sprintf(`{"access_key_id": %q, "secret_access_key": %q}`, id, secret)
}

// TestSecretsOfAVault copies between two real stores whose keys are in AWS Secrets
// Manager alone.
func TestSecretsOfAVault(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			source, destination, vault := startReal(t, servers.VersityGW, "SRC"), startReal(t, servers.VersityGW, "DST"), startVault(t, kind)
			if err := source.put(t.Context(), "object", content("object", 70_000), stored{}); err != nil {
				t.Fatal(err)
			}
			vault.rotate("stores/SRC", secretDocument(source.AccessKey, source.SecretKey))
			vault.rotate("stores/DST", secretDocument(destination.AccessKey, destination.SecretKey))
			p := newProgram(t, vault.env()...)
			from := strings.Replace(source.at(""), "env:SRC", "secret:stores/SRC", 1)
			to := strings.Replace(destination.at(""), "env:DST", "secret:stores/DST,region=us-east-1", 1)
			if report := p.must(0, "sync", from, to, "--json").report(t); report.Objects.Copied != 1 {
				t.Errorf("copied %d objects, want 1", report.Objects.Copied)
			}
			elsewhere := strings.Replace(source.at(""), "env:SRC", "secret:stores/SRC,region=eu-west-1", 1)
			p.run("sync", elsewhere, to).expect(t, 3, `dth: source: .*: credentials secret:stores/SRC,region=eu-west-1: there is no such secret in region eu-west-1: check name and region, .*`)
			nameless := strings.Replace(source.at(""), "env:SRC", "secret:", 1)
			p.run("sync", nameless, to).expect(t, 2, `dth: source: credentials reference "secret:" names nothing: .*`)
		})
	}
}

// TestEveryVendorReadsTheVault copies to the emulator of each vendor with keys from a vault.
func TestEveryVendorReadsTheVault(t *testing.T) {
	t.Parallel()
	vault := startVault(t, cloud.MiniStack)
	for _, vendor := range []string{"oss", "cos", "kodo"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
			origin.put("object", content("object", 3000))
			vault.rotate(vendor, secretDocument(store.emulator.AccessKey, store.emulator.SecretKey))
			p := newProgram(t, append(origin.keys(), vault.env()...)...)
			to := strings.Replace(store.at(""), "env:STORE", "secret:"+vendor, 1)
			if report := p.must(0, "sync", origin.at(""), to, "--json").report(t); report.Objects.Copied != 1 {
				t.Errorf("copied %d objects, want 1", report.Objects.Copied)
			}
		})
	}
}

// guard stands in front of a store and knows one access key at a time.
type guard struct {
	*httptest.Server
	mu     sync.Mutex
	key    string
	let    int    // requests let through
	turn   int    // the number of the one after which the keys are changed
	rotate func() // changes them; called once
}

// startGuard starts a guard. Whoever comes with another key is told so as S3 does.
func startGuard(t *testing.T, address, key string) *guard {
	t.Helper()
	g := &guard{key: key}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.knows(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Amz-Request-Id", "guard")
		w.WriteHeader(http.StatusForbidden)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: "InvalidAccessKeyId", Message: "no such key"})
	}))
	t.Cleanup(g.Close)
	return g
}

// after has the keys changed when so many requests were let through.
func (g *guard) after(requests int, rotate func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn, g.rotate = requests, rotate
}

func (g *guard) knows(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, rest, signed := strings.Cut(r.Header.Get("Authorization"), "Credential="); signed {
		credential = rest
	}
	id, _, _ := strings.Cut(credential, "/")
	if id != g.key {
		return false
	}
	if g.let++; g.let == g.turn {
		g.rotate()
	}
	return true
}

// TestRotationDuringARun changes the keys of one side in the middle of a run, as a
// rotation does: no object fails.
func TestRotationDuringARun(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "destination"} {
		for _, late := range []bool{false, true} {
			name := side
			if late {
				name += " that knows the new keys late"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				vault := startVault(t, cloud.MiniStack)
				left, right := startGuard(t, startNull(t, "60x5000"), "left-1"), startGuard(t, startNull(t, "0x0"), "right-1")
				rotated := map[string]*guard{"source": left, "destination": right}[side]
				of := map[string]string{"source": "left", "destination": "right"}[side]
				vault.rotate("left", secretDocument("left-1", "s"))
				vault.rotate("right", secretDocument("right-1", "s"))
				if late { // the vault has the new keys before the run begins, the store never
					vault.rotate(of, secretDocument(of+"-2", "t"))
				} else {
					rotated.after(20, func() {
						vault.rotate(of, secretDocument(of+"-2", "t"))
						rotated.key = of + "-2"
					})
				}
				p := newProgram(t, vault.env()...)
				at := func(g *guard, name string) string {
					return nullAt(strings.TrimPrefix(g.URL, "http://"), "secret:"+name)
				}
				got := p.must(0, "sync", at(left, "left"), at(right, "right"), "--json", "--log-level=trace", "--state=state")
				if report := got.report(t); report.Objects.Copied != 60 || report.Objects.Failed != 0 {
					t.Errorf("copied %d and failed %d of 60 objects\n%s", report.Objects.Copied, report.Objects.Failed, got.stderr)
				}
				searchAll(t, map[string]string{"the output": got.stdout + got.stderr, "the state": readAll(t, filepath.Join(p.folder, "state"))}, []string{machine.secret})
			})
		}
	}
}
