package dynamodb_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
)

const giant = "00000000000000000000000000000001"

// poll adds to polls as the state machine does, and returns what it reads.
func poll(t *testing.T, s *tables) (state string, polls int64) {
	t.Helper()
	item, err := s.client(nil).Update(t.Context(), dynamo.Write{
		Table: s.options.Parts, Key: dynamo.Item{"pk": dynamo.Text("U#" + giant), "sk": dynamo.Text("#")},
		Update: "ADD #polls :one", Condition: "attribute_exists(#pk)", Values: dynamo.Item{":one": dynamo.Int(1)},
	})
	mustDo(t, err)
	r := dynamo.Read(item)
	return r.Text("st"), r.Int("polls")
}

// TestPredecessorFleet1AttemptsReset: the predecessor wrote an item whole each time a
// message came, so that the count in it began anew and never reached its end. Here the
// polls of a giant object outlive whatever is done to it, and a record that a redelivered
// message writes from scratch is refused. Shown to fail when Create puts without a condition, and when
// Append puts without one.
func TestPredecessorFleet1AttemptsReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		store := assemblies{s}.Join(t, time.Now)
		create := func() error {
			_, _, err := store.Create(ctx, assembly.Upload{ID: giant, Total: 1}, "w1", time.Hour)
			return err
		}
		steps := []func() error{
			create, create,
			func() error { return store.Begin(ctx, giant, "w1", journal.Upload{ID: "id"}) },
			func() error { _, err := store.RecordPart(ctx, giant, journal.Part{Number: 1}); return err },
			func() error { _, err := store.RecordPart(ctx, giant, journal.Part{Number: 1}); return err },
			func() error {
				_, _, err := store.Claim(ctx, giant, assembly.Ready, assembly.Completing, "w2", time.Hour)
				return err
			},
			func() error { return store.DropParts(ctx, giant, []int{1}) },
			func() error { _, err := store.Roll(ctx, giant, 2); return err },
			func() error { return store.Fail(ctx, giant, "why") },
			func() error { return store.Finish(ctx, giant, assembly.Aborted, "why") },
			create,
		}
		states := []string{"OPEN", "OPEN", "OPEN", "READY", "READY", "COMPLETING", "OPEN", "OPEN", "FAILED", "ABORTED", "ABORTED"}
		for i, step := range steps {
			if err := step(); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			state, polls := poll(t, s)
			if want := int64(i + 1); polls < want || state != states[i] { // a poll may count twice, if its answer is lost
				t.Errorf("step %d: the state machine reads %s after %d polls, want %s after %d", i, state, polls, states[i], want)
			}
		}

		j := s.journal("w1", nil)
		failed := journal.Record{Key: "k", Run: "run", Outcome: journal.OutcomeFailed, Replans: 4}
		if err := j.Append(ctx, []journal.Record{failed}); err != nil {
			t.Fatal(err)
		}
		var conflict *journal.ConflictError
		if err := j.Append(ctx, []journal.Record{{Key: "k", Run: "run", Outcome: journal.OutcomeFailed}}); !errors.As(err, &conflict) {
			t.Errorf("a write from scratch returned %v, want a conflict", err)
		}
		got, err := j.Lookup(ctx, []string{"k"})
		if err != nil || got["k"].Replans != 4 || got["k"].Revision != 1 {
			t.Errorf("the record is %+v, %v; want that of the first write", got["k"], err)
		}
	})
}

// TestPredecessorFleet2PollsBelowTheLimit: the predecessor's watch died at 25,000 events. Here
// the polls are counted on record and the generation that takes over is recorded once, however
// many hand over. Shown to fail when Roll has no condition.
func TestPredecessorFleet2PollsBelowTheLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		store, ctx := assemblies{lay(t)}.Join(t, time.Now), t.Context()
		if _, _, err := store.Create(ctx, assembly.Upload{ID: giant, Total: 1}, "w1", time.Hour); err != nil {
			t.Fatal(err)
		}
		var rolled int
		for range 5 { // as often as the order to roll over is delivered
			mine, err := store.Roll(ctx, giant, 2)
			if err != nil {
				t.Fatal(err)
			}
			if mine {
				rolled++
			}
		}
		if upload, err := store.Get(ctx, giant); err != nil || rolled != 1 || upload.Generation != 2 {
			t.Errorf("rolled over %d times to generation %d, %v; want once, to 2", rolled, upload.Generation, err)
		}
	})
}

// TestPredecessorFleet3NoGateForAll: the predecessor's finder refused to start while any
// watch ran. Here what keeps one out is the lease of that name alone, which ends by itself. Shown
// to fail when all leases share one item, and when they have no end.
func TestPredecessorFleet3NoGateForAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		now := time.Now()
		j := s.journal("w1", func() time.Time { return now })
		if _, _, err := (assemblies{s}).Join(t, time.Now).Create(ctx, assembly.Upload{ID: giant, Total: 1}, "w1", time.Hour); err != nil {
			t.Fatal(err)
		}
		for _, take := range []struct {
			name, owner string
			after       time.Duration
			want        bool
		}{
			{"finder of job 1", "f1", 0, true},
			{"finder of job 2", "f2", 0, true},
			{"finder of job 1", "f3", 0, false},
			{"finder of job 1", "f3", time.Hour, true},
		} {
			now = now.Add(take.after)
			if got, err := j.TakeLease(ctx, take.name, take.owner, time.Minute); err != nil || got != take.want {
				t.Errorf("%s takes %s after %v: %t, %v; want %t", take.owner, take.name, take.after, got, err, take.want)
			}
		}
	})
}

// TestPredecessorD4UploadOfAnotherKey, and Fleet9: the predecessor took for an object's
// upload the last one of any key that begins the same. Here a key's upload is that of the
// whole key. Shown to fail when name stands for the first four bytes of a key.
func TestPredecessorD4UploadOfAnotherKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		j, ctx := lay(t).journal("w1", nil), t.Context()
		for _, key := range []string{"file-v2", "file/", "fil"} {
			if err := j.IntendUpload(ctx, journal.Upload{Key: key, ID: "of " + key}); err != nil {
				t.Fatal(err)
			}
		}
		if upload, _, err := j.Upload(ctx, "file"); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("the upload of \"file\" is %+v, %v; want none", upload, err)
		}
	})
}
