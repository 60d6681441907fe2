package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// home leaves the chain nothing but what the test gives it, and a file of profiles.
func home(t *testing.T, document string) {
	t.Helper()
	directory := t.TempDir()
	t.Setenv("HOME", directory)
	for _, name := range []string{"QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_PROFILE", "QINIU_CONFIG_FILE"} {
		t.Setenv(name, "")
	}
	if err := os.Mkdir(filepath.Join(directory, ".qiniu"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, ".qiniu", "config.toml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
}

const twoProfiles = "[default]\naccess_key = 'd'\nsecret_key = 'canary1'\n[mover]\naccess_key = 'm'\nsecret_key = 'canary2'\n[half]\naccess_key = 'h'\n"

func resolve(t *testing.T, profile string) (credentials.Keys, error) {
	t.Helper()
	source, err := chain(t.Context(), profile)
	if err != nil {
		return credentials.Keys{}, err
	}
	return source(t.Context(), control.ReasonOpen)
}

func TestEnvironmentGoesFirst(t *testing.T) {
	home(t, twoProfiles)
	t.Setenv("QINIU_ACCESS_KEY", "e")
	t.Setenv("QINIU_SECRET_KEY", "s")
	if keys, err := resolve(t, ""); err != nil || keys.AccessKeyID != "e" || keys.SecretAccessKey != "s" {
		t.Errorf("%v with key %q", err, keys.AccessKeyID)
	}
	if keys, err := resolve(t, "mover"); err != nil || keys.AccessKeyID != "m" {
		t.Errorf("a profile that was asked for: %v with key %q", err, keys.AccessKeyID)
	}
}

func TestProfiles(t *testing.T) {
	for name, test := range map[string]struct{ profile, document, key, problem string }{
		"named":   {"mover", twoProfiles, "m", ""},
		"unknown": {"nobody", twoProfiles, "", "no profile nobody"},
		"half":    {"half", twoProfiles, "", "no profile half with access_key and secret_key"},
		"no TOML": {"mover", "secret_key: canary3", "", "is no TOML"},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, test.document)
			keys, err := resolve(t, test.profile)
			if keys.AccessKeyID != test.key || (err == nil) != (test.problem == "") {
				t.Fatalf("key %q, %v", keys.AccessKeyID, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%v, want %q", err, test.problem)
			}
		})
	}
}

func TestProfilesOfAnotherFile(t *testing.T) {
	home(t, twoProfiles)
	path := filepath.Join(t.TempDir(), "keys.toml")
	if err := os.WriteFile(path, []byte("[mover]\naccess_key = 'x'\nsecret_key = 's'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QINIU_CONFIG_FILE", path)
	if keys, err := resolve(t, "mover"); err != nil || keys.AccessKeyID != "x" {
		t.Errorf("%v with key %q", err, keys.AccessKeyID)
	}
	t.Setenv("QINIU_CONFIG_FILE", path+".absent")
	if _, err := resolve(t, "mover"); err == nil {
		t.Error("an absent file has keys")
	}
}

// TestNoKeys goes through Open, which says where keys were looked for.
func TestNoKeys(t *testing.T) {
	home(t, "")
	t.Setenv("QINIU_PROFILE", "nobody")
	_, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: suite})
	if driver.KindOf(err) != driver.KindDenied || !strings.Contains(err.Error(), "QINIU_ACCESS_KEY") {
		t.Errorf("%v (%v)", err, driver.KindOf(err))
	}
}
