package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
)

// cliDocument is a configuration as `aliyun configure` writes it, cut to what matters.
const cliDocument = `{
	"current": "work",
	"profiles": [
		{"name": "work", "mode": "AK", "access_key_id": "cli-id", "access_key_secret": "cli-secret", "region_id": "cn-hangzhou", "output_format": "json"},
		{"name": "temporary", "mode": "StsToken", "access_key_id": "sts-id", "access_key_secret": "sts-secret", "sts_token": "sts-token"},
		{"name": "browser", "mode": "CloudSSO", "access_key_id": "", "access_key_secret": "", "cloud_sso_sign_in_url": "https://signin.example.com"},
		{"name": "empty", "mode": "AK", "access_key_id": "", "access_key_secret": ""}
	],
	"meta_path": ""
}`

func TestChain(t *testing.T) {
	cases := map[string]struct {
		profile     string
		environment map[string]string
		document    string
		want        string // "ID/SECRET/TOKEN", or what the error says
	}{
		"OSS's variables": {
			environment: map[string]string{"OSS_ACCESS_KEY_ID": "a", "OSS_ACCESS_KEY_SECRET": "b", "OSS_SESSION_TOKEN": "c", "ALIBABA_CLOUD_ACCESS_KEY_ID": "x"},
			document:    cliDocument, want: "a/b/c",
		},
		"Alibaba Cloud's variables": {
			environment: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b", "ALIBABA_CLOUD_SECURITY_TOKEN": "c"},
			document:    cliDocument, want: "a/b/c",
		},
		"half a pair is none":       {environment: map[string]string{"OSS_ACCESS_KEY_ID": "a"}, document: cliDocument, want: "cli-id/cli-secret/"},
		"the CLI's current profile": {document: cliDocument, want: "cli-id/cli-secret/"},
		"the profile of a variable": {environment: map[string]string{"ALIBABA_CLOUD_PROFILE": "temporary"}, document: cliDocument, want: "sts-id/sts-secret/sts-token"},
		"a named profile":           {profile: "temporary", environment: map[string]string{"OSS_ACCESS_KEY_ID": "a", "OSS_ACCESS_KEY_SECRET": "b"}, document: cliDocument, want: "sts-id/sts-secret/sts-token"},
		"a mode that is not read":   {profile: "browser", document: cliDocument, want: `mode "CloudSSO"`},
		"a profile without keys":    {profile: "empty", document: cliDocument, want: "without keys"},
		"an absent profile":         {profile: "nowhere", document: cliDocument, want: `no profile "nowhere"`},
		"no configuration":          {profile: "work", want: "aliyun configure"},
		"a broken configuration":    {profile: "work", document: `{"profiles": "cli-secret"}`, want: "no configuration of the Alibaba Cloud CLI"},
		"nothing at all":            {environment: map[string]string{"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}, want: "no credentials found"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			clearChain(t, test.document)
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			source, err := chain(t.Context(), test.profile)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := source(t.Context(), control.ReasonOpen)
			got := keys.AccessKeyID + "/" + keys.SecretAccessKey + "/" + keys.SessionToken
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || err != nil && strings.Contains(got, "cli-secret") {
				t.Errorf("the chain gives %s, want %s", got, test.want)
			}
		})
	}
}

// clearChain takes the settings of whoever runs the tests out of their way and writes
// the CLI's configuration, unless it is empty.
func clearChain(t *testing.T, document string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{
		"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
		"ALIBABA_CLOUD_SECURITY_TOKEN", "ALIBABA_CLOUD_PROFILE", "ALIBABA_CLOUD_ECS_METADATA", "ALIBABA_CLOUD_ECS_METADATA_DISABLED",
	} {
		t.Setenv(name, "")
	}
	if document == "" {
		return
	}
	if err := os.Mkdir(filepath.Join(home, ".aliyun"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".aliyun", "config.json"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
}

// metadata is the metadata service of an ECS instance with the role "copier". The SDK
// knows one address of it, so it is reached as a proxy.
func metadata(t *testing.T, answer string) string {
	t.Helper()
	const folder = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case folder:
			_, _ = fmt.Fprint(w, "copier")
		case folder + "copier":
			_, _ = fmt.Fprint(w, answer)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// roleRun makes this test binary a process that prints the keys of the default chain:
// the proxy of a process is read once.
const roleRun = "DTH_TEST_OSS_ROLE"

// TestRole reads the keys of an instance's role, in a process of its own.
func TestRole(t *testing.T) {
	if os.Getenv(roleRun) != "" {
		printRole(t)
		return
	}
	ends := time.Now().Add(6 * time.Hour).UTC().Truncate(time.Second)
	good := fmt.Sprintf(`{"AccessKeyId":"STS.id","AccessKeySecret":"s","SecurityToken":"t","Expiration":%q,"LastUpdated":"2026-11-23T00:00:00Z","Code":"Success"}`, ends.Format(time.RFC3339))
	role := `{"current":"r","profiles":[{"name":"r","mode":"EcsRamRole","ram_role_name":"copier"}]}`
	cases := map[string]struct {
		answer   string
		document string
		want     []string
	}{
		"of the instance":  {good, "", []string{"STS.id", "s", "t", ends.Format(time.RFC3339)}},
		"named by the CLI": {good, role, []string{"STS.id", "s", "t", ends.Format(time.RFC3339)}},
		"refused":          {`{"Code":"Failed","SecurityToken":"secret-part"}`, role, []string{"error: the metadata service of ECS gives no keys of a RAM role: is this an ECS instance with a role?"}},
		"incomplete":       {`{"Code":"Success","SecurityToken":"secret-part"}`, "", []string{"error: " + errNoKeys.Error()}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			clearChain(t, test.document)
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRole$", "-test.v")
			command.Env = append(os.Environ(), roleRun+"=1", "HTTP_PROXY="+metadata(t, test.answer), "NO_PROXY=", "no_proxy=", "http_proxy=")
			output, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			_, line, _ := strings.Cut(string(output), "keys: ")
			line, _, _ = strings.Cut(line, "\n")
			var got []string
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(string(output), "secret-part") {
				t.Errorf("the answer of the metadata service is shown: %s", output)
			}
		})
	}
}

// printRole is what the process of TestRole does.
func printRole(t *testing.T) {
	source, err := chain(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	told := []string{}
	if keys, err := source(t.Context(), control.ReasonOpen); err != nil {
		told = append(told, "error: "+err.Error())
	} else {
		told = append(told, keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, keys.Expires.Format(time.RFC3339))
	}
	line, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("keys: %s\n", line)
}
