package engine_test

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestDeniedObjectsKeepNoOthersBack: rights can name keys, so a side that denies many
// objects may allow others.
func TestDeniedObjectsKeepNoOthersBack(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		equal, denied int
		good          []string
	}{
		"in front of good ones":           {equal: 200, denied: 30, good: keys("z", 50)},
		"nothing is equal":                {denied: 30, good: keys("z", 50)},
		"many, and few good ones":         {denied: 300, good: keys("z", 5)},
		"many, and one good folder":       {denied: 300, good: keys("m/", 2)},
		"a good one in the middle folder": {denied: 150, good: append(keys("d050/", 1), keys("d120/", 1)...)},
		"fewer than are doubted":          {denied: 9, good: keys("z", 1)},
	}
	for name, test := range tests {
		for _, call := range []string{"Get", "Put"} {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, key := range keys("e", test.equal) {
					w.put(key, content(1, 1), driver.Attributes{})
				}
				if test.equal > 0 {
					w.sync()
				}
				server := map[string]*memdriver.Server{"Get": w.source, "Put": w.destination}[call]
				for _, key := range keys("d", test.denied) {
					w.put(key, content(1, 1), driver.Attributes{})
					server.Inject(memdriver.Fault{Call: call, Key: key, Effect: memdriver.Fail(403, "AccessDenied")})
				}
				for _, key := range test.good {
					w.put(key, content(1, 1), driver.Attributes{})
				}
				report, err := w.trySync(t.Context())
				if err != nil || report.State != "failed" {
					t.Fatalf("state %q, %v", report.State, err)
				}
				if o := report.Objects; o.Copied != int64(len(test.good)) || o.Failed != int64(test.denied) {
					t.Errorf("%d copied and %d failed, want %d and %d", o.Copied, o.Failed, len(test.good), test.denied)
				}
			})
		}
	}
}

// TestSourceThatMayNotBeReadStopsTheRun after few requests, however many objects there are.
func TestSourceThatMayNotBeReadStopsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range keys("x", 2000) {
		w.put(key, content(1, 1), driver.Attributes{})
	}
	w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Fail(403, "AccessDenied")})
	_, err := w.trySync(t.Context())
	if driver.KindOf(err) != driver.KindDenied {
		t.Errorf("error %v", err)
	}
	if n := w.source.Count("Get"); n > 150 {
		t.Errorf("%d GETs were tried", n)
	}
}

// keys returns n keys that begin with the prefix.
func keys(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%03d", prefix, i)
	}
	return all
}
