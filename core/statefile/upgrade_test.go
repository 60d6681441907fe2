package statefile

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// olderState makes a state as version 2 left it.
func olderState(t *testing.T, dir, statements string) {
	t.Helper()
	older, err := os.ReadFile("testdata/schema-2.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA journal_mode = WAL; %s; PRAGMA application_id = %d; PRAGMA user_version = 2; %s", older, applicationID, statements)); err != nil {
		t.Fatal(err)
	}
}

// schemaOf returns the statements that made the tables and indexes, by name.
func schemaOf(t *testing.T, f *File) map[string]int {
	t.Helper()
	found := map[string]int{}
	err := f.View(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.pk || c.\"notnull\" FROM sqlite_schema m, pragma_table_info(m.name) c")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var column string
			if err := rows.Scan(&column); err != nil {
				return err
			}
			found[column]++
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestOpenUpgradesAnOlderState: what it holds survives, and it has the tables of a new one.
func TestOpenUpgradesAnOlderState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderState(t, dir, `INSERT INTO messages (body) VALUES (x'01'), (x'02');
		INSERT INTO objects (key, failed_run, record) VALUES (x'6b', x'72', x'0102');
		INSERT INTO uploads (key, upload_id, upload) VALUES (x'6b', x'69', x'03');
		INSERT INTO extras (key) VALUES (x'65')`)
	for range 2 { // the second time it is upgraded already
		f := open(t, dir)
		var messages, handed, objects, uploads, version int
		err := f.View(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT (SELECT count(*) FROM messages), (SELECT message FROM handed), (SELECT count(*) FROM objects WHERE record = x'0102'),
				(SELECT count(*) FROM uploads), (SELECT user_version FROM pragma_user_version)`).Scan(&messages, &handed, &objects, &uploads, &version)
		})
		if err != nil {
			t.Fatal(err)
		}
		got := []int{messages, handed, objects, uploads, countExtras(t, f), version}
		if difference := cmp.Diff([]int{2, 2, 1, 1, 1, 3}, got); difference != "" {
			t.Errorf("messages, mark, objects, uploads, extras and version (-want +got):\n%s", difference)
		}
		if difference := cmp.Diff(schemaOf(t, open(t, t.TempDir())), schemaOf(t, f)); difference != "" {
			t.Errorf("columns (-new +upgraded):\n%s", difference)
		}
		closeFile(t, f)
	}
}

// TestOpenReadOnlyLeavesAnOlderState as it is, and reads it.
func TestOpenReadOnlyLeavesAnOlderState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderState(t, dir, "INSERT INTO extras (key) VALUES (x'65')")
	f, err := OpenReadOnly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile(t, f)
	if _, known, err := f.Pair(t.Context()); known || err != nil || countExtras(t, f) != 1 {
		t.Errorf("locations known: %t, %v", known, err)
	}
	if got := schemaOf(t, f)["handed.message INTEGER 01"]; got != 0 {
		t.Error("it was upgraded")
	}
}

func TestPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	if pair, known, err := f.Pair(t.Context()); known || err != nil {
		t.Errorf("a new state is of %+v, %v", pair, err)
	}
	want := Pair{Source: "a\x00b\xff", SourceAddress: "s3://a"}
	for _, pair := range []Pair{{Source: "other", Destination: "other"}, want} {
		if err := f.SetPair(t.Context(), pair); err != nil {
			t.Fatal(err)
		}
	}
	closeFile(t, f)
	reader, err := OpenReadOnly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile(t, reader)
	if got, known, err := reader.Pair(t.Context()); !known || err != nil || got != want {
		t.Errorf("it is of %+v, %t, %v; want %+v", got, known, err, want)
	}
}
