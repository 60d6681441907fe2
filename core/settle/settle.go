// Package settle brings one key of the destination to the newest state of the
// source while other workers, which nobody can hold back, do the same.
//
// A record alone proves nothing: a slow PUT of an old version may land after a newer
// one, or after a deletion. So whoever changes the destination writes the key's record
// afterwards, on condition that nobody else did since he read it. Of two changes that
// overlap one is refused, and who is refused looks at both ends again: by then the
// other change has landed.
package settle

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Ends are the two stores of a job. Keys are relative.
type Ends interface {
	// Source and Destination look at an object as it is now; false means that it is absent.
	Source(ctx context.Context, key string) (driver.Object, bool, error)
	Destination(ctx context.Context, key string) (driver.Object, bool, error)
	// Lists says whether a listing of the destination shows the object, or cannot tell. It is
	// asked only where an object that is to be deleted seems to be absent.
	Lists(ctx context.Context, key string) (bool, error)
	// Copy copies the version that the task names, or a newer one. See
	// transfer.Copier.Copy for the result.
	Copy(ctx context.Context, t task.Task) (journal.Record, error)
	// Delete removes an object of the destination; harmless when it is absent.
	Delete(ctx context.Context, key string) error
	// Same says whether the destination's object is known to hold the source's, by the
	// record or by what the stores state, and how strong that evidence is.
	Same(source, destination driver.Object, record journal.Record) (journal.Grade, bool)
	// Task asks for a source object as it was looked at.
	Task(object driver.Object) task.Task
}

// Records is what settling needs of a shared journal.
type Records interface {
	Lookup(ctx context.Context, keys []string) (map[string]journal.Record, error)
	Append(ctx context.Context, records []journal.Record) error
}

// Settler settles keys. It may be used by many goroutines at once.
type Settler struct {
	Ends    Ends
	Records Records
	// Deletes says that deletions at the source are followed.
	Deletes bool
	// Spend returns whether one more object may be deleted now. Nil allows all.
	Spend func(ctx context.Context) (bool, error)
}

// ErrDeletionLimit says that no more objects may be deleted for now.
var ErrDeletionLimit = errors.New("the limit of deletions is reached")

// errContended says that others changed a key again and again.
var errContended = errors.New("other workers changed the object again and again meanwhile")

// rounds is how often a key is looked at while others change it.
const rounds = 20

// Delivery is what is known of the message that a task came with.
type Delivery struct {
	Run         string
	Message     string // its name
	Redelivered bool   // somebody may be working on it still
}

// Settlement is what came of a task.
type Settlement struct {
	Record  journal.Record
	Before  journal.Record // the key's record that Record replaces, or itself where it was there already
	Written bool           // Record is on record; it may be another worker's
}

// Apply does what a task asks for. before is the key's record as it was read when the
// task came, zero for none. The record that it returns is still to be appended,
// unless written; a conflict then is for Mend. With an error, a record without Outcome
// means that the task is open.
func (s *Settler) Apply(ctx context.Context, t task.Task, before journal.Record, from Delivery) (Settlement, error) {
	if mustLook(t, before, from) {
		return s.Mend(ctx, t, from)
	}
	record, err := s.Ends.Copy(ctx, t)
	if errors.Is(err, transfer.ErrVanished) {
		record, err = vanished(t), nil
	}
	return Settlement{Record: s.sign(record, t, before, from), Before: before}, err
}

// mustLook says whether the task cannot be trusted to say what to do.
func mustLook(t task.Task, before journal.Record, from Delivery) bool {
	switch {
	case from.Redelivered, t.Attempt > 0, t.Action != task.Copy, t.ETag == "", before.Outcome == journal.OutcomeDeleted, before.OwesDeletion():
		return true
	case t.Sequencer != "" && before.Sequencer != "":
		return t.Sequencer <= before.Sequencer // old news, or the same again
	}
	return before.Outcome == journal.OutcomeDone && before.SourceETag == t.ETag
}

// sign completes a record with where it comes from, and with what it must keep of the one
// before.
func (s *Settler) sign(record journal.Record, t task.Task, before journal.Record, from Delivery) journal.Record {
	record.Run, record.Message = from.Run, from.Message
	record.Revision, record.Sequencer = before.Revision, max(before.Sequencer, t.Sequencer)
	return record.Keeping(before)
}

func vanished(t task.Task) journal.Record {
	return journal.Record{Key: t.Key, Outcome: journal.OutcomeVanished, Size: t.Size, SourceETag: t.ETag, SourceModified: t.Modified, At: time.Now()}
}

// Mend looks at both ends and makes the destination hold what the source holds, until
// nobody else interfered. Without an error what it returns is written.
func (s *Settler) Mend(ctx context.Context, t task.Task, from Delivery) (Settlement, error) {
	for range rounds {
		got, err := s.mendOnce(ctx, t, from)
		var conflict *journal.ConflictError
		if !errors.As(err, &conflict) {
			return got, err
		}
		from.Redelivered = true // by himself
	}
	return Settlement{}, errContended
}

