package dynamodb_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	segments "github.com/dth-dev/dth/core/ledger/dynamodb"
)

// items returns what lies in a table.
func items(t *testing.T, s *tables, table string) []dynamo.Item {
	t.Helper()
	var all []dynamo.Item
	for item, err := range s.client(nil).Scan(t.Context(), table) {
		mustDo(t, err)
		all = append(all, item)
	}
	return all
}

func expiry(item dynamo.Item) int64 { return dynamo.Read(item).Int("x") }

func mustDo(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestWhatExpires: DynamoDB removes what nobody needs any more, and nothing else.
func TestWhatExpires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
		at := func() time.Time { return now }
		days := func(n int) int64 { return now.Add(time.Duration(n) * 24 * time.Hour).Unix() }
		j, giants, ledgers := s.journal("w1", at), assemblies{s}.Join(t, at), segments.New(s.client(at))

		mustDo(t, j.Append(ctx, []journal.Record{{Key: "k", Outcome: journal.OutcomeDeleted}}))
		if got := expiry(items(t, s, s.options.Objects)[0]); got != days(7) {
			t.Errorf("a tombstone expires at %d, want %d", got, days(7))
		}
		mustDo(t, j.Append(ctx, []journal.Record{{Key: "k", Outcome: journal.OutcomeDone, Revision: 1}}))
		if got := expiry(items(t, s, s.options.Objects)[0]); got != 0 {
			t.Errorf("the record of an object that came back expires at %d", got)
		}

		_, _, err := giants.Create(ctx, assembly.Upload{ID: giant, Total: 2}, "w1", time.Hour)
		_, err2 := giants.RecordPart(ctx, giant, journal.Part{Number: 1})
		_, err3 := j.TakeLease(ctx, "finder", "w1", time.Minute)
		mustDo(t, err, err2, err3, j.BeginRun(ctx, journal.Run{ID: "r"}), j.IntendUpload(ctx, journal.Upload{Key: "k"}),
			j.RecordPart(ctx, "k", journal.Part{Number: 1}), j.Tally(ctx, journal.Tally{Run: "r", Message: "m"}),
			ledgers.WriteSegment(ctx, "job", "1", 0, []byte("a")), ledgers.CompleteLedger(ctx, "job", "1", 1))
		kinds := func() map[string]int64 {
			got := map[string]int64{}
			for _, item := range items(t, s, s.options.Parts) {
				r := dynamo.Read(item)
				kind := r.Text("pk")
				kind = kind[:min(2, len(kind))]
				if r.Text("sk")[0] == 'P' || kind == "G#" && r.Has("b") {
					kind += " part"
				}
				got[kind] = expiry(item)
			}
			return got
		}
		want := map[string]int64{
			"U#": 0, "U# part": days(30), "L#": 0, "R": 0, "UP": 0, "UQ part": days(14), "M#": days(14), "G#": 0, "G# part": days(30),
		}
		if diff := cmp.Diff(want, kinds()); diff != "" {
			t.Errorf("expiry differs (-want +got):\n%s", diff)
		}
		mustDo(t, giants.Finish(ctx, giant, assembly.Done, ""))
		if got := kinds()["U#"]; got != days(30) {
			t.Errorf("the record of a finished giant object expires at %d, want %d", got, days(30))
		}
	})
}

// TestIndexesAreSparse: an object that was copied as it is costs nothing in an index.
func TestIndexesAreSparse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		j := s.journal("w1", nil)
		indexed := func() []string {
			var keys []string
			for _, item := range items(t, s, s.options.Objects) {
				if dynamo.Read(item).Has("fs") {
					keys = append(keys, string(dynamo.Read(item).Bytes("k")[1:]))
				}
			}
			slices.Sort(keys)
			return keys
		}
		mustDo(t, j.Append(ctx, []journal.Record{
			copied("done"), {Key: "adapted", Outcome: journal.OutcomeDone, Written: "other"}, {Key: "deleted", Outcome: journal.OutcomeDeleted},
			{Key: "failed", Outcome: journal.OutcomeFailed}, {Key: "skipped", Outcome: journal.OutcomeSkipped}, {Key: "vanished", Outcome: journal.OutcomeVanished},
		}))
		if diff := cmp.Diff([]string{"adapted", "failed", "skipped", "vanished"}, indexed()); diff != "" {
			t.Errorf("indexed records differ (-want +got):\n%s", diff)
		}
		again := copied("failed")
		again.Revision = 1
		mustDo(t, j.Append(ctx, []journal.Record{again}))
		if diff := cmp.Diff([]string{"adapted", "skipped", "vanished"}, indexed()); diff != "" {
			t.Errorf("indexed records differ after a repair (-want +got):\n%s", diff)
		}
	})
}

