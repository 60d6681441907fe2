package standin_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	records "github.com/dth-dev/dth/core/journal/dynamodb"
	"github.com/dth-dev/dth/core/ledger"
	segments "github.com/dth-dev/dth/core/ledger/dynamodb"
	"github.com/dth-dev/dth/core/ledger/ledgertest"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/standin"
)

func open(t *testing.T) (*standin.Service, *dynamo.Client) {
	t.Helper()
	service := standin.New()
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return service, dynamo.New(cloud.ConfigAt(server.URL), dynamo.Options{Objects: standin.ObjectsTable, Parts: standin.PartsTable})
}

// TestLedgers: the contract of ledgers, which MiniStack keeps too.
func TestLedgers(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledger.Store {
		_, client := open(t)
		return segments.New(client)
	})
}

// TestRecords: a record is written where its revision is the one that was read, and each
// write counts, refused or not.
func TestRecords(t *testing.T) {
	t.Parallel()
	service, client := open(t)
	j := records.New(client, records.Options{Owner: "one"})
	write := func(key string, revision int64) error {
		return j.Append(t.Context(), []journal.Record{{
			Key: key, Run: "r", Outcome: journal.OutcomeDone, Grade: journal.GradeBoth, Size: 4096, Revision: revision, At: time.Unix(1, 0),
		}})
	}
	conflict := (&journal.ConflictError{Keys: []string{"a"}}).Error()
	for _, step := range []struct {
		name, key string
		revision  int64
		want      string
	}{
		{"the first", "a", 0, ""},
		{"another first", "a", 0, conflict},
		{"the second", "a", 1, ""},
		{"a stale second", "a", 1, conflict},
		{"another key", "ü\x00\xff", 0, ""},
	} {
		got := ""
		if err := write(step.key, step.revision); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	found, err := j.Lookup(t.Context(), []string{"a", "ü\x00\xff", "absent"})
	if err != nil || len(found) != 2 || found["a"].Revision != 2 {
		t.Errorf("looked up %+v, %v", found, err)
	}
	got := service.Counts().Tables[standin.ObjectsTable]
	got.Bytes = 0
	want := standin.Volume{Requests: 6, Writes: 5, WriteUnits: 5, Reads: 3, ReadUnits: 3, Items: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// TestPartitions: a partition is read whole, also where it takes several pages of 1 MB,
// and an item that is put twice is there once.
func TestPartitions(t *testing.T) {
	t.Parallel()
	_, client := open(t)
	j := records.New(client, records.Options{Owner: "one"})
	var want []string
	for i := range 30_000 {
		want = append(want, fmt.Sprintf("%0100d", i))
	}
	if err := j.AddExtras(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	var got []string
	for key, err := range j.Extras(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extras (-want +got):\n%s", diff)
	}
	for i := range 20 {
		if err := j.Tally(t.Context(), journal.Tally{Run: "r", Message: fmt.Sprint(i % 15), Counts: journal.Counts{Copied: 3}}); err != nil {
			t.Fatal(err)
		}
	}
	if total, err := j.Total(t.Context(), "r"); err != nil || total.Copied != 45 {
		t.Errorf("the total is %+v, %v", total, err)
	}
}

// TestLeases: one owner at a time, and no more uses than are allowed.
func TestLeases(t *testing.T) {
	t.Parallel()
	_, client := open(t)
	one, other := records.New(client, records.Options{Owner: "one"}), records.New(client, records.Options{Owner: "other"})
	for _, step := range []struct {
		name string
		take func() (bool, error)
		want bool
	}{
		{"the first", func() (bool, error) { return one.TakeLease(t.Context(), "l", "one", time.Hour) }, true},
		{"the other", func() (bool, error) { return other.TakeLease(t.Context(), "l", "other", time.Hour) }, false},
		{"the first again", func() (bool, error) { return one.TakeLease(t.Context(), "l", "one", time.Hour) }, true},
		{"the other after the first", func() (bool, error) {
			if err := one.DropLease(t.Context(), "l", "one"); err != nil {
				return false, err
			}
			return other.TakeLease(t.Context(), "l", "other", time.Hour)
		}, true},
		{"one use", func() (bool, error) { return one.Spend(t.Context(), "s", 2) }, true},
		{"two uses", func() (bool, error) { return one.Spend(t.Context(), "s", 2) }, true},
		{"three uses", func() (bool, error) { return one.Spend(t.Context(), "s", 2) }, false},
	} {
		if got, err := step.take(); err != nil || got != step.want {
			t.Errorf("%s: %v, %v; want %v", step.name, got, err, step.want)
		}
	}
}
