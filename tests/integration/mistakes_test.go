package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestMistakesInWords gives dth words that it must refuse. Each is told in one line before
// any store is asked, with the exit code for usage or for the configuration.
func TestMistakesInWords(t *testing.T) {
	t.Parallel()
	source, destination := startMem(t, "SRC"), startMem(t, "DST")
	p := newProgram(t, append(source.keys(), destination.keys()...)...)
	source.put("a", []byte("1"))
	p.write("bad.yaml", "stores:\n  cn: {plugin: mem}\njobs:\n  nightly:\n    source: cn:data\n    tranfers: 3\n")
	p.write("broken.yaml", "stores:\n  cn: {plugin: mem\n")
	p.write("number.yaml", "defaults:\n  transfers: -4\n")
	from, to := source.at(""), destination.at("")
	sizes := ` is no size in range: write \w+ to \w+, or 0 for automatic`
	for name, test := range map[string]struct {
		arguments []string
		code      int
		stderr    string
	}{
		"unknown scheme":                          {[]string{"sync", strings.Replace(from, "mem:", "men:", 1), to}, 3, `dth: source: unknown plugin "men": did you mean "mem"\?`},
		"malformed location":                      {[]string{"sync", "data", to}, 2, `dth: source: "data" is no location: write SCHEME://BUCKET/PREFIX/, such as .*`},
		"no bucket":                               {[]string{"sync", from, "mem:///"}, 2, `dth: destination: "mem:///" names no bucket: write SCHEME://BUCKET/PREFIX/ .*`},
		"ambiguous prefix":                        {[]string{"sync", source.at("foo"), to}, 2, `dth: source: "mem://data/foo" may mean two things: write "mem://data/foo/" .* or "mem://data/foo\*" .*`},
		"bare question mark":                      {[]string{"sync", "mem://data/what?", to}, 2, `dth: source: nothing follows the "\?": write \?NAME=VALUE, or %3F for a "\?" in the prefix`},
		"unknown option":                          {[]string{"sync", from, to + "&framig=raw"}, 2, `dth: destination: unknown option "framig" of plugin mem: did you mean "framing"\?`},
		"missing option":                          {[]string{"sync", "mem://data?credentials=env:SRC", to}, 3, `dth: source: plugin mem needs option endpoint \(.*\): add \?endpoint=VALUE to the location, .*`},
		"unknown flag":                            {[]string{"sync", from, to, "--transfer=3"}, 2, `dth: unknown flag --transfer, did you mean "--transfers"\?: see dth --help`},
		"the same":                                {[]string{"sync", from, from}, 2, `dth: source and destination are the same \(bucket .*\): choose prefixes that do not contain each other`},
		"inside the source":                       {[]string{"sync", from, source.at("dir/")}, 2, `dth: the destination lies inside the source \(bucket .*\): choose prefixes .*`},
		"inside the other":                        {[]string{"sync", source.at("dir/"), from}, 2, `dth: the source lies inside the destination \(bucket .*\): choose prefixes .*`},
		"the same object":                         {[]string{"copy", source.at("a"), from}, 2, `dth: source and destination are the same object: choose another bucket or key`},
		"negative transfers":                      {[]string{"sync", from, to, "--transfers=-1"}, 2, `dth: --transfers: "-1" is out of range: write a number from 1 to 1024, or 0 for automatic`},
		"absurd transfers":                        {[]string{"sync", from, to, "--transfers=99999999999999999999"}, 2, `dth: --transfers: "9+" is out of range: .*`},
		"negative memory":                         {[]string{"sync", from, to, "--memory=-1MiB"}, 2, `dth: --memory: "-1MiB"` + sizes},
		"absurd memory":                           {[]string{"sync", from, to, "--memory=9999999999TiB"}, 2, `dth: --memory: "9+TiB"` + sizes},
		"absurd part size":                        {[]string{"sync", from, to, "--part-size=1B"}, 2, `dth: --part-size: "1B"` + sizes},
		"threshold of no size":                    {[]string{"sync", from, to, "--multipart-threshold=large"}, 2, `dth: --multipart-threshold: "large"` + sizes},
		"negative deletions":                      {[]string{"sync", from, to, "--max-delete=-1"}, 2, `dth: --max-delete: "-1" is neither a number of objects nor a share: .*`},
		"absurd share":                            {[]string{"sync", from, to, "--max-delete=NaN%"}, 2, `dth: --max-delete: "NaN%" is neither a number of objects nor a share: .*`},
		"unknown word in yaml":                    {[]string{"sync", "@nightly", "--config=bad.yaml"}, 3, `dth: bad\.yaml:6:5: unknown setting "tranfers": did you mean "transfers"\?`},
		"yaml that is none":                       {[]string{"sync", from, to, "--config=broken.yaml"}, 3, `dth: broken\.yaml:2:\d+: .*`},
		"number in yaml":                          {[]string{"sync", from, to, "--config=number.yaml"}, 3, `dth: number\.yaml:2:14: "-4" is out of range: .*`},
		"state below a file":                      {[]string{"sync", from, to, "--state=bad.yaml/state"}, 3, `dth: state directory \S+/bad\.yaml/state cannot be written \(.*not a directory\): give this user the right to write there, or choose another directory with --state DIR`},
		"state that is a file":                    {[]string{"sync", from, to, "--state=bad.yaml"}, 3, `dth: state directory \S+/bad\.yaml cannot be written \(.*not a directory\): .*`},
		"state in a place that cannot be written": {[]string{"sync", from, to, "--state=/sys/dth-state"}, 3, `dth: state directory /sys/dth-state cannot be written \(.*\): give this user the right to write there, or choose another directory with --state DIR`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.run(test.arguments...).expect(t, test.code, test.stderr)
		})
	}
	t.Cleanup(func() { // after the parallel subtests
		if n := destination.Count("Put"); n > 0 {
			t.Errorf("mistakes made %d PUTs", n)
		}
	})
}

// TestDeniedListingDeletesNothing: a listing that breaks off, on either side, is never taken
// for the end of a bucket.
func TestDeniedListingDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, side := range map[string]string{"source": "source", "destination": "destination"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, destination := startMem(t, "SRC"), startMem(t, "DST")
			p := newProgram(t, append(source.keys(), destination.keys()...)...)
			for i := range 1200 { // two pages
				key := "key-" + strings.Repeat("x", i)
				if len(key) > 1000 {
					key = "long-" + strings.Repeat("y", i-900)
				}
				source.put(key, nil)
				destination.put(key, nil)
			}
			for i := range 100 {
				destination.put("extra-"+strings.Repeat("x", i), nil)
			}
			before := len(destination.Keys(bucket))
			denying := map[string]*memStore{"source": source, "destination": destination}[side]
			denying.Inject(memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Fail(http.StatusForbidden, "AccessDenied")})
			p.run("sync", source.at(""), destination.at(""), "--delete", "--max-delete=100%").expect(t, 3,
				`dth: `+side+`: bucket "data": List: .*AccessDenied.*; check the credentials of the `+side+` and that they may list this bucket`)
			if after := len(destination.Keys(bucket)); after != before || destination.Count("Delete") > 0 {
				t.Errorf("%d of %d objects are left", after, before)
			}
			denying.Heal()
			if report := p.must(0, "sync", source.at(""), destination.at(""), "--delete", "--max-delete=100%", "--json").report(t); report.Objects.Deleted != 100 {
				t.Errorf("the next run: %+v", report.Objects)
			}
		})
	}
}
