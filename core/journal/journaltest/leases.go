package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
)

func leaseTests() map[string]func(*testing.T, SharedStore) {
	return map[string]func(*testing.T, SharedStore){
		"a lease has one holder":                  testLease,
		"a lease ends after the margin of clocks": testLeaseEnds,
		"a late renewal shortens no lease":        testLeaseRenewedLate,
		"each of many contests has one winner":    testLeaseContended,
	}
}

func sharedUploadTests() map[string]func(*testing.T, SharedStore) {
	return map[string]func(*testing.T, SharedStore){
		"a held upload is busy for others":           testUploadBusy,
		"a dead owner's upload is taken over":        testUploadTakenOver,
		"parts recorded keep an upload":              testUploadKept,
		"a done record leaves another's upload":      testUploadOfAnother,
		"a new intent does not bring old parts back": testUploadIntendedAnew,
		"one of many takes an upload over":           testUploadContended,
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

func mustTake(t *testing.T, j journal.Shared, name, owner string, want bool) {
	t.Helper()
	got, err := j.TakeLease(t.Context(), name, owner, time.Minute)
	must(t, "TakeLease", err)
	mustEqual(t, "whether "+owner+" holds "+name, want, got)
}

func testLease(t *testing.T, store SharedStore) {
	one, two := join(t, store, "w1"), join(t, store, "w2")
	mustTake(t, one, "finder", "w1", true)
	mustTake(t, two, "finder", "w2", false)
	mustTake(t, one, "finder", "w1", true)
	mustTake(t, two, "other", "w2", true)
	must(t, "DropLease of another's", two.DropLease(t.Context(), "finder", "w2"))
	mustTake(t, two, "finder", "w2", false)
	must(t, "DropLease", one.DropLease(t.Context(), "finder", "w1"))
	must(t, "DropLease again", one.DropLease(t.Context(), "finder", "w1"))
	mustTake(t, two, "finder", "w2", true)
	mustTake(t, one, "finder", "w1", false)
}

func testLeaseEnds(t *testing.T, store SharedStore) {
	clock := newClock()
	one, two := store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	mustTake(t, one, "finder", "w1", true)
	clock.advance(time.Minute + store.Margin())
	mustTake(t, two, "finder", "w2", false) // w1's clock may be behind by the margin
	mustTake(t, one, "finder", "w1", true)
	clock.advance(time.Minute + store.Margin() + time.Second)
	mustTake(t, two, "finder", "w2", true)
	mustTake(t, one, "finder", "w1", false)
}

// testLeaseRenewedLate: of two requests of the holder the one that was sent first arrives
// last, which a clock that is set back stands for.
func testLeaseRenewedLate(t *testing.T, store SharedStore) {
	clock := newClock()
	one, two := store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	mustTake(t, one, "finder", "w1", true)
	clock.advance(-50 * time.Second)
	mustTake(t, one, "finder", "w1", true)
	clock.advance(50*time.Second + time.Minute)
	mustTake(t, two, "finder", "w2", false)
	mustTake(t, one, "finder", "w1", true)
}

func testLeaseContended(t *testing.T, store SharedStore) {
	const contenders = 3
	var journals [contenders]journal.Shared
	for i := range journals {
		journals[i] = join(t, store, fmt.Sprint("w", i))
	}
	for contest := range store.Contests() {
		name := fmt.Sprint("finder", contest%2)
		var group sync.WaitGroup
		var winners [contenders]bool
		for i, j := range journals {
			group.Go(func() {
				var err error
				if winners[i], err = j.TakeLease(t.Context(), name, fmt.Sprint("w", i), time.Hour); err != nil {
					t.Errorf("TakeLease: %v", err)
				}
			})
		}
		group.Wait()
		count := 0
		for i, won := range winners {
			if won {
				count++
				must(t, "DropLease", journals[i].DropLease(t.Context(), name, fmt.Sprint("w", i)))
			}
		}
		if count != 1 {
			t.Fatalf("contest %d has %d winners", contest, count)
		}
	}
}

func mustBusy(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, journal.ErrBusy) {
		t.Errorf("%s returned %v, want ErrBusy", what, err)
	}
}

func testUploadBusy(t *testing.T, store SharedStore) {
	ctx, one, two := t.Context(), join(t, store, "w1"), join(t, store, "w2")
	must(t, "IntendUpload", one.IntendUpload(ctx, upload("k")))
	mustBusy(t, "IntendUpload", two.IntendUpload(ctx, upload("k")))
	must(t, "StartUpload", one.StartUpload(ctx, "k", "id-1"))
	_, _, err := two.Upload(ctx, "k")
	mustBusy(t, "Upload", err)
	mustBusy(t, "StartUpload", two.StartUpload(ctx, "k", "id-2"))
	mustBusy(t, "AmendUpload", two.AmendUpload(ctx, upload("k")))
	mustBusy(t, "RecordPart", two.RecordPart(ctx, "k", part(2)))
	mustBusy(t, "ForgetUpload", two.ForgetUpload(ctx, "k"))
	uploads, err := two.Uploads(ctx)
	must(t, "Uploads", err)
	mustEqual(t, "uploads that another may discard", 0, len(uploads))

	must(t, "RecordPart", one.RecordPart(ctx, "k", part(1)))
	got, parts, err := one.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "ID", "id-1", got.ID)
	mustEqual(t, "parts", []journal.Part{part(1)}, parts)
	uploads, err = one.Uploads(ctx)
	must(t, "Uploads", err)
	mustEqual(t, "uploads of the owner", 1, len(uploads))
	must(t, "ForgetUpload", one.ForgetUpload(ctx, "k"))
	must(t, "IntendUpload", two.IntendUpload(ctx, upload("k")))
}

