package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// liveStore returns a real bucket of the vendor that the environment names, below a root
// of its own, or nil and what to set for one.
func liveStore(vendor string, environment func(string) string) (*vendorStore, string) {
	name := "DTH_LIVE_" + strings.ToUpper(vendor) + "_"
	store := &vendorStore{
		vendor: vendor, bucket: environment(name + "BUCKET"), options: environment(name + "OPTIONS"), refer: environment(name + "CREDENTIALS"),
		root: fmt.Sprintf("dth-live-%d/", time.Now().UnixNano()),
	}
	if region := environment(name + "REGION"); region != "" {
		store.options = strings.TrimPrefix(store.options+"&region="+region, "&")
	}
	if store.bucket == "" || store.refer == "" {
		return nil, fmt.Sprintf("live %s: not run: set %sBUCKET and %sCREDENTIALS (a reference), and %sREGION or %sOPTIONS (a location's) as needed", vendor, name, name, name, name)
	}
	return store, ""
}

// TestAnyToAnyLive runs the pairs of all vendors for which the environment names a real
// bucket, and says which it did not run.
func TestAnyToAnyLive(t *testing.T) {
	t.Parallel()
	var live []string
	for _, vendor := range vendors {
		store, instead := liveStore(vendor, os.Getenv)
		if store == nil {
			t.Log(instead)
			continue
		}
		live = append(live, vendor)
	}
	for _, from := range live {
		for _, to := range live {
			t.Run(from+" to "+to, func(t *testing.T) {
				first, _ := liveStore(from, os.Getenv)
				second, _ := liveStore(to, os.Getenv)
				for _, store := range []*vendorStore{first, second} {
					store.keys = os.Environ() // of whatever the reference needs
					t.Cleanup(func() { store.sweep(t) })
				}
				if row := copyPair(t, first, second); row.objects == 0 {
					t.Error("nothing was copied")
				}
			})
		}
	}
}

// sweep removes what a live run left below its root, and nothing else.
func (s *vendorStore) sweep(t *testing.T) {
	nothing := startMem(t, "NOTHING")
	p := newProgram(t, append(nothing.keys(), s.keys...)...)
	p.must(0, "sync", nothing.at(""), s.at(""), "--delete", "--max-delete=100%")
}

func TestLiveStore(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"DTH_LIVE_OSS_BUCKET": "b", "DTH_LIVE_OSS_REGION": "cn-hangzhou", "DTH_LIVE_OSS_CREDENTIALS": "env:X",
		"DTH_LIVE_OSS_OPTIONS": "network=internal", "DTH_LIVE_COS_BUCKET": "without credentials",
	}
	store, _ := liveStore("oss", func(name string) string { return environment[name] })
	if want := "oss://b/" + store.root + "in/?network=internal&region=cn-hangzhou&credentials=env:X"; store.at("in/") != want {
		t.Errorf("the location is %s, want %s", store.at("in/"), want)
	}
	for _, vendor := range []string{"cos", "kodo"} {
		store, instead := liveStore(vendor, func(name string) string { return environment[name] })
		if store != nil || !strings.Contains(instead, "DTH_LIVE_"+strings.ToUpper(vendor)+"_BUCKET") || !strings.Contains(instead, "not run") {
			t.Errorf("%s: %v, %q", vendor, store, instead)
		}
	}
}
