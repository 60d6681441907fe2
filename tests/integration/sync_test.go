package integration

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/tests/servers"
)

var expires = time.Date(2033, 12, 1, 16, 0, 0, 0, time.UTC)

// inParts makes objects of 6 MiB and more travel in parts of 5 MiB.
var inParts = []string{"--part-size=5MiB", "--multipart-threshold=6MiB"}

// TestCycle takes a bucket through everything that users do with it, from each
// real store to the other.
func TestCycle(t *testing.T) {
	t.Parallel()
	for name, products := range map[string][2]servers.Product{
		"versitygw to MinIO": {servers.VersityGW, servers.MinIO},
		"MinIO to versitygw": {servers.MinIO, servers.VersityGW},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCycle(t, products)
			c.first()
			c.second()
			c.differences()
			c.guards()
			c.copyOne()
		})
	}
}

// cycle is a pair of real stores and what the source was filled with.
type cycle struct {
	*program
	source, destination *realStore
	objects             map[string]stored
}

func newCycle(t *testing.T, products [2]servers.Product) *cycle {
	t.Helper()
	c := &cycle{source: startReal(t, products[0], "SRC"), destination: startReal(t, products[1], "DST"), objects: map[string]stored{}}
	c.program = newProgram(t, append(c.source.keys(), c.destination.keys()...)...)
	sizes := map[string]int{"large/17MiB": 17 << 20, "large/1MiB+1": 1<<20 + 1, "large/6MiB": 6 << 20}
	for i := range 25 {
		sizes[fmt.Sprintf("empty/%02d", i)] = 0
		sizes[fmt.Sprintf("one byte/%02d", i)] = 1
	}
	for i := range 100 {
		sizes[fmt.Sprintf("4KiB/ä+ %%#&/%03d", i)] = 4 << 10
	}
	var group errgroup.Group
	group.SetLimit(4)
	for key, size := range sizes {
		data := content(key, size)
		object := attributes(key)
		object.Size, object.SHA256 = int64(size), sha256.Sum256(data)
		c.objects[key] = object
		group.Go(func() error { return c.source.put(t.Context(), key, data, object) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// attributes are what an object has beside its bytes.
func attributes(key string) stored {
	if strings.HasSuffix(key, "1") {
		return stored{Type: "application/octet-stream", Metadata: map[string]string{}}
	}
	return stored{
		Type: "text/x-test; charset=utf-8", Cache: "max-age=60, private", Disposition: `attachment; filename="a b.txt"`, Encoding: "zstd",
		Language: "de, en", Expires: expires.Format("Mon, 02 Jan 2006 15:04:05 GMT"), Metadata: map[string]string{"owner": "me & you", "note": "a=b; c"},
	}
}

// content returns bytes that no other key has.
func content(key string, size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(key))).Read(data) // never fails
	return data
}

// command returns the arguments of a command between the two stores.
func (c *cycle) command(name string, more ...string) []string {
	return append([]string{name, c.source.at(""), c.destination.at("")}, more...)
}

// first copies everything, with evidence, in parts where that was asked for.
func (c *cycle) first() {
	c.t.Helper()
	if got := c.must(5, c.command("plan", "--exit-code")...); !strings.Contains(got.stdout, fmt.Sprintf("to copy     %d new, 0 changed", len(c.objects))) {
		c.t.Errorf("plan: %s", got.stdout)
	}
	report := c.must(0, c.command("sync", append(inParts, "--json")...)...).report(c.t)
	n := int64(len(c.objects))
	if report.Objects.Copied != n || report.Evidence.BothEnds+report.Evidence.OneEnd != n {
		c.t.Errorf("copied %d of %d with evidence %+v", report.Objects.Copied, n, report.Evidence)
	}
	// 17 MiB in four parts, 6 MiB in two.
	if requests := report.Requests.Destination; requests["create-upload"] != 2 || requests["put-part"] != 6 {
		c.t.Errorf("requests to the destination: %v", requests)
	}
	c.destination.holds(c.objects)
	if open := c.destination.openUploads(); len(open) > 0 {
		c.t.Errorf("open uploads: %q", open)
	}
}

// second finds nothing to do from the listings alone.
func (c *cycle) second() {
	c.t.Helper()
	report := c.must(0, c.command("sync", "--json")...).report(c.t)
	if report.Objects.Copied != 0 || report.Objects.Equal != int64(len(c.objects)) {
		c.t.Errorf("second sync: %+v", report.Objects)
	}
	for side, requests := range map[string]map[string]int64{"source": report.Requests.Source, "destination": report.Requests.Destination} {
		if len(requests) != 1 || requests["list"] == 0 {
			c.t.Errorf("second sync asked the %s for %v, want listings only", side, requests)
		}
	}
	c.must(0, c.command("plan", "--exit-code")...)
	if got := c.must(0, c.command("verify", "--read")...); !strings.HasPrefix(got.stdout, "0 differences: ") {
		c.t.Errorf("verify --read: %s", got.stdout)
	}
}

// differences changes one object, removes one and adds one at the destination: verify
// and plan find them, sync repairs what it may.
func (c *cycle) differences() {
	c.t.Helper()
	ctx := context.Background()
	client := c.destination.client
	const changed, removed, extra = "large/1MiB+1", "one byte/07", "zz/extra"
	if err := c.destination.put(ctx, changed, content("another", 1<<20+1), stored{}); err != nil {
		c.t.Fatal(err)
	}
	if err := c.destination.put(ctx, extra, nil, stored{}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(removed)}); err != nil {
		c.t.Fatal(err)
	}
	var found struct{ Differences []engine.Difference }
	got := c.must(5, c.command("verify", "--json")...)
	if err := json.Unmarshal([]byte(got.stdout), &found); err != nil {
		c.t.Fatalf("verify: %v: %s", err, got.stdout)
	}
	kinds := map[string]string{}
	for _, difference := range found.Differences {
		kinds[difference.Key] = difference.Kind
	}
	if fmt.Sprint(kinds) != fmt.Sprint(map[string]string{changed: "different", removed: "missing", extra: "extra"}) {
		c.t.Errorf("verify found %v", kinds)
	}
	c.must(5, c.command("plan", "--exit-code")...)
	got = c.must(0, c.command("sync")...)
	if !strings.HasSuffix(got.stdout, "the destination keeps 1 extra object that the source does not have (--delete removes it)\n") {
		c.t.Errorf("sync: %s", got.stdout)
	}
	c.must(5, c.command("verify")...) // the extra object
}

// guards: deletions stay below the cap, and only extra objects are deleted.
func (c *cycle) guards() {
	c.t.Helper()
	c.must(7, c.command("sync", "--delete", "--max-delete=0")...).expect(c.t, 7,
		`dth: stopped by a guard: 1 of the destination's \d+ objects are not at the source, and --max-delete 0 allows 0 to be deleted; nothing was deleted\. `+
			`Check the locations, or raise --max-delete`)
	if n := len(c.destination.listed()); n != len(c.objects)+1 {
		c.t.Errorf("%d objects at the destination, want %d", n, len(c.objects)+1)
	}
	report := c.must(0, c.command("sync", "--delete", "--json")...).report(c.t)
	if report.Objects.Deleted != 1 {
		c.t.Errorf("deleted %d objects, want 1", report.Objects.Deleted)
	}
	c.destination.holds(c.objects)
}

// copyOne copies one object to a name of its own.
func (c *cycle) copyOne() {
	c.t.Helper()
	report := c.must(0, append([]string{"copy", c.source.at("large/17MiB"), c.destination.at("copied/"), "--json"}, inParts...)...).report(c.t)
	for side, requests := range map[string]map[string]int64{"source": report.Requests.Source, "destination": report.Requests.Destination} {
		if requests["list"] != 0 {
			c.t.Errorf("copy listed the %s", side)
		}
	}
	got, err := c.destination.get(c.t.Context(), "copied/17MiB")
	if err != nil || got.SHA256 != c.objects["large/17MiB"].SHA256 {
		c.t.Errorf("the copy is another object: %v", err)
	}
}
