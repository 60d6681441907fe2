// Package assemblytest checks that an implementation of assembly.Store keeps its
// contract. Every implementation runs it.
package assemblytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Table is one place where records lie, empty at first.
type Table interface {
	// Join returns the store as a process with that clock sees it.
	Join(t testing.TB, now func() time.Time) assembly.Store
	// Margin is by how much clocks may differ.
	Margin() time.Duration
	// Contests is how often a lease is contended for: 1,000 where that takes seconds.
	Contests() int
}

// Run checks the contract. It calls newTable for each test.
func Run(t *testing.T, newTable func(t *testing.T) Table) {
	for _, tests := range []map[string]func(*testing.T, Table){recordTests(), ownerTests(), stateTests(), partTests()} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newTable(t))
			})
		}
	}
}

// clock is a clock that a test sets.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// lease is how long the tests hold one.
const lease = 5 * time.Minute

// giant returns an upload of so many parts, as it is created.
func giant(id byte, parts int) assembly.Upload {
	const part = 64 << 20
	size := int64(parts) * part
	return assembly.Upload{
		ID: strings.Repeat(fmt.Sprintf("%x", id%16), 32), Run: "run-1", Message: "message-1", Revision: 3,
		Task: task.Task{
			Key: "big/\xff", Size: size, ETag: "\"etag\"", VersionID: "version",
			Modified: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), StorageClass: "STANDARD", Sequencer: "0055",
		},
		Record: journal.Upload{
			Key: "big/\xff", Written: "big/%FF", SourceETag: "\"etag\"", SourceVersion: "version", Size: size, PartSize: part,
			Attributes: driver.Attributes{ContentType: "text/plain", Metadata: []driver.Metadata{{Name: "owner", Value: "Zoë"}}},
			Changes:    []string{"tags left out"}, Intended: time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC),
		},
		State: assembly.Open, Total: parts, Generation: 1,
	}
}

func part(number int) journal.Part {
	return journal.Part{
		Number: number, Size: 64 << 20, ETag: fmt.Sprintf("\"etag-%d\"", number),
		Checksum: driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\x00\xff\x00\xff\x00\xff\x00\xff"},
	}
}

func parts(from, to int) []journal.Part {
	var all []journal.Part
	for number := from; number <= to; number++ {
		all = append(all, part(number))
	}
	return all
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, diff)
	}
}

func mustNotFind(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, assembly.ErrNotFound) {
		t.Errorf("%s returned %v, want ErrNotFound", what, err)
	}
}

// create records an upload for owner.
func create(t *testing.T, s assembly.Store, upload assembly.Upload, owner string, want bool) assembly.Upload {
	t.Helper()
	got, mine, err := s.Create(t.Context(), upload, owner, lease)
	must(t, "Create", err)
	mustEqual(t, "whether it is "+owner+"'s", want, mine)
	return got
}

func get(t *testing.T, s assembly.Store, id string) assembly.Upload {
	t.Helper()
	upload, err := s.Get(t.Context(), id)
	must(t, "Get", err)
	return upload
}

func claim(t *testing.T, s assembly.Store, id string, from, to assembly.State, owner string, want bool) assembly.Upload {
	t.Helper()
	upload, mine, err := s.Claim(t.Context(), id, from, to, owner, lease)
	must(t, "Claim", err)
	mustEqual(t, "whether "+owner+" has it", want, mine)
	return upload
}

func record(t *testing.T, s assembly.Store, id string, p journal.Part) assembly.Progress {
	t.Helper()
	progress, err := s.RecordPart(t.Context(), id, p)
	must(t, "RecordPart", err)
	return progress
}

func mustBeUnfinished(t *testing.T, s assembly.Store, want ...string) {
	t.Helper()
	uploads, err := s.Unfinished(t.Context())
	must(t, "Unfinished", err)
	var ids []string
	for _, upload := range uploads {
		ids = append(ids, upload.ID)
	}
	slices.Sort(ids)
	mustEqual(t, "unfinished", want, ids)
}
