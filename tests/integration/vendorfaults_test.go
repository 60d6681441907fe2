package integration

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/dth-dev/dth/tests/servers"
)

// emulated are the vendors whose stores are emulated here, and how each says that it is
// asked too often.
var emulated = map[string]servers.Fault{
	"oss":  {"status": 503, "code": "UploadTrafficRateLimitExceeded", "message": "traffic is limited"},
	"cos":  {"status": 503, "code": "SlowDown", "message": "Please reduce your request rate."},
	"kodo": {"status": 573, "code": "573", "message": "too many requests"},
}

// oddities are what else each vendor is known to answer.
var oddities = map[string][]servers.Fault{
	"oss": {{"op": "GetObject", "do": "truncate", "bytes": 500}},
	"cos": {
		{"op": "CompleteMultipartUpload", "do": "late-error"}, {"op": "CompleteMultipartUpload", "do": "late-result"},
		{"op": "GetObject", "do": "truncate", "bytes": 500}, {"op": "PutObject", "do": "no-crc64"},
	},
	"kodo": {
		{"op": "upload", "do": "579"}, {"op": "completeMultipartUpload", "do": "579"}, {"op": "get", "do": "no-reqid"},
		{"op": "uploadPart", "do": "612"}, {"op": "get", "do": "truncate", "bytes": 500},
	},
}

// merged returns a fault with more in it.
func merged(fault servers.Fault, more servers.Fault) servers.Fault {
	all := servers.Fault{}
	for _, part := range []servers.Fault{fault, more} {
		for name, value := range part {
			all[name] = value
		}
	}
	return all
}

// fillSmall puts small objects and two that travel in parts.
func fillSmall(store *memStore, objects int) {
	for i := range objects {
		key := fmt.Sprintf("small/%03d", i)
		store.put(key, content(key, i*37))
	}
	store.put("parts/one", content("one", 11<<20))
	store.put("parts/two", content("two", 6<<20+1))
}

// TestVendorsThatThrottle: a store that is asked too often slows the run down; nothing
// fails.
func TestVendorsThatThrottle(t *testing.T) {
	t.Parallel()
	for vendor, throttled := range emulated {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
			fillSmall(origin, 100)
			p := newProgram(t, slices.Concat(origin.keys(), store.keys)...)
			store.emulator.Inject(t, merged(throttled, servers.Fault{"op": "*", "do": "error", "share": 0.2, "seed": 7}))
			there := p.must(0, append([]string{"sync", origin.at(""), store.at(""), "--json"}, inParts...)...).report(t)
			back := p.must(0, "sync", store.at(""), origin.at("back/"), "--json").report(t)
			if there.Objects.Copied != 102 || back.Objects.Copied != 102 || there.Objects.Failed+back.Objects.Failed != 0 {
				t.Errorf("there %+v, back %+v: want 102 copied each, none failed", there.Objects, back.Objects)
			}
			refused := int64(0)
			for _, count := range store.emulator.Counts(t) {
				refused += count.Failed
			}
			if refused < 20 {
				t.Errorf("the store refused %d requests only: nothing was tested", refused)
			}
		})
	}
}

// TestVendorFaults lets every vendor's store fail in all ways that it knows, chosen by
// a seed: whatever a run reports as done is there, whole and with evidence, and what it
// does not is copied by a later one.
func TestVendorFaults(t *testing.T) {
	t.Parallel()
	seeds := 1
	if os.Getenv("DTH_FAULTS") == "long" {
		seeds = 12
	}
	for vendor := range emulated {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/seed %d", vendor, seed), func(t *testing.T) {
				t.Parallel()
				surviveFaults(t, vendor, seed)
			})
		}
	}
}

func surviveFaults(t *testing.T, vendor string, seed int) {
	origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
	fillSmall(origin, 150)
	p := newProgram(t, slices.Concat(origin.keys(), store.keys)...)
	arguments := append([]string{"sync", origin.at(""), store.at(""), "--json"}, inParts...)
	inject := func(round int) {
		number := 100*seed + 10*round
		var faults []servers.Fault
		for i, do := range []string{"reset", "lost-answer", "error"} {
			faults = append(faults, servers.Fault{
				"op": "*", "do": do, "share": 0.04, "seed": number + i, "status": 500, "code": "InternalError", "message": "We encountered an internal error.",
			})
		}
		for i, oddity := range oddities[vendor] {
			faults = append(faults, merged(oddity, servers.Fault{"share": 0.05, "seed": number + 5 + i}))
		}
		store.emulator.Inject(t, faults...)
	}
	for round := range 4 {
		inject(round)
		there := p.run(arguments...)
		store.emulator.Heal(t)
		done := there.report(t).Objects
		if there.code > 1 {
			t.Logf("round %d: exit code %d: %s", round, there.code, there.stderr)
		}
		if listed := p.must(0, append(slices.Clone(arguments), "--compare=checksum")...).report(t); there.code == 0 && listed.Objects.Copied > 0 {
			t.Errorf("round %d: a run that reported %+v as done left %d objects to copy", round, done, listed.Objects.Copied)
		}
		origin.put(fmt.Sprintf("round/%d", round), content("round", 1000+round))
		origin.put("parts/one", content(fmt.Sprint("one", round), 11<<20+round))
	}
	p.must(0, arguments...)
	p.must(0, "verify", origin.at(""), store.at(""), "--read")
	if open := store.emulator.OpenUploads(t); vendor != "kodo" && len(open) > 0 {
		t.Errorf("uploads of %q are left open", open)
	}
	inject(9)
	p.run("sync", store.at(""), origin.at("back/"), "--json")
	store.emulator.Heal(t)
	p.must(0, "sync", store.at(""), origin.at("back/"), "--json")
	if got := p.run("verify", store.at(""), origin.at("back/"), "--read"); got.code != 0 {
		t.Errorf("verify --read: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
