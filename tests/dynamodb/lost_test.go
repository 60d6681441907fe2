package dynamodb_test

import (
	"context"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	segments "github.com/dth-dev/dth/core/ledger/dynamodb"
)

// TestOwnWritesAreKnownAgain loses the answer to the first request of each operation, so
// that it is made a second time and finds its own work. It is told of a success all the same. Shown
// to fail, each on its own line, without the nonce in Append, BeginRun and Roll, and without
// the owner among the conditions of leases.
func TestOwnWritesAreKnownAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		j, giants, ledgers := s.journal("w1", nil), assemblies{s}.Join(t, time.Now), segments.New(s.client(nil))
		won := func(mine bool, err error) error {
			if err == nil && !mine {
				t.Error("it is told that another was first")
			}
			return err
		}
		for _, step := range []struct {
			name string
			do   func(ctx context.Context) error
		}{
			{"Append", func(ctx context.Context) error { return j.Append(ctx, []journal.Record{copied("k")}) }},
			{"Append again", func(ctx context.Context) error {
				again := copied("k")
				again.Revision = 1
				return j.Append(ctx, []journal.Record{again})
			}},
			{"TakeLease", func(ctx context.Context) error { return won(j.TakeLease(ctx, "finder", "w1", time.Minute)) }},
			{"DropLease", func(ctx context.Context) error { return j.DropLease(ctx, "finder", "w1") }},
			{"BeginRun", func(ctx context.Context) error { return j.BeginRun(ctx, journal.Run{ID: "r"}) }},
			{"EndRun", func(ctx context.Context) error { return j.EndRun(ctx, journal.Run{ID: "r", State: journal.StateDone}) }},
			{"Tally", func(ctx context.Context) error {
				return j.Tally(ctx, journal.Tally{Run: "r", Message: "m", Counts: journal.Counts{Copied: 1}})
			}},
			{"IntendUpload", func(ctx context.Context) error { return j.IntendUpload(ctx, journal.Upload{Key: "u"}) }},
			{"StartUpload", func(ctx context.Context) error { return j.StartUpload(ctx, "u", "id") }},
			{"AmendUpload", func(ctx context.Context) error { return j.AmendUpload(ctx, journal.Upload{Key: "u", Joined: "e"}) }},
			{"RecordPart", func(ctx context.Context) error { return j.RecordPart(ctx, "u", journal.Part{Number: 1}) }},
			{"Upload", func(ctx context.Context) error { _, _, err := j.Upload(ctx, "u"); return err }},
			{"ForgetUpload", func(ctx context.Context) error { return j.ForgetUpload(ctx, "u") }},
			{"Create", func(ctx context.Context) error {
				_, mine, err := giants.Create(ctx, assembly.Upload{ID: giant, Total: 1}, "w1", time.Hour)
				return won(mine, err)
			}},
			{"Begin", func(ctx context.Context) error { return giants.Begin(ctx, giant, "w1", journal.Upload{ID: "id"}) }},
			{"Roll", func(ctx context.Context) error { return won(giants.Roll(ctx, giant, 2)) }},
			{"RecordPart of a giant", func(ctx context.Context) error {
				progress, err := giants.RecordPart(ctx, giant, journal.Part{Number: 1})
				return won(progress == assembly.Progress{State: assembly.Ready, Total: 1, Arrived: 1}, err)
			}},
			{"Claim", func(ctx context.Context) error {
				_, mine, err := giants.Claim(ctx, giant, assembly.Ready, assembly.Completing, "w1", time.Hour)
				return won(mine, err)
			}},
			{"Extend", func(ctx context.Context) error { return won(giants.Extend(ctx, giant, "w1", time.Hour)) }},
			{"DropParts", func(ctx context.Context) error { return giants.DropParts(ctx, giant, []int{1}) }},
			{"Finish", func(ctx context.Context) error { return giants.Finish(ctx, giant, assembly.Aborted, "why") }},
			{"WriteSegment", func(ctx context.Context) error { return ledgers.WriteSegment(ctx, "job", "1", 0, []byte("a")) }},
			{"CompleteLedger", func(ctx context.Context) error { return ledgers.CompleteLedger(ctx, "job", "1", 1) }},
		} {
			before := map[string]bool{}
			s.line.befall(func(operation string) fate { // called one at a time
				if before[operation] {
					return arrives
				}
				before[operation] = true
				return lost
			})
			if err := step.do(ctx); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		s.line.reset()

		got, err := j.Lookup(ctx, []string{"k"})
		if err != nil || got["k"].Revision != 2 {
			t.Errorf("the record is at revision %d, %v; want 2", got["k"].Revision, err)
		}
		total, err := j.Total(ctx, "r")
		if err != nil || total.Copied != 1 {
			t.Errorf("the total is %d, %v; want 1", total.Copied, err)
		}
		if upload, err := giants.Get(ctx, giant); err != nil || upload.Arrived != 0 || upload.State != assembly.Aborted {
			t.Errorf("the giant object is %+v, %v; want it aborted without parts", upload, err)
		}
		read := 0
		for segment, err := range ledgers.ReadSegments(ctx, "job") {
			if err != nil || string(segment) != "a" {
				t.Errorf("the ledger holds %q, %v", segment, err)
			}
			read++
		}
		if read != 1 {
			t.Errorf("the ledger has %d segments, want 1", read)
		}
	})
}
