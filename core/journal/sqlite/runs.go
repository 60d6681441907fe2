package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/journal"
)

// BeginRun records a new run as running. Runs that a killed process left as
// running become interrupted.
func (j *Journal) BeginRun(ctx context.Context, run journal.Run) error {
	return j.update(ctx, "begin run", func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE runs SET state = ? WHERE state = ?", journal.StateInterrupted, journal.StateRunning); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO runs (id, source, destination, started, finished, state, report) VALUES (?, ?, ?, ?, ?, ?, ?)",
			blob(run.ID), blob(run.Source), blob(run.Destination), packTime(run.Started), packTime(time.Time{}), journal.StateRunning, blob(""))
		return err
	})
}

// EndRun records the state, the time and the report of a run.
func (j *Journal) EndRun(ctx context.Context, run journal.Run) error {
	return j.update(ctx, "end run", func(tx *sql.Tx) error {
		return mustChange(tx.Exec("UPDATE runs SET finished = ?, state = ?, report = ? WHERE id = ?",
			packTime(run.Finished), run.State, blob(string(run.Report)), blob(run.ID)))
	})
}

// Runs returns all runs, newest first.
func (j *Journal) Runs(ctx context.Context) ([]journal.Run, error) {
	var runs []journal.Run
	err := j.file.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, source, destination, started, finished, state, report FROM runs ORDER BY id DESC")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			run, err := j.readRun(rows)
			if err != nil {
				return err
			}
			runs = append(runs, run)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("journal: runs: %w", err)
	}
	return runs, nil
}

func (j *Journal) readRun(rows *sql.Rows) (journal.Run, error) {
	var run journal.Run
	var id, source, destination, started, finished []byte
	if err := rows.Scan(&id, &source, &destination, &started, &finished, &run.State, &run.Report); err != nil {
		return journal.Run{}, err
	}
	run.ID, run.Source, run.Destination = string(id), string(source), string(destination)
	for packed, at := range map[*[]byte]*time.Time{&started: &run.Started, &finished: &run.Finished} {
		r := pack.NewReader(string(*packed))
		*at = r.Time()
		if r.Err() != nil {
			return journal.Run{}, j.file.Damaged(fmt.Errorf("run %q: %w", run.ID, r.Err()))
		}
	}
	return run, nil
}

func packTime(t time.Time) []byte { return pack.AppendTime(nil, t) }
