package dynamodb

import (
	"context"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
)

func talliesPartition(run string) string { return "M#" + run }

// counted returns the counts by the names of their attributes.
func counted(c *journal.Counts) map[string]*int64 {
	return map[string]*int64{
		"eq": &c.Equal, "c": &c.Copied, "b": &c.Bytes, "in": &c.Inside, "f": &c.Failed, "s": &c.Skipped, "um": &c.Unmappable, "ar": &c.Archived,
		"ad": &c.Adapted, "vn": &c.Vanished, "rp": &c.Replanned, "d": &c.Deleted, "gb": &c.GradeBoth, "go": &c.GradeOne, "gs": &c.GradeSize,
	}
}

// Tally records what came of one message of a run, in place of what was recorded before.
func (j *Journal) Tally(ctx context.Context, tally journal.Tally) error {
	item := dynamo.Item{
		dynamo.Group:   dynamo.Text(talliesPartition(tally.Run)),
		dynamo.Member:  dynamo.Text(tally.Message),
		dynamo.Expires: dynamo.Seconds(j.client.Now().Add(j.options.Tallies)),
	}
	for name, count := range counted(&tally.Counts) {
		dynamo.PutInt(item, name, *count)
	}
	if err := j.client.Put(ctx, dynamo.Write{Table: j.client.Parts(), Item: item}); err != nil {
		return fmt.Errorf("journal: tally message %q of run %q: %w", tally.Message, tally.Run, err)
	}
	return nil
}

// Total adds up all tallies of a run.
func (j *Journal) Total(ctx context.Context, run string) (journal.Counts, error) {
	var total journal.Counts
	query := dynamo.Query{Table: j.client.Parts(), Attribute: dynamo.Group, Partition: talliesPartition(run)}
	for item, err := range j.client.Query(ctx, query) {
		if err != nil {
			return journal.Counts{}, fmt.Errorf("journal: total of run %q: %w", run, err)
		}
		var one journal.Counts
		r := dynamo.Read(item)
		for name, count := range counted(&one) {
			*count = r.Int(name)
		}
		if r.Err() != nil {
			return journal.Counts{}, fmt.Errorf("journal: message %q of run %q: %w", r.Text(dynamo.Member), run, r.Err())
		}
		total.Add(one)
	}
	return total, nil
}

func leaseKey(name string) dynamo.Item {
	return dynamo.Item{dynamo.Group: dynamo.Text("L#" + name), dynamo.Member: dynamo.Text("#")}
}

// TakeLease makes owner the holder of a name for ttl, by this machine's clock, or extends
// what it holds; see dynamo.ClockMargin. It returns false while another holds it. Requests
// of one owner may overtake each other: one that arrives late does not shorten the lease.
func (j *Journal) TakeLease(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	_, err := j.client.Update(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: leaseKey(name), Update: "SET #o = :o, #l = :l",
		Condition: "attribute_not_exists(#pk) OR (#o = :o AND #l < :l) OR #l < :ended",
		Values:    dynamo.Item{":o": dynamo.Text(owner), ":l": dynamo.Int(j.client.Until(ttl)), ":ended": dynamo.Int(j.client.Ended())},
	})
	if there, unmet := dynamo.Unmet(err); unmet {
		return dynamo.Read(there).Text("o") == owner, nil // it is held for longer already
	}
	if err != nil {
		return false, fmt.Errorf("journal: take lease %q: %w", name, err)
	}
	return true, nil
}

// DropLease gives up what owner holds; harmless when it does not.
func (j *Journal) DropLease(ctx context.Context, name, owner string) error {
	err := j.client.Delete(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: leaseKey(name), Condition: "#o = :o", Values: dynamo.Item{":o": dynamo.Text(owner)},
	})
	if _, unmet := dynamo.Unmet(err); err != nil && !unmet {
		return fmt.Errorf("journal: drop lease %q: %w", name, err)
	}
	return nil
}

// Spend counts one use of a name, unless that exceeds the limit. A use whose answer was
// lost may count twice: the limit is never exceeded.
func (j *Journal) Spend(ctx context.Context, name string, limit int64) (bool, error) {
	if limit <= 0 {
		return false, nil
	}
	_, err := j.client.Update(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: dynamo.Item{dynamo.Group: dynamo.Text("D#" + name), dynamo.Member: dynamo.Text("#")},
		Update: "SET #x = :x ADD #n :one", Condition: "attribute_not_exists(#n) OR #n < :limit",
		Values: dynamo.Item{":x": dynamo.Seconds(j.client.Now().Add(day)), ":one": dynamo.Int(1), ":limit": dynamo.Int(limit)},
	})
	if _, unmet := dynamo.Unmet(err); unmet {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("journal: spend one of %q: %w", name, err)
	}
	return true, nil
}