func (s *Settler) mendOnce(ctx context.Context, t task.Task, from Delivery) (Settlement, error) {
	records, err := s.Records.Lookup(ctx, []string{t.Key})
	if err != nil {
		return Settlement{}, err
	}
	before := records[t.Key]
	record, err := s.align(ctx, t, before)
	switch {
	case errors.Is(err, transfer.ErrVanished):
		record = vanished(t)
	case err != nil:
		return Settlement{Record: s.sign(record, t, before, from), Before: before}, err
	}
	here := record.Revision > 0 && counts(t, before, from)
	if record.Revision > 0 && t.Sequencer <= before.Sequencer && !here {
		return Settlement{Record: record, Before: before, Written: true}, nil // it is on record already
	}
	if here {
		record.Elsewhere, record.UploadOpen = true, true // what this run began of it is open still
	}
	record = s.sign(record, t, before, from)
	record.Absent = record.Absent && !from.Redelivered && t.Attempt == 0 // who tried before may have deleted it
	if err := s.Records.Append(ctx, []journal.Record{record}); err != nil {
		return Settlement{Record: record, Before: before}, err
	}
	record.Revision++
	return Settlement{Record: record, Before: before, Written: true}, nil
}

// counts says that what another run settled is to be put on record as this run's. The task
// was tried before, so that other messages have the key too: the record tells them that it
// counts already, and what to take off where they copy it after all.
func counts(t task.Task, before journal.Record, from Delivery) bool {
	return t.Action == task.Copy && before.Run != from.Run && (from.Redelivered || t.Attempt > 0)
}

// align makes the destination hold what the source holds. The record that it returns has a
// Revision only where it is the one before, which still holds.
func (s *Settler) align(ctx context.Context, t task.Task, before journal.Record) (journal.Record, error) {
	source, present, err := s.Ends.Source(ctx, t.Key)
	if err != nil {
		return journal.Record{}, err
	}
	destination, held, err := s.Ends.Destination(ctx, t.Key)
	switch {
	case err != nil:
		return journal.Record{}, err
	case present && held:
		return s.replace(ctx, source, destination, before)
	case present:
		return s.Ends.Copy(ctx, s.Ends.Task(source))
	}
	return s.remove(ctx, t, before, held)
}

// replace copies the source's object over the destination's, unless it is the same.
func (s *Settler) replace(ctx context.Context, source, destination driver.Object, before journal.Record) (journal.Record, error) {
	grade, same := s.Ends.Same(source, destination, before)
	t := s.Ends.Task(source)
	switch {
	case !same:
		return s.Ends.Copy(ctx, t)
	case before.Outcome == journal.OutcomeDone && before.SourceETag == source.ETag && before.DestinationETag == destination.ETag:
		return before, nil
	}
	return journal.Record{
		Key: t.Key, Outcome: journal.OutcomeDone, Size: source.Size, SourceETag: source.ETag, SourceModified: source.Modified,
		DestinationETag: destination.ETag, Grade: grade, At: time.Now(),
	}, nil
}

// remove follows a deletion where that is wanted and the object is known to have been
// deleted, rather than never seen. One whose deletion failed is deleted by whoever looks
// next, and has not vanished while the destination holds it. That it does not hold it is
// believed where a HEAD and a listing agree.
func (s *Settler) remove(ctx context.Context, t task.Task, before journal.Record, held bool) (journal.Record, error) {
	gone := before.Outcome == journal.OutcomeDeleted
	owed := before.OwesDeletion()
	wanted := s.Deletes && (t.Action == task.Delete || gone || owed)
	switch {
	case gone && (!held || !wanted), owed && held && !wanted, before.Outcome == journal.OutcomeVanished && !wanted:
		return before, nil
	case !wanted:
		return vanished(t), nil
	}
	if !held {
		listed, err := s.Ends.Lists(ctx, t.Key)
		if err != nil {
			return journal.Record{}, err
		}
		if !listed {
			return journal.Record{Key: t.Key, Outcome: journal.OutcomeDeleted, Absent: neverHeld(before), At: time.Now()}, nil
		}
	}
	if err := s.spend(ctx, gone); err != nil {
		return journal.Record{}, err
	}
	if err := s.Ends.Delete(ctx, t.Key); err != nil {
		return journal.Record{}, err
	}
	return journal.Record{Key: t.Key, Outcome: journal.OutcomeDeleted, At: time.Now()}, nil
}

// neverHeld says that by its record nothing was ever written to the key.
func neverHeld(before journal.Record) bool {
	switch before.Outcome {
	case "", journal.OutcomeSkipped, journal.OutcomeVanished:
		return before.Proved.IsZero() && len(before.Unproved) == 0
	}
	return false
}

// spend counts a deletion against the limit, unless it only repeats one.
func (s *Settler) spend(ctx context.Context, again bool) error {
	if again || s.Spend == nil {
		return nil
	}
	allowed, err := s.Spend(ctx)
	if err == nil && !allowed {
		err = ErrDeletionLimit
	}
	return err
}
