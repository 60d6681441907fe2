package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// clean leaves the chain nothing but what the test gives it, and returns the home.
func clean(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"SECRET_ID", "SECRET_KEY", "TOKEN", "SESSION_TOKEN"} {
		t.Setenv("TENCENTCLOUD_"+name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	return home
}

// profile writes a credentials file of tccli.
func profile(t *testing.T, home, name, document string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, ".tccli"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".tccli", name+".credential"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
}

// role is a metadata service that knows one role.
func role(t *testing.T, document string) store {
	t.Helper()
	return store{metadata: serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/latest/meta-data/cam/security-credentials/":
			_, _ = w.Write([]byte("mover\n"))
		case "/latest/meta-data/cam/security-credentials/mover":
			_, _ = w.Write([]byte(document))
		default:
			http.NotFound(w, r)
		}
	})}
}

func TestChain(t *testing.T) {
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	document := fmt.Sprintf(`{"TmpSecretId":"role","TmpSecretKey":"s","ExpiredTime":%d,"Expiration":"x","Token":"t","Code":"Success"}`, expires.Unix())
	cases := map[string]struct {
		profile     string
		environment map[string]string
		files       map[string]string
		document    string
		want        credentials.Keys
		fails       string
	}{
		"environment": {
			environment: map[string]string{"SECRET_ID": "env", "SECRET_KEY": "s", "TOKEN": "t"},
			files:       map[string]string{"default": `{"secretId":"file","secretKey":"s"}`}, document: document,
			want: credentials.Keys{AccessKeyID: "env", SecretAccessKey: "s", SessionToken: "t"},
		},
		"token of the SDKs": {
			environment: map[string]string{"SECRET_ID": "env", "SECRET_KEY": "s", "SESSION_TOKEN": "t"},
			want:        credentials.Keys{AccessKeyID: "env", SecretAccessKey: "s", SessionToken: "t"},
		},
		"default profile": {
			environment: map[string]string{"SECRET_ID": "half"},
			files:       map[string]string{"default": `{"secretId":"file","secretKey":"s"}`}, document: document,
			want: credentials.Keys{AccessKeyID: "file", SecretAccessKey: "s"},
		},
		"named profile": {
			profile: "cn", environment: map[string]string{"SECRET_ID": "env", "SECRET_KEY": "s"},
			files: map[string]string{"cn": `{"secretId":"cn","secretKey":"s","token":"t"}`},
			want:  credentials.Keys{AccessKeyID: "cn", SecretAccessKey: "s", SessionToken: "t"},
		},
		"absent profile":  {profile: "cn", fails: "cn.credential"},
		"empty profile":   {files: map[string]string{"default": `{}`}, document: document, fails: "run tccli configure"},
		"role":            {document: document, want: credentials.Keys{AccessKeyID: "role", SecretAccessKey: "s", SessionToken: "t", Expires: expires}},
		"role without":    {document: `{"Code":"Failed"}`, fails: `role "mover" (Failed)`},
		"role for ever":   {document: `{"TmpSecretId":"role","TmpSecretKey":"s","Code":"Success"}`, fails: `role "mover"`},
		"no JSON of role": {document: `welcome`, fails: `role "mover"`},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			home := clean(t)
			for name, value := range test.environment {
				t.Setenv("TENCENTCLOUD_"+name, value)
			}
			for name, document := range test.files {
				profile(t, home, name, document)
			}
			source, err := role(t, test.document).chain(t.Context(), test.profile)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := source(t.Context(), control.ReasonOpen)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("error %v, want one that says %q", err, test.fails)
				}
			} else if err != nil || keys != test.want {
				t.Errorf("keys of %q (%v), want those of %q", keys.AccessKeyID, err, test.want.AccessKeyID)
			}
		})
	}
}

// TestNoCredentials wants an error that helps, at Open.
func TestNoCredentials(t *testing.T) {
	clean(t)
	nobody := store{metadata: "http://" + closedAddress(t)}
	_, err := nobody.Open(t.Context(), driver.OpenRequest{Bucket: suite, Options: map[string]string{"region": region}})
	if failure := wantFailure(t, err, driver.KindDenied); !strings.Contains(failure.Message, "env:PREFIX") {
		t.Errorf("Open = %v, want it to say what to give", err)
	}
	rootless := store{metadata: serve(t, http.NotFound)}
	_, err = rootless.Open(t.Context(), driver.OpenRequest{Bucket: suite, Options: map[string]string{"region": region}})
	if failure := wantFailure(t, err, driver.KindDenied); !strings.Contains(failure.Message, "give the machine a role") {
		t.Errorf("Open = %v, want it to say that the machine has no role", err)
	}
}

// TestRolesAreRenewed proves that keys of a role are asked for again before they end.
func TestRolesAreRenewed(t *testing.T) {
	clean(t)
	asked := 0
	metadata := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			_, _ = w.Write([]byte("mover"))
			return
		}
		asked++
		_, _ = fmt.Fprintf(w, `{"TmpSecretId":"role%d","TmpSecretKey":"s","ExpiredTime":%d,"Token":"t","Code":"Success"}`, asked, time.Now().Add(2*time.Second).Unix())
	})
	ring, err := control.OpenKeyring(t.Context(), "", store{metadata: metadata}.chain, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := ring.Held()
	b := openAt(t, "anonymous", nil)
	b.keyring = ring
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil || get.Expires.After(first.Expires) || !b.Session().Expires.Equal(first.Expires) {
		t.Errorf("the exchange expires at %s, the session at %s, the keys at %s (%v)", get.Expires, b.Session().Expires, first.Expires, err)
	}
	timer := time.NewTimer(time.Until(first.Expires) + 10*time.Millisecond)
	defer timer.Stop()
	<-timer.C
	keys, err := ring.Keys(t.Context())
	if err != nil || keys.AccessKeyID == first.AccessKeyID {
		t.Errorf("after their end the keys are still %q (%v)", keys.AccessKeyID, err)
	}
}
