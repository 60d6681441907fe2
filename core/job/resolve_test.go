package job_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

func file(t *testing.T, path, content string) *job.File {
	t.Helper()
	parsed, err := job.ParseFile(path, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestPrecedence takes the strongest place away, one at a time.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	places := []string{"--transfers", "DTH_TRANSFERS", "dth.yaml:2:60", "dth.yaml:1:23", "user.yaml:1:23", "default"}
	for i, want := range places {
		in := job.Input{}
		ofJob := ""
		if i <= 0 {
			in.Flags = map[string]job.Value{"transfers": {Text: "1", Origin: job.Origin{Where: "--transfers", Usage: true}}}
		}
		if i <= 1 {
			in.Environ = job.Environ([]string{"DTH_TRANSFERS=2", "HOME=/"})
		}
		if i <= 2 {
			ofJob = ", transfers: 3"
		}
		project := "jobs: {n: {source: s3://a, destination: s3://b" + ofJob + "}}\n"
		if i <= 3 {
			project = "defaults: {transfers: 4}\n" + project
		}
		in.Files = append(in.Files, file(t, "dth.yaml", project))
		if i <= 4 {
			in.Files = append(in.Files, file(t, "user.yaml", "defaults: {transfers: 5}\n"))
		}
		got, err := in.Named("n")
		if err != nil {
			t.Fatal(err)
		}
		wantValue := i + 1
		if want == "default" {
			wantValue = 0
		}
		if origin := got.Values["transfers"].Origin.String(); origin != want || got.Settings.Transfers != wantValue {
			t.Errorf("place %d: %d from %s, want %d from %s", i, got.Settings.Transfers, origin, wantValue, want)
		}
	}
}

// TestOptionPrecedence does the same for an option of a location.
func TestOptionPrecedence(t *testing.T) {
	t.Parallel()
	places := []string{"--source-option", "location", "DTH_SOURCE_REGION", "dth.yaml:1:37"}
	for i, want := range places {
		in := job.Input{Files: []*job.File{file(t, "dth.yaml", "stores: {cn: {plugin: s3,   region: store, endpoint: there}}\n")}}
		text := "cn:a"
		if i <= 0 {
			in.SourceOptions = map[string]string{"region": "flag"}
		}
		if i <= 1 {
			text += "?region=location"
		}
		if i <= 2 {
			in.Environ = job.Environ([]string{"DTH_SOURCE_REGION=variable"})
		}
		got, err := in.Sync(text, "s3://b?region=other")
		if err != nil {
			t.Fatal(err)
		}
		wantOptions := map[string]string{"region": []string{"flag", "location", "variable", "store"}[i], "endpoint": "there"}
		if diff := cmp.Diff(wantOptions, got.Source.Options); diff != "" {
			t.Errorf("place %d (-want +got):\n%s", i, diff)
		}
		if origin := got.Source.Origins["region"].String(); origin != want {
			t.Errorf("place %d: from %s, want %s", i, origin, want)
		}
		if got.Source.Plugin != "s3" || got.Source.Store != "cn" {
			t.Errorf("store resolved to %+v", got.Source)
		}
		if got.Destination.Options["region"] != "other" {
			t.Errorf("the destination took %v", got.Destination.Options)
		}
	}
}

func TestCredentialsPrecedence(t *testing.T) {
	t.Parallel()
	config := file(t, "dth.yaml", `
stores: {cn: {plugin: s3, credentials: profile:store}}
jobs: {n: {source: cn:a, source-credentials: profile:job, destination: cn:b}}
`)
	in := job.Input{Files: []*job.File{config}}
	got, err := in.Named("n")
	if err != nil {
		t.Fatal(err)
	}
	if got.Source.Credentials != "profile:job" || got.Destination.Credentials != "profile:store" {
		t.Errorf("got %q and %q", got.Source.Credentials, got.Destination.Credentials)
	}
	in.Environ = map[string]string{"DTH_SOURCE_CREDENTIALS": "env:SRC"}
	in.DestinationOptions = map[string]string{"credentials": "anonymous"}
	if got, err = in.Named("n"); err != nil {
		t.Fatal(err)
	}
	if got.Source.Credentials != "env:SRC" || got.Destination.Credentials != "anonymous" {
		t.Errorf("got %q and %q", got.Source.Credentials, got.Destination.Credentials)
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	config := file(t, "dth.yaml", "stores: {cn: {plugin: s3}}\njobs: {nightly: {source: cn:a, destination: cn:b}}\n")
	flag := func(name, text string) map[string]job.Value {
		return map[string]job.Value{name: {Text: text, Origin: job.Origin{Where: "--" + name, Usage: true}}}
	}
	for name, c := range map[string]struct {
		in          job.Input
		source      string
		want        string
		commandLine bool
	}{
		"malformed":     {job.Input{}, "nowhere", `source: "nowhere" is no location`, true},
		"unknown store": {job.Input{}, "nc:a", `source: unknown store "nc": did you mean "cn"?`, false},
		"unknown job":   {job.Input{}, "@nigthly", `unknown job "nigthly": did you mean "nightly"?`, false},
		"flag":          {job.Input{Flags: flag("transfers", "-1")}, "cn:a", `--transfers: "-1" is out of range`, true},
		"variable":      {job.Input{Environ: map[string]string{"DTH_MEMORY": "1e9"}}, "cn:a", `DTH_MEMORY: "1e9" is no size in range`, false},
		"flag secret":   {job.Input{SourceOptions: map[string]string{"secret-key": "hunter2"}}, "cn:a", `--source-option: option secret-key would hold a secret`, true},
		"flag raw":      {job.Input{SourceOptions: map[string]string{"credentials": "hunter2"}}, "cn:a", `--source-credentials: credentials are not a reference`, true},
		"variable secret": {job.Input{Environ: map[string]string{"DTH_SOURCE_SECRET_ACCESS_KEY": "hunter2"}}, "cn:a",
			`DTH_SOURCE_SECRET_ACCESS_KEY: option secret-access-key would hold a secret`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := c.in
			in.Files = []*job.File{config}
			var err error
			if named, ok := strings.CutPrefix(c.source, "@"); ok {
				_, err = in.Named(named)
			} else {
				_, err = in.Sync(c.source, "cn:b")
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("\n got %v\nwant %s…", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("repeats the secret: %v", err)
			}
			var mistake *job.Error
			if !errors.As(err, &mistake) || mistake.Usage != c.commandLine {
				t.Errorf("%T %+v, want usage %v", err, err, c.commandLine)
			}
		})
	}
}

func TestSettingsRefuseAbsurdNumbers(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][]string{
		"transfers":           {"-1", "1025", "99999999999999999999", "1.5", "", "0x10", "many"},
		"memory":              {"-1MiB", "1MiB", "2TiB", "9223372036854775807TiB", "1 parsec", "", "MiB", "64mib"},
		"part-size":           {"1", "4MiB", "6GiB", "-5MiB"},
		"multipart-threshold": {"1", "6GiB"},
		"min-rate":            {"-1", "2GiB", "fast", ""},
		"max-delete":          {"-1", "101%", "-1%", "NaN%", "Inf%", "%", "", "ten"},
		"compare":             {"", "Auto", "md5"},
		"delete":              {"yes", "", "1"},
		"log-level":           {"verbose", ""},
	} {
		for _, text := range texts {
			in := job.Input{Flags: map[string]job.Value{name: {Text: text, Origin: job.Origin{Where: "--" + name, Usage: true}}}}
			if _, _, err := in.Settings(); err == nil || !strings.HasPrefix(err.Error(), "--"+name+": ") {
				t.Errorf("--%s=%q: %v", name, text, err)
			}
		}
	}
}

func TestSettingsAcceptSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "67108864": 1 << 26, "67108864B": 1 << 26, "64MiB": 1 << 26, "64 MiB": 1 << 26, "100MB": 1e8, "1GiB": 1 << 30, "1TiB": 1 << 40,
	} {
		in := job.Input{Environ: map[string]string{"DTH_MEMORY": text}}
		settings, _, err := in.Settings()
		if err != nil || settings.Memory != want {
			t.Errorf("%q is %d, %v; want %d", text, settings.Memory, err, want)
		}
	}
}

