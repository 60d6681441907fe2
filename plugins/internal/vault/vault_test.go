package vault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// canary is in every secret and must show nowhere.
const canary = "canary-7d0e"

// manager is a Secrets Manager with one secret.
type manager struct {
	mu       sync.Mutex
	versions map[string]string // by label
	refuse   func(w http.ResponseWriter) bool
	asked    []string // "REGION ID LABEL"
}

// start starts it where the environment leads, for a machine that has credentials.
func (m *manager) start(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	lone(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "machine", "AWS_SECRET_ACCESS_KEY": canary,
	} {
		t.Setenv(name, value)
	}
}

// lone takes the AWS settings of whoever runs the tests out of their way.
func lone(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var request struct {
		SecretID     string `json:"SecretId"`
		VersionStage string
	}
	if json.NewDecoder(r.Body).Decode(&request) != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		http.Error(w, "another request", http.StatusTeapot)
		return
	}
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	m.asked = append(m.asked, scope[2]+" "+request.SecretID+" "+request.VersionStage)
	if m.refuse != nil && m.refuse(w) {
		return
	}
	document, ok := m.versions[request.VersionStage]
	if !ok {
		refuse(400, "ResourceNotFoundException")(w)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"SecretString": document})
}

// refuse answers as Secrets Manager does.
func refuse(status int, code string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Requestid", "id-1")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type": %q, "Message": %q}`, code, canary)
		return true
	}
}

func document(id string) string {
	return fmt.Sprintf(`{"access_key_id": %q, "secret_access_key": %q, "team": "storage"}`, id, canary)
}

func TestReferences(t *testing.T) {
	const arn = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:team/store-AbCdEf"
	cases := map[string]struct {
		reference string
		want      string // asked for, or what the error says
	}{
		"name":             {"team/store", "eu-west-1 team/store AWSCURRENT"},
		"region":           {"team/store,region=us-east-1", "us-east-1 team/store AWSCURRENT"},
		"arn":              {arn, "cn-north-1 " + arn + " AWSCURRENT"},
		"arn and region":   {arn + ",region=cn-north-1", "cn-north-1 " + arn + " AWSCURRENT"},
		"another region":   {arn + ",region=us-east-1", "leave it out"},
		"unknown option":   {"team/store,stage=" + canary, "one option"},
		"no region":        {"team/store,region=" + canary + "!", "region is none"},
		"no name":          {canary + "\n", "name or the ARN"},
		"another's ARN":    {"arn:aws:s3:::bucket", "name or the ARN"},
		"an empty region":  {"team/store,region=", "region is none"},
		"name with all of": {"a1/_+=.@-", "eu-west-1 a1/_+=.@- AWSCURRENT"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			m := &manager{versions: map[string]string{current: document("a")}}
			m.start(t)
			source, err := Open(t.Context(), test.reference)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
					t.Errorf("Open = %v, want %q and nothing of the reference", err, test.want)
				}
				return
			}
			keys, err := source(t.Context(), control.ReasonOpen)
			if err != nil || keys.AccessKeyID != "a" || keys.SecretAccessKey != canary {
				t.Fatalf("%v with key %q", err, keys.AccessKeyID)
			}
			if diff := cmp.Diff([]string{test.want}, m.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	open, renew, refused := control.ReasonOpen, control.ReasonRenew, control.ReasonRefused
	type step struct {
		current, previous string // access keys from now on; empty for no such version
		reason            control.Reason
		want              string // access key; empty for a failure
	}
	cases := map[string][]step{
		"current is taken":                       {{"a", "", open, "a"}, {"b", "a", renew, "b"}},
		"rotated when refused":                   {{"a", "", open, "a"}, {"b", "a", refused, "b"}},
		"the store has not heard of it yet":      {{"b", "a", open, "b"}, {"b", "a", refused, "a"}, {"b", "a", renew, "b"}},
		"nor of the previous":                    {{"b", "a", open, "b"}, {"b", "a", refused, "a"}, {"b", "a", refused, ""}, {"b", "a", refused, "b"}},
		"there is no previous":                   {{"a", "", open, "a"}, {"a", "", refused, "a"}},
		"a third version after both are refused": {{"b", "a", open, "b"}, {"b", "a", refused, "a"}, {"c", "b", refused, "c"}},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			m := &manager{}
			m.start(t)
			source, err := Open(t.Context(), "store")
			if err != nil {
				t.Fatal(err)
			}
			for i, step := range steps {
				m.versions = map[string]string{current: document(step.current)}
				if step.previous != "" {
					m.versions[previous] = document(step.previous)
				}
				keys, err := source(t.Context(), step.reason)
				if keys.AccessKeyID != step.want || (err == nil) != (step.want != "") {
					t.Errorf("step %d gives %q (%v), want %q", i, keys.AccessKeyID, err, step.want)
				}
				if err != nil && !strings.Contains(err.Error(), "refuses its current and its previous keys") {
					t.Errorf("step %d: %v", i, err)
				}
			}
		})
	}
}

// TestFailures proves that an error names the secret, what is wrong and what to do, and
// nothing of what was read or answered.
func TestFailures(t *testing.T) {
	cases := map[string]struct {
		versions map[string]string
		refuse   func(http.ResponseWriter) bool
		env      map[string]string
		kind     driver.Kind
		want     string
	}{
		"absent":              {nil, nil, nil, driver.KindDenied, "no such secret in region eu-west-1: check name and region"},
		"not allowed":         {nil, refuse(400, "AccessDeniedException"), nil, driver.KindDenied, "grant secretsmanager:GetSecretValue"},
		"no right to decrypt": {nil, refuse(400, "DecryptionFailure"), nil, driver.KindDenied, "grant kms:Decrypt"},
		"being deleted":       {nil, refuse(400, "InvalidRequestException"), nil, driver.KindDenied, "restore it"},
		"unknown machine":     {nil, refuse(403, "UnrecognizedClientException"), nil, driver.KindDenied, "this machine's AWS credentials"},
		"in trouble":          {nil, refuse(500, "InternalServiceError"), nil, driver.KindUnavailable, "refuses (InternalServiceError, request id id-1)"},
		"throttled":           {nil, refuse(400, "ThrottlingException"), nil, driver.KindUnavailable, "ThrottlingException"},
		"something else": {nil, func(w http.ResponseWriter) bool {
			_, _ = w.Write([]byte("<html>" + canary))
			return true
		}, nil, driver.KindInvalidArgument, "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		"unreachable":   {nil, nil, map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1"}, driver.KindUnavailable, "cannot be reached"},
		"no role":       {nil, nil, map[string]string{"AWS_ACCESS_KEY_ID": ""}, driver.KindDenied, "give the machine a role"},
		"no region":     {nil, nil, map[string]string{"AWS_REGION": ""}, driver.KindDenied, "secret:NAME,region=REGION"},
		"no profile":    {nil, nil, map[string]string{"AWS_PROFILE": "absent"}, driver.KindDenied, "cannot be read"},
		"no JSON":       {map[string]string{current: canary}, nil, nil, driver.KindDenied, `not a JSON object with the texts "access_key_id"`},
		"half the keys": {map[string]string{current: `{"access_key_id": "` + canary + `"}`}, nil, nil, driver.KindDenied, "missing"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			m := &manager{versions: test.versions, refuse: test.refuse}
			m.start(t)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			_, err := control.OpenKeyring(t.Context(), "secret:team/store", nil, Open)
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "credentials secret:team/store: ") {
				t.Errorf("OpenKeyring = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error repeats what was read: %v", err)
			}
		})
	}
}

// TestSecretIsKept proves that a secret is not fetched for every signature.
func TestSecretIsKept(t *testing.T) {
	m := &manager{versions: map[string]string{current: document("a")}}
	m.start(t)
	ring, err := control.OpenKeyring(t.Context(), "secret:store", nil, Open)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if keys, err := ring.Keys(t.Context()); err != nil || keys.AccessKeyID != "a" {
			t.Fatalf("%v with key %q", err, keys.AccessKeyID)
		}
	}
	if !slices.Equal(m.asked, []string{"eu-west-1 store AWSCURRENT"}) {
		t.Errorf("Secrets Manager was asked %q, want once", m.asked)
	}
}
