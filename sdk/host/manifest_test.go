package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/host"
)

const goodManifest = `name: x
title: Store X
protocol: [1, 2]
environment:
  always: [HOME, AWS_*]
  default-credentials: [X_SECRET]
  secret-credentials: [AWS_*]
`

// put writes files below a folder, and none whose content is empty.
func put(tb testing.TB, dir string, files map[string]string) {
	tb.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"first/dth-plugin-x.yaml":   goodManifest,
		"first/dth-plugin-x":        "never run",
		"first/notes.txt":           "not a plugin",
		"second/dth-plugin-x.yaml":  strings.Replace(goodManifest, "Store X", "hidden by the first", 1),
		"second/dth-plugin-a.yaml":  strings.Replace(goodManifest, "name: x", "name: a", 1),
		"second/dth-plugin-no-yaml": "a program without a manifest",
	})
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	found, err := host.Find([]string{filepath.Join(dir, "absent"), first, second})
	want := []host.Manifest{
		{Name: "a", Title: "Store X", Protocol: []int{1, 2}, Binary: filepath.Join(second, "dth-plugin-a"), Source: filepath.Join(second, "dth-plugin-a.yaml")},
		{Name: "x", Title: "Store X", Protocol: []int{1, 2}, Binary: filepath.Join(first, "dth-plugin-x"), Source: filepath.Join(first, "dth-plugin-x.yaml")},
	}
	for i := range want {
		want[i].Environment = host.Environment{Always: []string{"HOME", "AWS_*"}, DefaultCredentials: []string{"X_SECRET"}, SecretCredentials: []string{"AWS_*"}}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	if want := "plugin " + filepath.Join(second, "dth-plugin-no-yaml") + " has no manifest; put dth-plugin-no-yaml.yaml beside it"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestManifestErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"unknown field":   {goodManifest + "binary: /bin/sh\n", `FILE:8:1: unknown field "binary"`},
		"wrong type":      {strings.Replace(goodManifest, "[1, 2]", "one", 1), `FILE:3:11: `},
		"no YAML":         {"name: [x\n", "FILE:1:"},
		"empty":           {"", "FILE:1:1: the manifest is empty"},
		"name":            {strings.Replace(goodManifest, "name: x", "name: y", 1), `FILE: name is "y"; the file's name calls for "x"`},
		"no protocol":     {strings.Replace(goodManifest, "[1, 2]", "[]", 1), "FILE: protocol is missing; write protocol: [1]"},
		"absurd variable": {strings.Replace(goodManifest, "AWS_*", "'*_KEY'", 1), `FILE: environment variable "*_KEY" is neither a name nor PREFIX_*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, dir, map[string]string{"dth-plugin-x.yaml": test.content})
			path := filepath.Join(dir, "dth-plugin-x.yaml")
			_, err := host.ReadManifest(path)
			if want := strings.ReplaceAll(test.want, "FILE", path); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