func TestMaxDeleteAllows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"10%": 20, "0%": 0, "100%": 200, "7": 7, "0": 0, "0.5%": 1} {
		in := job.Input{Environ: map[string]string{"DTH_MAX_DELETE": text}}
		settings, _, err := in.Settings()
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.MaxDelete.Allows(200); got != want {
			t.Errorf("%s of 200 allows %d, want %d", text, got, want)
		}
	}
}

func TestCheckOptions(t *testing.T) {
	t.Parallel()
	description := driver.Description{Name: "s3compat", Options: []driver.Option{
		{Name: "endpoint", Summary: "URL of the store", Required: true},
		{Name: "region"},
		{Name: "style", Values: []string{"path", "virtual-host"}},
	}}
	config := file(t, "dth.yaml", "stores: {lab: {plugin: s3compat, endpoint: http://x, regoin: y}}\n")
	for name, c := range map[string]struct{ location, want string }{
		"good":         {"s3compat://b?endpoint=http://x&style=path", ""},
		"unknown":      {"s3compat://b?endpoint=http://x&regoin=y", `unknown option "regoin" of plugin s3compat: did you mean "region"?`},
		"far":          {"s3compat://b?endpoint=http://x&zzz=y", `unknown option "zzz" of plugin s3compat: known: endpoint, region, style`},
		"value":        {"s3compat://b?endpoint=http://x&style=paths", `option style of plugin s3compat cannot be "paths": write one of path, virtual-host`},
		"missing":      {"s3compat://b", `plugin s3compat needs option endpoint (URL of the store): add ?endpoint=VALUE`},
		"in the store": {"lab:b", `dth.yaml:1:62: unknown option "regoin" of plugin s3compat: did you mean "region"?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resolved, err := job.Input{Files: []*job.File{config}}.Sync(c.location, "s3://b")
			if err != nil {
				t.Fatal(err)
			}
			err = job.CheckOptions(resolved.Source, description)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestStateName(t *testing.T) {
	t.Parallel()
	resolve := func(source, destination string) job.Job {
		resolved, err := job.Input{}.Sync(source, destination)
		if err != nil {
			t.Fatal(err)
		}
		return resolved
	}
	names := map[string]bool{}
	for _, pair := range [][2]string{
		{"s3://a", "s3://b"}, {"s3://a/p/", "s3://b"}, {"s3://a", "s3://b/p/"}, {"s3://a/p*", "s3://b"}, {"s3://a/p-*", "s3://b"},
		{"s3://a/" + strings.Repeat("långt/", 100), "s3://b"},
	} {
		name := job.StateName(resolve(pair[0], pair[1]), "host/a", "host/b")
		names[name] = true
		if len(name) > 120 || strings.ContainsAny(name, "/ \\") || strings.HasPrefix(name, ".") {
			t.Errorf("%q is no good folder name", name)
		}
	}
	names[job.StateName(resolve("s3://a", "s3://b"), "elsewhere/a", "host/b")] = true
	if len(names) != 7 {
		t.Errorf("different pairs share a state: %v", slices.Sorted(maps.Keys(names)))
	}
	plain := job.StateName(resolve("s3://a", "s3://b"), "host/a", "host/b")
	if other := job.StateName(resolve("s3compat://a?region=x", "s3://b"), "host/a", "host/b"); other != plain {
		t.Errorf("two spellings of one pair have states %s and %s", plain, other)
	}
	if !strings.HasPrefix(plain, "a--b-") {
		t.Errorf("state name %q", plain)
	}
}

func TestStateRoot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ map[string]string
		want    string
	}{
		"xdg":      {map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/dth"},
		"relative": {map[string]string{"XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/dth"},
		"home":     {map[string]string{"HOME": "/h"}, "/h/.local/state/dth"},
		"neither":  {nil, ""},
	} {
		got, err := job.StateRoot(func(name string) string { return c.environ[name] })
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
