package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakes gives the real program bad input: each names side, what, and what to
// do, exits with its code, and leaves both stores as they were.
func TestMistakes(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	put(t, s.source, "src", map[string]string{"a": "1"})
	s.write("bad.yaml", "jobs:\n  nightly:\n    source: mem://src\n    destination: mem://dst\n    tranfers: 3\n")
	s.write("jobs.yaml", "stores:\n  cn: {plugin: mem}\n  odd: {plugin: mem, endpiont: 'http://127.0.0.1:1', credentials: env:SRC}\njobs:\n  nightly: {source: cn:src, destination: cn:dst}\n")
	s.write("taken", "")
	for name, c := range map[string]struct {
		args []string
		code int
		want string // in stderr; the whole of it when it ends in a line break
	}{
		"no command":          {nil, exitUsage, `dth: expected one of "sync"`},
		"unknown command":     {[]string{"snyc"}, exitUsage, `dth: unexpected argument snyc`},
		"unknown flag":        {[]string{"sync", s.from, s.to, "--transfer=3"}, exitUsage, `dth: unknown flag --transfer, did you mean "--transfers"?: see dth --help`},
		"no destination":      {[]string{"sync", s.from}, exitUsage, "dth: the destination is missing: write SOURCE and DESTINATION, or @NAME for a job of dth.yaml\n"},
		"malformed location":  {[]string{"sync", "nowhere", s.to}, exitUsage, `dth: source: "nowhere" is no location: write SCHEME://BUCKET/PREFIX/`},
		"bare prefix":         {[]string{"sync", "mem://src/foo", s.to}, exitUsage, `dth: source: "mem://src/foo" may mean two things: write "mem://src/foo/"`},
		"bare destination":    {[]string{"sync", s.from, "mem://dst/foo*"}, exitUsage, `dth: destination: "mem://dst/foo" is no place to write below`},
		"unknown scheme":      {[]string{"sync", "men://src", s.to}, exitSetup, "dth: source: unknown plugin \"men\": did you mean \"mem\"?\n"},
		"unknown option":      {[]string{"sync", s.from + "&framig=raw", s.to}, exitUsage, "dth: source: unknown option \"framig\" of plugin mem: did you mean \"framing\"?\n"},
		"option by flag":      {[]string{"sync", s.from, s.to, "--destination-option", "framig=raw"}, exitUsage, `dth: destination: --destination-option: unknown option "framig"`},
		"option in a store":   {[]string{"sync", "odd:src", s.to, "--config=jobs.yaml"}, exitSetup, `dth: source: jobs.yaml:3:32: unknown option "endpiont" of plugin mem: did you mean "endpoint"?`},
		"option's value":      {[]string{"sync", s.from + "&framing=odd", s.to}, exitUsage, `dth: source: option framing of plugin mem cannot be "odd": write one of raw, form, trailer`},
		"required option":     {[]string{"sync", "mem://src?credentials=env:SRC", s.to}, exitSetup, `dth: source: plugin mem needs option endpoint`},
		"no credentials":      {[]string{"sync", strings.Replace(s.from, "env:SRC", "env:NONE", 1), s.to}, exitSetup, `dth: source: `},
		"unknown store":       {[]string{"sync", "nc:src", s.to, "--config=jobs.yaml"}, exitSetup, "dth: source: unknown store \"nc\": did you mean \"cn\"?\n"},
		"unknown job":         {[]string{"sync", "@nigthly", "--config=jobs.yaml"}, exitSetup, "dth: unknown job \"nigthly\": did you mean \"nightly\"?\n"},
		"no jobs":             {[]string{"sync", "@all"}, exitSetup, "dth: there are no jobs: add them under \"jobs:\" in dth.yaml\n"},
		"job and destination": {[]string{"sync", "@nightly", s.to}, exitUsage, `dth: @nightly has its own destination`},
		"bad yaml":            {[]string{"sync", "@nightly", "--config=bad.yaml"}, exitSetup, "dth: bad.yaml:5:5: unknown setting \"tranfers\": did you mean \"transfers\"?\n"},
		"no such config":      {[]string{"sync", s.from, s.to, "--config=none.yaml"}, exitSetup, "dth: --config: there is no file none.yaml\n"},
		"negative number":     {[]string{"sync", s.from, s.to, "--transfers=-1"}, exitUsage, "dth: --transfers: \"-1\" is out of range: write a number from 1 to 1024, or 0 for automatic\n"},
		"absurd number":       {[]string{"sync", s.from, s.to, "--memory=9999PiB"}, exitUsage, `dth: --memory: "9999PiB" is no size in range: write 16MiB to 1TiB`},
		"absurd part":         {[]string{"sync", s.from, s.to, "--part-size=1B"}, exitUsage, `dth: --part-size: "1B" is no size in range: write 5MiB to 5GiB`},
		"absurd share":        {[]string{"sync", s.from, s.to, "--max-delete=101%"}, exitUsage, `dth: --max-delete: "101%" is neither a number of objects nor a share`},
		"log level":           {[]string{"sync", s.from, s.to, "--log-level=debgu"}, exitUsage, "dth: --log-level: unknown value \"debgu\": did you mean \"debug\"?\n"},
		"acl":                 {[]string{"sync", s.from, s.to, "--acl=private"}, exitUsage, "dth: destination: --acl: plugin mem has no option acl, because its store has nothing of the kind: leave it out\n"},
		"encryption":          {[]string{"copy", strings.Replace(s.from, "src?", "src/a?", 1), s.to, "--sse=aws:kms=k"}, exitUsage, "dth: destination: --sse: plugin mem has no option sse, because its store has nothing of the kind: leave it out\n"},
		"requester pays":      {[]string{"plan", s.from, s.to, "--requester-pays"}, exitUsage, "dth: source: --requester-pays: plugin mem has no option requester-pays, because its store has nothing of the kind: leave it out\n"},
		"acl in a location":   {[]string{"sync", s.from, s.to + "&acl=private"}, exitUsage, "dth: destination: plugin mem has no option acl, because its store has nothing of the kind: leave it out\n"},
		"metadata":            {[]string{"sync", s.from, s.to, "--metadata=nil"}, exitUsage, "dth: --metadata: unknown value \"nil\": known: all, none\n"},
		"tags, no metadata":   {[]string{"sync", s.from, s.to, "--metadata=none", "--tags", "--state=tags"}, exitUsage, "dth: --tags: metadata is none, which leaves tags out too: leave --tags out, or --metadata\n"},
		"same place":          {[]string{"sync", s.from, s.from}, exitUsage, `dth: source and destination are the same`},
		"inside":              {[]string{"sync", s.from, strings.Replace(s.from, "src?", "src/a/?", 1)}, exitUsage, `dth: the destination lies inside the source`},
		"same object":         {[]string{"copy", strings.Replace(s.from, "src?", "src/a?", 1), s.from}, exitUsage, `dth: source and destination are the same object`},
		"no object":           {[]string{"copy", s.from, s.to, "--state=none-named"}, exitUsage, `dth: source: "mem://src" names no object`},
		"missing bucket":      {[]string{"sync", strings.Replace(s.from, "src?", "none?", 1), s.to}, exitSetup, `dth: source: bucket "none": `},
		"missing target":      {[]string{"sync", s.from, strings.Replace(s.to, "dst?", "none?", 1)}, exitSetup, `dth: destination: bucket "none": `},
		"state is a file":     {[]string{"sync", s.from, s.to, "--state=taken"}, exitSetup, `dth: state directory `},
		"status of nothing":   {[]string{"status", "--state=none"}, exitSetup, `dth: no state in `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.run(c.args...)
			if got.code != c.code || !strings.HasPrefix(got.stderr, c.want) || got.stdout != "" {
				t.Errorf("\n got %d %q\nwant %d %q\nstdout %q", got.code, got.stderr, c.code, c.want, got.stdout)
			}
		})
	}
	t.Cleanup(func() { // after the parallel subtests
		if keys := s.destination.Keys("dst"); len(keys) > 0 {
			t.Errorf("a mistake wrote %q", keys)
		}
	})
}

