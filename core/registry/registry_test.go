package registry_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/registry"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/sdk/plugin"
)

// TestMain lets the test binary be the plugin of the reference store when it is
// started under that plugin's name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "dth-plugin-mem" {
		plugin.Serve(memdriver.New(os.Getenv))
		return
	}
	os.Exit(m.Run())
}

// install returns a folder with the plugin mem.
func install(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(folder, "dth-plugin-mem")); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "dth-plugin-mem.yaml", "name: mem\ntitle: Memory store\nprotocol: [1]\n")
	return folder
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}

func locate(t *testing.T, text string) job.Location {
	t.Helper()
	location, err := job.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func TestOpen(t *testing.T) {
	t.Parallel()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.CreateBucket("photos")
	if _, err := server.Put("photos", "a", []byte("1"), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	plugins := registry.New([]string{install(t)}, host.Options{
		Environ: []string{"MINE_ACCESS_KEY_ID=id", "MINE_SECRET_ACCESS_KEY=secret"}, SocketDir: sockets(t),
	})
	bucket, err := plugins.Open(t.Context(), locate(t, "mem://photos?credentials=env:MINE&endpoint="+server.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	page, err := bucket.List(t.Context(), driver.ListRequest{})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "a" {
		t.Errorf("listed %+v, %v", page, err)
	}
	if err := bucket.Close(); err != nil {
		t.Error(err)
	}
}

// sockets returns a folder whose path is short enough for sockets.
func sockets(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "dth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

func TestOpenExplainsMistakes(t *testing.T) {
	t.Parallel()
	folder := install(t)
	write(t, folder, "dth-plugin-bad.yaml", "name: bad\nprotocol: one\n")
	plugins := registry.New([]string{folder}, host.Options{Environ: []string{}, SocketDir: sockets(t)})
	for name, c := range map[string]struct{ location, want string }{
		"unknown plugin":  {"men://a", `unknown plugin "men": did you mean "mem"? (`},
		"broken manifest": {"bad://a", `dth-plugin-bad.yaml:2:11: `},
		"unknown option":  {"mem://a?endpiont=http://127.0.0.1:1", `unknown option "endpiont" of plugin mem: did you mean "endpoint"?`},
		"refused value":   {"mem://a?endpoint=http://127.0.0.1:1&min-part=x", `min-part`},
		"credentials":     {"mem://a?endpoint=http://127.0.0.1:1&credentials=env:NONE", `NONE_ACCESS_KEY_ID`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket, err := plugins.Open(t.Context(), locate(t, c.location))
			if err == nil {
				_ = bucket.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("\n got %v\nwant %q in it", err, c.want)
			}
		})
	}
}

func TestNoPlugins(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "none")
	_, err := registry.New([]string{folder}, host.Options{}).Open(t.Context(), locate(t, "s3://a"))
	want := `unknown plugin "s3": no plugins are installed in ` + folder + `: install them there, or give --plugin-dir`
	var mistake *job.Error
	if !errors.As(err, &mistake) || mistake.Usage || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestPluginsAndDescribe(t *testing.T) {
	t.Parallel()
	first, second := install(t), install(t)
	plugins := registry.New([]string{first, second}, host.Options{SocketDir: sockets(t)})
	manifests, err := plugins.Plugins()
	if err != nil || len(manifests) != 1 || filepath.Dir(manifests[0].Binary) != first {
		t.Fatalf("found %+v, %v", manifests, err)
	}
	description, err := plugins.Describe(t.Context(), manifests[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(memdriver.Description(), description); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