// TestUnreadableItems damages an item of each kind and reads it: an error says what it is.
func TestUnreadableItems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table, kind, attribute string
		value                  dynamo.Value
		read                   func(t *testing.T, s *tables) error
	}{
		"outcome":  {"objects", "", "st", dynamo.Text("PERHAPS"), readRecords},
		"grade":    {"objects", "", "g", dynamo.Text("9"), readRecords},
		"size":     {"objects", "", "sz", dynamo.Text("big"), readRecords},
		"changes":  {"objects", "", "ch", dynamo.Int(1), readRecords},
		"checksum": {"objects", "", "c", dynamo.Bytes([]byte{0xff}), readRecords},
		"error":    {"objects", "", "er", dynamo.Int(1), readRecords},
		"upload":   {"parts", "UP", "u", dynamo.Bytes([]byte{5}), readUpload},
		"part":     {"parts", "UQ", "p", dynamo.Bytes(nil), readUpload},
		"run":      {"parts", "R", "ts", dynamo.Text("noon"), readRuns},
		"tally":    {"parts", "M#", "c", dynamo.Text("many"), readTotal},
		"giant":    {"parts", "U#", "task", dynamo.Bytes([]byte("none")), readGiant},
		"state":    {"parts", "U#", "total", dynamo.Text("none"), readGiant},
		"extras":   {"parts", "X", "keys", dynamo.Bytes([]byte{9}), readExtras},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
				s := lay(t)
				fill(t, s)
				mustDo(t, test.read(t, s))
				table := map[string]string{"objects": s.options.Objects, "parts": s.options.Parts}[test.table]
				for _, item := range items(t, s, table) {
					if !strings.HasPrefix(dynamo.Read(item).Text("pk"), test.kind) {
						continue
					}
					item[test.attribute] = test.value
					mustDo(t, s.client(nil).Put(t.Context(), dynamo.Write{Table: table, Item: item}))
				}
				if err := test.read(t, s); err == nil {
					t.Error("reading it returned no error")
				}
			})
		})
	}
}

// fill writes one item of each kind.
func fill(t *testing.T, s *tables) {
	t.Helper()
	j, ctx := s.journal("w1", nil), t.Context()
	_, _, err := assemblies{s}.Join(t, time.Now).Create(ctx, assembly.Upload{ID: giant, Total: 2}, "w1", time.Hour)
	mustDo(t, err, j.Append(ctx, []journal.Record{copied("k")}), j.IntendUpload(ctx, journal.Upload{Key: "k"}),
		j.RecordPart(ctx, "k", journal.Part{Number: 1}), j.BeginRun(ctx, journal.Run{ID: "r"}),
		j.Tally(ctx, journal.Tally{Run: "r", Message: "m"}), j.AddExtras(ctx, []string{"x"}))
}

func readRecords(t *testing.T, s *tables) error {
	_, err := s.journal("w1", nil).Lookup(t.Context(), []string{"k"})
	return err
}

func readUpload(t *testing.T, s *tables) error {
	_, _, err := s.journal("w1", nil).Upload(t.Context(), "k")
	return err
}

func readRuns(t *testing.T, s *tables) error {
	_, err := s.journal("w1", nil).Runs(t.Context())
	return err
}

func readTotal(t *testing.T, s *tables) error {
	_, err := s.journal("w1", nil).Total(t.Context(), "r")
	return err
}

func readGiant(t *testing.T, s *tables) error {
	_, err := assemblies{s}.Join(t, time.Now).Get(t.Context(), giant)
	return err
}

func readExtras(t *testing.T, s *tables) error {
	for _, err := range s.journal("w1", nil).Extras(t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestTablesAreMadeOnce: making them again changes nothing, and what expires is turned on.
func TestTablesAreMadeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		s, ctx := lay(t), t.Context()
		mustDo(t, s.journal("w1", nil).Append(ctx, []journal.Record{copied("k")}), s.client(nil).CreateTables(ctx))
		if got := len(items(t, s, s.options.Objects)); got != 1 {
			t.Errorf("%d records are left, want 1", got)
		}
		for _, table := range []string{s.options.Objects, s.options.Parts} {
			answer, err := dynamodb.NewFromConfig(s.settings, func(o *dynamodb.Options) { o.Retryer = retry.NewStandard() }).
				DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &table})
			mustDo(t, err)
			is := answer.TimeToLiveDescription
			if is.TimeToLiveStatus != types.TimeToLiveStatusEnabled || aws.ToString(is.AttributeName) != dynamo.Expires {
				t.Errorf("what expires in %s is %s by %q", table, is.TimeToLiveStatus, aws.ToString(is.AttributeName))
			}
		}
	})
}
