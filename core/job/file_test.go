package job_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
)

func TestParseFileNamesTheMistake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, want string }{
		"syntax":             {"stores:\n  cn: {plugin: s3\n", `dth.yaml:2:7: not valid YAML: `},
		"tab":                {"stores:\n\tcn: x\n", `dth.yaml:2:1: not valid YAML: `},
		"no mapping":         {"- a\n", `dth.yaml:1:1: the file is no mapping`},
		"two documents":      {"stores: {}\n---\njobs: {}\n", `a second document begins`},
		"unknown section":    {"stores: {}\njob: {}\n", `dth.yaml:2:1: unknown section "job": did you mean "jobs"?`},
		"empty section":      {"stores:\n", `dth.yaml:1:`},
		"store no mapping":   {"stores:\n  cn: s3\n", `dth.yaml:2:7: store cn is no mapping`},
		"store name":         {"stores:\n  9cn: {plugin: s3}\n", `dth.yaml:2:3: "9cn" cannot name a store`},
		"store, no plugin":   {"stores:\n  cn: {region: x}\n", `dth.yaml:2:3: store cn names no plugin: add "plugin: NAME"`},
		"store twice":        {"stores:\n  cn: {plugin: s3}\n  cn: {plugin: s3}\n", `dth.yaml:3:3: `},
		"secret option":      {"stores:\n  cn:\n    plugin: s3\n    secret-access-key: hunter2\n", `dth.yaml:4:5: option secret-access-key would hold a secret: give a reference instead`},
		"raw credentials":    {"stores:\n  cn: {plugin: s3, credentials: hunter2}\n", `dth.yaml:2:20: credentials are not a reference`},
		"list as value":      {"stores:\n  cn: {plugin: s3, region: [a]}\n", `region takes one plain value`},
		"anchor as value":    {"stores:\n  cn: {plugin: &p s3}\n", `plugin takes one plain value`},
		"alias as value":     {"stores:\n  a: &a {plugin: s3}\n  b: *a\n", `store a is no mapping`},
		"empty value":        {"stores:\n  cn:\n    plugin:\n", `dth.yaml:3:5: plugin has no value`},
		"job name":           {"jobs:\n  all: {source: s3://a, destination: s3://b}\n", `dth.yaml:2:3: "all" cannot name a job`},
		"job, no source":     {"jobs:\n  n: {destination: s3://b}\n", `dth.yaml:2:3: job n has no source: add "source: LOCATION"`},
		"job, bad source":    {"jobs:\n  n:\n    source: s3://a/foo\n    destination: s3://b\n", `dth.yaml:3:13: "s3://a/foo" may mean two things`},
		"job, glob":          {"jobs:\n  n:\n    source: s3://a\n    destination: s3://b/a*\n", `dth.yaml:4:18: "s3://b/a" is no place to write below`},
		"job, setting":       {"jobs:\n  n: {source: s3://a, destination: s3://b, transfer: 3}\n", `dth.yaml:2:44: unknown setting "transfer": did you mean "transfers"?`},
		"job, number":        {"jobs:\n  n:\n    source: s3://a\n    destination: s3://b\n    transfers: -1\n", `dth.yaml:5:16: "-1" is out of range: write a number from 1 to 1024, or 0 for automatic`},
		"job, log level":     {"jobs:\n  n: {source: s3://a, destination: s3://b, log-level: info}\n", `unknown setting "log-level"`},
		"job, reference":     {"jobs:\n  n: {source: s3://a, destination: s3://b, source-credentials: hunter2}\n", `credentials are not a reference`},
		"defaults, choice":   {"defaults:\n  compare: etags\n", `dth.yaml:2:12: unknown value "etags": did you mean "etag"?`},
		"defaults, location": {"defaults:\n  source: s3://a\n", `dth.yaml:2:3: unknown setting "source"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := job.ParseFile("dth.yaml", []byte(c.yaml))
			var mistake *job.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("got %v, want *job.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("\n got %q\nwant %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("repeats the secret: %v", err)
			}
			if mistake.Usage {
				t.Error("a mistake in a file counts as usage")
			}
		})
	}
}

func TestParseFileTakesEmptyFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "comment": "# nothing yet\n", "null": "~\n", "document": "---\n", "bom": "\xef\xbb\xbfstores: {}\n"} {
		if _, err := job.ParseFile("dth.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte("stores: {cn: {plugin: s3, region: x}}\njobs: {n: {source: 's3://a', destination: s3://b}}\ndefaults: {memory: 64MiB}\n"))
	f.Add([]byte("? a\n: *b\n<<: &c !!x 3\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := job.ParseFile("dth.yaml", content)
		var mistake *job.Error
		if err != nil && !errors.As(err, &mistake) {
			t.Fatalf("got %T %v", err, err)
		}
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(path, content string) string {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	explicit := write("explicit.yaml", "defaults: {transfers: 3}\n")
	users := write("config/dth/dth.yaml", "defaults: {transfers: 4, memory: 1GiB}\n")
	getenv := func(name string) string {
		return map[string]string{"XDG_CONFIG_HOME": filepath.Join(folder, "config")}[name]
	}
	flag := func(path string) job.Value {
		return job.Value{Text: path, Origin: job.Origin{Where: "--config", Usage: true}}
	}

	files, err := job.Load(flag(explicit), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != explicit || files[1].Path != users {
		t.Fatalf("loaded %v", files)
	}
	settings, values, err := job.Input{Files: files}.Settings()
	if err != nil || settings.Transfers != 3 || settings.Memory != 1<<30 {
		t.Errorf("settings %+v, %v", settings, err)
	}
	if got := values["memory"].Origin.Where; got != users+":1:34" {
		t.Errorf("memory comes from %s", got)
	}

	_, err = job.Load(flag(filepath.Join(folder, "none.yaml")), getenv)
	if err == nil || !strings.Contains(err.Error(), "--config: there is no file") {
		t.Errorf("a missing --config: %v", err)
	}
	_, err = job.Load(flag(folder), getenv)
	if err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a folder as --config: %v", err)
	}
	big := write("big.yaml", strings.Repeat("#", 1<<20+1))
	if _, err = job.Load(flag(big), getenv); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a huge --config: %v", err)
	}
}
