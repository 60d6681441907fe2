package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

// copied is the record of a usual small object.
func copied(key string) journal.Record {
	return journal.Record{
		Key: key, Run: "20261123T070000Z-7f3a", Outcome: journal.OutcomeDone, Size: 4096, SourceETag: "\"9a0364b9e99bb480dd25e1f0284c8555\"",
		SourceVersion: "3HL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY", DestinationETag: "\"9a0364b9e99bb480dd25e1f0284c8555\"",
		Checksum: driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\x00\x01\xfe\xff\x00\x00\x00\x00"}, Grade: journal.GradeBoth,
		At: time.Date(2026, 11, 23, 6, 56, 26, 123456789, time.UTC), Message: strings.Repeat("m", 36), Sequencer: strings.Repeat("0", 32),
	}
}

func batch(count int) ([]journal.Record, []string) {
	var records []journal.Record
	var keys []string
	for i := range count {
		key := fmt.Sprintf("dir/object-%06d", i)
		records, keys = append(records, copied(key)), append(keys, key)
	}
	return records, keys
}

func mustCount(t *testing.T, s *tables, what string, want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, s.line.counted()); diff != "" {
		t.Errorf("requests of %s differ (-want +got):\n%s", what, diff)
	}
	s.line.reset()
}

// TestPredecessorD9TwoWrites: the predecessor wrote each object's item when it began and
// again when it ended. Here an object is one write, and up to a hundred are one look. Shown to fail by a
// second Put in Append, and by keys looked up one by one.
func TestPredecessorD9TwoWrites(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s := lay(t)
		j, ctx := s.journal("w1", nil), t.Context()
		records, keys := batch(250)
		if _, err := j.Lookup(ctx, keys); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, "a lookup of 250 keys", map[string]int{"BatchGetItem": 3})
		if err := j.Append(ctx, records); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, "250 records", map[string]int{"PutItem": 250})
		if err := j.Tally(ctx, journal.Tally{Run: "run", Message: "m", Counts: journal.Counts{Copied: 250}}); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, "a tally", map[string]int{"PutItem": 1})
	})
}

// TestPartsCostOneWrite: of an upload within one worker, too.
func TestPartsCostOneWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s := lay(t)
		j, ctx := s.journal("w1", nil), t.Context()
		if err := j.IntendUpload(ctx, journal.Upload{Key: "k"}); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, "an intent", map[string]int{"PutItem": 1})
		for number := range 50 {
			if err := j.RecordPart(ctx, "k", journal.Part{Number: number + 1}); err != nil {
				t.Fatal(err)
			}
		}
		mustCount(t, s, "50 parts", map[string]int{"PutItem": 50})
		if err := j.Append(ctx, []journal.Record{copied("k"), copied("other")}); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, "two records, one of an upload", map[string]int{"PutItem": 2, "DeleteItem": 1})
	})
}

// TestRequestsAreBounded: a message of a thousand records does not open a thousand
// connections.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s := lay(t)
		s.options.Requests = 5
		j := s.journal("w1", nil)
		records, _ := batch(200)
		if err := j.Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		if s.line.most != 5 {
			t.Errorf("%d requests were under way at once, want 5", s.line.most)
		}
	})
}

// TestPatienceEnds: what stays throttled is an error that says so, with nothing half said.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s := lay(t)
		s.options.Retry = retry.Policy{Attempts: 3, Base: time.Millisecond, Cap: time.Millisecond}
		s.line.befall(func(string) fate { return "ProvisionedThroughputExceededException" })
		err := s.journal("w1", nil).Append(t.Context(), []journal.Record{copied("k")})
		if driver.KindOf(err) != driver.KindThrottled || !strings.Contains(err.Error(), "ProvisionedThroughputExceededException") {
			t.Errorf("a throttled Append returned %v, want KindThrottled with DynamoDB's code", err)
		}
	})
}