// died is longer than any lease.
const died = 48 * time.Hour

func testUploadTakenOver(t *testing.T, store SharedStore) {
	clock := newClock()
	ctx, one, two := t.Context(), store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	want := upload("k")
	must(t, "IntendUpload", one.IntendUpload(ctx, want))
	want.ID = "id-1"
	must(t, "StartUpload", one.StartUpload(ctx, "k", want.ID))
	must(t, "RecordPart", one.RecordPart(ctx, "k", part(1)))
	clock.advance(died)
	uploads, err := two.Uploads(ctx)
	must(t, "Uploads", err)
	mustEqual(t, "uploads that another may discard", []journal.Upload{want}, uploads)
	got, parts, err := two.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "uploads", want, got)
	mustEqual(t, "parts", []journal.Part{part(1)}, parts)

	// w1 was not dead, only slow: it finds out before it does harm.
	mustBusy(t, "RecordPart", one.RecordPart(ctx, "k", part(2)))
	mustBusy(t, "ForgetUpload", one.ForgetUpload(ctx, "k"))
	_, _, err = one.Upload(ctx, "k")
	mustBusy(t, "Upload", err)
	must(t, "RecordPart", two.RecordPart(ctx, "k", part(2)))
	must(t, "ForgetUpload", two.ForgetUpload(ctx, "k"))
	if err := one.RecordPart(ctx, "k", part(3)); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("RecordPart of a forgotten upload returned %v, want ErrNotFound", err)
	}
}

func testUploadKept(t *testing.T, store SharedStore) {
	clock := newClock()
	ctx, one, two := t.Context(), store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	must(t, "IntendUpload", one.IntendUpload(ctx, upload("k")))
	for number := 1; number <= 40; number++ { // by and by longer than a lease
		clock.advance(40 * time.Second)
		must(t, "RecordPart", one.RecordPart(ctx, "k", part(number)))
		_, _, err := two.Upload(ctx, "k")
		mustBusy(t, "Upload", err)
	}
}

func testUploadOfAnother(t *testing.T, store SharedStore) {
	clock := newClock()
	ctx, one, two := t.Context(), store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	must(t, "IntendUpload", one.IntendUpload(ctx, upload("k")))
	clock.advance(died)
	_, _, err := two.Upload(ctx, "k")
	must(t, "Upload", err)
	must(t, "Append", one.Append(ctx, []journal.Record{record("k")}))
	_, _, err = two.Upload(ctx, "k")
	must(t, "Upload after another's record", err)
	r := record("k")
	r.Revision = 1
	must(t, "Append", two.Append(ctx, []journal.Record{r}))
	if _, _, err = two.Upload(ctx, "k"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Upload after the holder's record returned %v, want ErrNotFound", err)
	}
}

func testUploadIntendedAnew(t *testing.T, store SharedStore) {
	clock := newClock()
	ctx, one, two := t.Context(), store.Join(t, "w1", clock.Now), store.Join(t, "w2", clock.Now)
	must(t, "IntendUpload", one.IntendUpload(ctx, upload("k")))
	must(t, "RecordPart", one.RecordPart(ctx, "k", part(1)))
	clock.advance(died)
	must(t, "IntendUpload", two.IntendUpload(ctx, upload("k")))
	mustBusy(t, "StartUpload", one.StartUpload(ctx, "k", "id"))
	clock.advance(died) // w2 too: what w1 still does belongs to an upload of the past
	mustBusy(t, "RecordPart", one.RecordPart(ctx, "k", part(2)))
	_, parts, err := two.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "parts", 0, len(parts))
}

func testUploadContended(t *testing.T, store SharedStore) {
	clock := newClock()
	ctx := t.Context()
	const rounds, contenders = 25, 4
	must(t, "IntendUpload", store.Join(t, "dead", clock.Now).IntendUpload(ctx, upload("k")))
	for round := range rounds {
		clock.advance(died)
		var group sync.WaitGroup
		var winners atomic.Int64
		for i := range contenders {
			j := store.Join(t, fmt.Sprint("w", round, "-", i), clock.Now)
			group.Go(func() {
				_, _, err := j.Upload(ctx, "k")
				switch {
				case err == nil:
					winners.Add(1)
				case !errors.Is(err, journal.ErrBusy):
					t.Errorf("Upload: %v", err)
				}
			})
		}
		group.Wait()
		mustEqual(t, "winners", int64(1), winners.Load())
	}
}