func TestPluginList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if got := p.run("plugin", "list"); got.code != exitDone || !strings.HasPrefix(got.stdout, "mem  Memory store") || strings.Contains(got.stdout, "framing") {
		t.Errorf("%+v", got)
	}
	got := p.run("plugin", "list", "-v")
	if got.code != exitDone || !strings.Contains(got.stdout, "framing") || !strings.Contains(got.stdout, "(one of raw, form, trailer; default raw)") {
		t.Errorf("-v: %+v", got)
	}
	if got := p.run("plugin", "list", "-v", "--json"); got.code != exitDone || !strings.Contains(got.stdout, `"name": "framing"`) {
		t.Errorf("--json: %+v", got)
	}

	broken := t.TempDir()
	p.write(filepath.Join(broken, "dth-plugin-bad.yaml"), "name: bad\nprotocoll: [1]\n")
	got = p.run("plugin", "list", "--plugin-dir", broken+string(os.PathListSeparator)+p.plugins)
	if got.code != exitSetup || !strings.Contains(got.stderr, "dth-plugin-bad.yaml:2:1: ") || !strings.HasPrefix(got.stdout, "mem ") {
		t.Errorf("beside a broken manifest: %+v", got)
	}
	p.env = append(p.env, "DTH_PLUGIN_DIR=")
	if got := p.run("plugin", "list"); got.code != exitDone || !strings.Contains(got.stderr, "no plugins found") {
		t.Errorf("without plugins: %+v", got)
	}
}
