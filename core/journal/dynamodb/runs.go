package dynamodb

import (
	"context"
	"fmt"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
)

// runsPartition holds all runs: a few a day, read by who asks for the status.
const runsPartition = "R"

func runKey(id string) dynamo.Item {
	return dynamo.Item{dynamo.Group: dynamo.Text(runsPartition), dynamo.Member: dynamo.Text(id)}
}

// BeginRun records a new run as running. Only who holds the finder's lease begins runs,
// so those that are still running then are of a finder that died: they become interrupted.
func (j *Journal) BeginRun(ctx context.Context, run journal.Run) error {
	if err := j.beginRun(ctx, run); err != nil {
		return fmt.Errorf("journal: begin run %q: %w", run.ID, err)
	}
	return nil
}

func (j *Journal) beginRun(ctx context.Context, run journal.Run) error {
	nonce, item := newNonce(), runKey(run.ID)
	item["n"] = dynamo.Text(nonce)
	item["st"] = dynamo.Text(journal.StateRunning)
	dynamo.PutText(item, "src", run.Source)
	dynamo.PutText(item, "dst", run.Destination)
	dynamo.PutTime(item, "ts", run.Started)
	err := j.client.Put(ctx, dynamo.Write{Table: j.client.Parts(), Item: item, Condition: "attribute_not_exists(#pk)"})
	if there, unmet := dynamo.Unmet(err); unmet {
		if dynamo.Read(there).Text("n") != nonce {
			return fmt.Errorf("there is one of this name")
		}
		err = nil
	}
	if err != nil {
		return err
	}
	runs, err := j.Runs(ctx)
	if err != nil {
		return err
	}
	for _, other := range runs {
		if other.ID == run.ID || other.State != journal.StateRunning {
			continue
		}
		_, err := j.client.Update(ctx, dynamo.Write{
			Table: j.client.Parts(), Key: runKey(other.ID), Update: "SET #st = :st", Condition: "#st = :running",
			Values: dynamo.Item{":st": dynamo.Text(journal.StateInterrupted), ":running": dynamo.Text(journal.StateRunning)},
		})
		if _, unmet := dynamo.Unmet(err); err != nil && !unmet { // unmet: it has just ended after all
			return err
		}
	}
	return nil
}

// EndRun records the state, the time and the report of a run. It is journal.ErrNotFound
// when that run was not begun.
func (j *Journal) EndRun(ctx context.Context, run journal.Run) error {
	end := dynamo.Item{}
	dynamo.PutTime(end, ":te", run.Finished)
	update, values := "SET #st = :st, #report = :report", dynamo.Item{":st": dynamo.Text(run.State), ":report": dynamo.Bytes(append([]byte{}, run.Report...))}
	if finished, ok := end[":te"]; ok {
		update += ", #te = :te"
		values[":te"] = finished
	}
	_, err := j.client.Update(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: runKey(run.ID), Update: update, Condition: "attribute_exists(#pk)", Values: values,
	})
	if _, unmet := dynamo.Unmet(err); unmet {
		err = journal.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("journal: end run %q: %w", run.ID, err)
	}
	return nil
}

// Runs returns all runs, newest first.
func (j *Journal) Runs(ctx context.Context) ([]journal.Run, error) {
	var runs []journal.Run
	query := dynamo.Query{Table: j.client.Parts(), Attribute: dynamo.Group, Partition: runsPartition, Descending: true}
	for item, err := range j.client.Query(ctx, query) {
		if err != nil {
			return nil, fmt.Errorf("journal: runs: %w", err)
		}
		r := dynamo.Read(item)
		run := journal.Run{
			ID: r.Text(dynamo.Member), Source: r.Text("src"), Destination: r.Text("dst"), Started: r.Time("ts"),
			Finished: r.Time("te"), State: r.Text("st"), Report: r.Bytes("report"),
		}
		if r.Err() != nil {
			return nil, fmt.Errorf("journal: run %q: %w", run.ID, r.Err())
		}
		runs = append(runs, run)
	}
	return runs, nil
}
