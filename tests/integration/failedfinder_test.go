package integration

import (
	"strings"
	"testing"
)

// A finder that fails says so to CloudWatch before it ends: an alarm waits for that, and
// the finder of a stack compares once.
func TestFinderThatFailsIsCounted(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	p := newProgram(t, append(append(source.keys(), destination.keys()...), f.env...)...)
	absent := strings.Replace(source.at(""), "mem://"+bucket+"/", "mem://absent/", 1)
	failed := p.run("finder", "--stack=photos", absent, destination.at(""))
	if failed.code == 0 || !strings.Contains(failed.stdout, `"FinderErrorCounts":1`) {
		t.Errorf("it ended with %d and told CloudWatch:\n%s%s", failed.code, failed.stdout, failed.stderr)
	}
	listless := p.run("finder", "--stack=photos", "--prefixes-from", t.TempDir()+"/absent", source.at(""), destination.at(""))
	if listless.code == 0 || !strings.Contains(listless.stdout, `"FinderErrorCounts":1`) {
		t.Errorf("without its list it ended with %d and told CloudWatch:\n%s%s", listless.code, listless.stdout, listless.stderr)
	}
	if ended := p.must(0, "finder", "--stack=photos", source.at(""), destination.at("")); !strings.Contains(ended.stdout, `"FinderErrorCounts":0`) {
		t.Errorf("one that does its work told CloudWatch:\n%s", ended.stdout)
	}
}
