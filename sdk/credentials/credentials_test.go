package credentials_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/credentials"
)

// canary must show in no error and no print.
const canary = "canary-5f1c"

func TestParse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want credentials.Reference
	}{
		"default":            {"", credentials.Reference{}},
		"anonymous":          {"anonymous", credentials.Reference{Kind: credentials.Anonymous}},
		"environment":        {"env:CN", credentials.Reference{Kind: credentials.Env, Value: "CN"}},
		"profile":            {"profile:cn admin", credentials.Reference{Kind: credentials.Profile, Value: "cn admin"}},
		"file with colon":    {"file:/a:b", credentials.Reference{Kind: credentials.File, Value: "/a:b"}},
		"secret":             {"secret:team/store,region=eu-west-1", credentials.Reference{Kind: credentials.Secret, Value: "team/store,region=eu-west-1"}},
		"command with colon": {"exec:get a:b", credentials.Reference{Kind: credentials.Exec, Value: "get a:b"}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := credentials.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			if got.String() != test.text {
				t.Errorf("String = %q, want %q", got, test.text)
			}
		})
	}
}

func TestParseRefusesWithoutRepeating(t *testing.T) {
	t.Parallel()
	for _, text := range []string{canary, "key:" + canary, "env:", "env:A=" + canary, "file:", "secret:", "profile", "AKIA:" + canary} {
		_, err := credentials.Parse(text)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("Parse(%q) = %v, want an error that does not repeat the value", text, err)
		}
	}
}

func TestResolve(t *testing.T) {
	document := `{"access_key_id":"AK","secret_access_key":"SK","session_token":"ST","expiration":"2030-01-02T03:04:05Z"}`
	full := keys{"AK", "SK", "ST", time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	path := write(t, document, 0o600)
	t.Setenv("CN_ACCESS_KEY_ID", "AK")
	t.Setenv("CN_SECRET_ACCESS_KEY", "SK")
	t.Setenv("CN_SESSION_TOKEN", "ST")
	cases := map[string]struct {
		reference credentials.Reference
		want      keys
	}{
		"environment": {credentials.Reference{Kind: credentials.Env, Value: "CN"}, keys{"AK", "SK", "ST", time.Time{}}},
		"file":        {credentials.Reference{Kind: credentials.File, Value: path}, full},
		"command":     {credentials.Reference{Kind: credentials.Exec, Value: "cat '" + path + "'; echo noise >&2"}, full},
		"anonymous":   {credentials.Reference{Kind: credentials.Anonymous}, keys{}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := credentials.Resolve(t.Context(), test.reference)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, keys(got)); diff != "" {
				t.Errorf("Resolve (-want +got):\n%s", diff)
			}
		})
	}
}

// keys is Keys without the methods that hide it.
type keys struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

func TestResolveRefuses(t *testing.T) {
	t.Setenv("HALF_ACCESS_KEY_ID", canary)
	valid := `{"access_key_id":"` + canary + `","secret_access_key":"` + canary + `"}`
	cases := map[string]struct {
		text string
		want string
	}{
		"absent variables":     {"env:NONE", "NONE_ACCESS_KEY_ID and NONE_SECRET_ACCESS_KEY not set"},
		"half of the pair":     {"env:HALF", "HALF_SECRET_ACCESS_KEY not set"},
		"absent file":          {"file:" + filepath.Join(t.TempDir(), "none"), "no such file"},
		"file others may read": {"file:" + write(t, valid, 0o640), "chmod 600"},
		"folder":               {"file:" + t.TempDir(), "not a regular file"},
		"no JSON":              {"file:" + write(t, canary, 0o600), "JSON"},
		"incomplete JSON":      {"file:" + write(t, `{"access_key_id":"`+canary+`"}`, 0o600), "missing"},
		"bad expiration":       {"file:" + write(t, valid[:len(valid)-1]+`,"expiration":"`+canary+`"}`, 0o600), "RFC 3339"},
		"failing command":      {"exec:echo " + canary + " >&2; exit 3", "exit status 3"},
		"talking command":      {"exec:echo " + canary, "JSON"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			reference, err := credentials.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = credentials.Resolve(t.Context(), reference)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Resolve = %v, want an error that says %q", err, test.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error repeats a value: %v", err)
			}
		})
	}
}

func TestResolveLeavesVendorsReferencesAlone(t *testing.T) {
	t.Parallel()
	for _, kind := range []credentials.Kind{credentials.Default, credentials.Profile, credentials.Secret} {
		if _, err := credentials.Resolve(t.Context(), credentials.Reference{Kind: kind}); !errors.Is(err, credentials.ErrVendor) {
			t.Errorf("Resolve(%q) = %v, want ErrVendor", kind, err)
		}
	}
}

func TestCommandEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := credentials.Resolve(ctx, credentials.Reference{Kind: credentials.Exec, Value: "sleep 30 & sleep 30"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Resolve = %v, want the deadline", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the command outlived its deadline by %v", took)
	}
}

func TestKeysNeverPrint(t *testing.T) {
	t.Parallel()
	secret := credentials.Keys{AccessKeyID: canary, SecretAccessKey: canary, SessionToken: canary}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{secret, &secret, []any{secret}, struct{ K credentials.Keys }{secret}} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s of %T shows the keys", verb, value)
			}
		}
	}
	if _, err := json.Marshal(secret); err == nil {
		t.Error("json.Marshal wrote the keys")
	}
}

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}
