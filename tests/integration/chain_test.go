package integration

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// chainObjects is how many objects go through the chain.
const chainObjects = 5000

// TestChain carries a bucket of mixed objects from store to store through all vendors;
// the end is read whole and compared with the start.
func TestChain(t *testing.T) {
	t.Parallel()
	origin := startMem(t, "ORIGIN")
	fillMixed(origin)
	env := origin.keys()
	chain := []string{origin.at("")}
	for i, vendor := range []string{"kodo", "cos", "oss", "s3", "s3compat"} {
		store := startVendor(t, vendor, fmt.Sprintf("LINK%d", i))
		env = append(env, store.keys...)
		chain = append(chain, store.at(""))
	}
	p := newProgram(t, env...)
	for i := 1; i < len(chain); i++ {
		got := p.must(0, append([]string{"sync", chain[i-1], chain[i], "--json"}, inParts...)...)
		if report := got.report(t); report.Objects.Copied != chainObjects {
			t.Fatalf("%s: copied %d objects, want %d", chain[i], report.Objects.Copied, chainObjects)
		}
	}
	for _, start := range []string{chain[0], chain[1]} {
		if got := p.run("verify", start, chain[len(chain)-1], "--read"); got.code != 0 {
			t.Errorf("the end of the chain is not its start: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
}

// fillMixed puts objects of the shapes and sizes that real buckets have.
func fillMixed(store *memStore) {
	types := []string{"text/plain", "image/jpeg", "application/json", "application/x-parquet"}
	for i := range chainObjects {
		size := []int{0, 17, 900, 4 << 10, 4<<10 + 1, 20_000, 70_000}[i%7]
		switch i {
		case 1000, 3000:
			size = 6<<20 + i
		case 2000:
			size = 11 << 20
		}
		key := fmt.Sprintf("year=%d/month=%02d/part %05d-ä.bin", 2020+i%5, 1+i%12, i)
		attributes := driver.Attributes{ContentType: types[i%len(types)]}
		if i%3 == 0 {
			attributes.Metadata = []driver.Metadata{{Name: "owner", Value: fmt.Sprint("team ", i)}}
			attributes.CacheControl = "max-age=300"
		}
		if _, err := store.Put(bucket, key, content(key, size), attributes); err != nil {
			store.t.Fatal(err)
		}
	}
}

// TestServerSideCopies: within one vendor and one credential no body byte passes the
// host, whatever its size, and the evidence is the store's own.
func TestServerSideCopies(t *testing.T) {
	t.Parallel()
	for _, vendor := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin, store := startMem(t, "ORIGIN"), startCopier(t, vendor, "STORE")
			seed(origin, everywhere)
			p := newProgram(t, slices.Concat(origin.keys(), store.keys)...)
			p.must(0, append([]string{"sync", origin.at(""), store.at("in/")}, inParts...)...)
			report := p.must(0, "sync", store.at("in/"), store.at("out/"), "--json").report(t)
			if report.Bytes.Moved != 0 || report.Objects.Inside != report.Objects.Copied || report.Objects.Copied == 0 {
				t.Errorf("%d bytes passed the host, %d of %d objects were copied inside", report.Bytes.Moved, report.Objects.Inside, report.Objects.Copied)
			}
			if report.Evidence.SizeOnly > 0 {
				t.Errorf("evidence %+v: the store knows the checksums of both ends", report.Evidence)
			}
			if got := p.run("verify", store.at("in/"), store.at("out/"), "--read"); got.code != 0 {
				t.Errorf("verify --read: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}
