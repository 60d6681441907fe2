package assembly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Split begins a giant object: it creates the upload, sends its parts to the queue and
// starts the watch. revision is that of the key's record in the journal, message the name of
// the message that brought the task. A redelivered message goes on where a crash ended
// the first; one that comes while another works on it is journal.ErrBusy, to be looked
// at again later.
//
// A nil error says that the task is on its way: its outcome goes to the Settler. With
// an error the record says, as that of transfer.Copier.Copy does, whether that
// decides the task: an empty Outcome leaves it open.
func (a *Assembler) Split(ctx context.Context, t task.Task, run, message string, revision int64) (journal.Record, error) {
	upload, found, err := a.find(ctx, t, run, message)
	if err != nil {
		return journal.Record{}, err
	}
	if found && (isFinal(upload.State) || wasHandedOver(upload)) {
		return journal.Record{}, nil // all of its parts were sent
	}
	if !found {
		upload.Revision = revision
		upload.Record, err = a.copier.IntendUpload(ctx, t, a.config.PartSize)
		if err != nil {
			return a.refused(ctx, upload, err)
		}
		size := upload.Record.PartSize
		upload.Total = int((t.Size + size - 1) / size)
	}
	owner, intended, taken := a.newOwner(), upload.Record.Intended, time.Now()
	upload, mine, err := a.store.Create(ctx, upload, owner, a.config.Creating)
	switch {
	case err != nil:
		return journal.Record{}, named(upload, err)
	case !mine && !isFinal(upload.State) && !wasHandedOver(upload):
		return journal.Record{}, named(upload, journal.ErrBusy)
	case !mine:
		return journal.Record{}, nil
	}
	work, release := a.hold(ctx, upload.ID, owner, taken, a.config.Creating, "")
	defer release()
	if wasHandedOver(upload) { // by another since we looked
		return journal.Record{}, nil
	}
	found = found || !upload.Record.Intended.Truncate(time.Microsecond).Equal(intended.Truncate(time.Microsecond))
	upload, err = a.begin(work, upload, owner, found)
	var refused *refusal
	if errors.As(err, &refused) {
		return a.refused(ctx, upload, refused.cause)
	}
	if err == nil {
		err = a.handOver(work, upload)
	}
	return journal.Record{}, named(upload, err)
}

// find returns the giant object that the task made before, or a new one. A final one
// belongs to its own message; another message asks for the object once more. So does the
// same one where it came to no more than a failure that the caller was told of: he may
// have died before he wrote that down.
func (a *Assembler) find(ctx context.Context, t task.Task, run, message string) (upload Upload, found bool, err error) {
	for attempt := t.Attempt; ; attempt++ {
		id := NewID(t.Key, t.ETag, t.VersionID, run, attempt)
		upload, err = a.store.Get(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return Upload{ID: id, Run: run, Message: message, Task: t, State: Open, Generation: firstGeneration}, false, nil
		}
		over := isFinal(upload.State)
		if over && upload.Message == message {
			over = upload.State == Aborted && upload.Record.ID == "" // never begun
		}
		if err != nil || !over {
			return upload, err == nil, err
		}
	}
}

// refusal is a failure of a store to begin an upload, as opposed to one of our own records.
type refusal struct{ cause error }

func (r *refusal) Error() string { return r.cause.Error() }

// begin creates the upload at the destination where that was not done yet. Of one that
// was found on record, an earlier owner may have created it and died.
func (a *Assembler) begin(ctx context.Context, upload Upload, owner string, found bool) (Upload, error) {
	if upload.Record.ID != "" {
		return upload, nil
	}
	if found {
		if err := a.abort(ctx, upload); err != nil {
			return upload, err
		}
	}
	record, err := a.copier.OpenUpload(ctx, upload.Record)
	if err != nil {
		return upload, &refusal{err}
	}
	err = a.store.Begin(ctx, upload.ID, owner, record)
	if errors.Is(err, ErrNotFound) { // the lease was lost on the way, and another began it
		upload.Record = record
		return upload, errors.Join(journal.ErrBusy, a.abort(ctx, upload))
	}
	upload.Record = record
	return upload, err
}

// firstGeneration is that of a giant object whose parts may not all have been sent.
const firstGeneration = 1

func wasHandedOver(upload Upload) bool { return upload.Generation > firstGeneration }

// handOver sends the parts that are not there and starts the watch. That the parts were
// sent is on record with the next generation.
func (a *Assembler) handOver(ctx context.Context, upload Upload) error {
	if err := a.sendMissing(ctx, upload); err != nil {
		return err
	}
	if wasHandedOver(upload) {
		return nil
	}
	return a.startWatch(ctx, upload, firstGeneration, a.config.RollAt)
}

// startWatch starts an execution, and records that it was started: one that a crash leaves
// unrecorded is started again under the same name, which is harmless.
func (a *Assembler) startWatch(ctx context.Context, upload Upload, generation, rollAt int) error {
	if err := a.watch.Start(ctx, upload.ID, generation, rollAt); err != nil {
		return err
	}
	_, err := a.store.Roll(ctx, upload.ID, generation+1)
	return err
}

func (a *Assembler) sendMissing(ctx context.Context, upload Upload) error {
	arrived, err := a.store.Parts(ctx, upload.ID)
	if err != nil {
		return err
	}
	held := make(map[int]bool, len(arrived))
	for _, part := range arrived {
		held[part.Number] = true
	}
	var missing []int
	for number := 1; number <= upload.Total; number++ {
		if !held[number] {
			missing = append(missing, number)
		}
	}
	return a.sendParts(ctx, upload, missing, 0)
}

// sendParts sends one message a part: workers take them one by one.
func (a *Assembler) sendParts(ctx context.Context, upload Upload, numbers []int, delay time.Duration) error {
	sending, ctx := errgroup.WithContext(ctx)
	sending.SetLimit(sendsAtOnce)
	for _, number := range numbers {
		sending.Go(func() error {
			batch := task.Batch{Run: upload.Run, Parts: []task.Part{{Upload: upload.ID, Number: number}}}
			if delay > 0 {
				return a.queue.SendLater(ctx, batch, delay)
			}
			return a.queue.Send(ctx, batch)
		})
	}
	return sending.Wait()
}

// refused decides what becomes of a task whose upload could not be begun.
func (a *Assembler) refused(ctx context.Context, upload Upload, cause error) (journal.Record, error) {
	if ctx.Err() != nil || driver.KindOf(cause) == driver.KindExpired {
		return journal.Record{}, cause
	}
	if !upload.Record.Intended.IsZero() { // it is on record, and may have been created
		if err := a.abort(ctx, upload); err != nil {
			return journal.Record{}, errors.Join(cause, err)
		}
		if err := a.store.Finish(ctx, upload.ID, Aborted, cause.Error()); err != nil {
			return journal.Record{}, errors.Join(cause, err)
		}
	}
	switch {
	case transfer.IsVanished(cause):
		return journal.Record{}, transfer.ErrVanished
	case transfer.IsChanged(cause) && upload.Task.Attempt+1 < maxAttempts:
		return journal.Record{}, a.replan(ctx, upload, cause.Error())
	}
	record := a.copier.Failed(upload.Task, cause)
	record.Run = upload.Run
	return record, cause
}

// replan sends the task of the source object's present version.
func (a *Assembler) replan(ctx context.Context, upload Upload, reason string) error {
	fresh, err := a.copier.Replan(ctx, upload.Task)
	if err != nil {
		return err
	}
	fresh.Sequencer, fresh.Attempt, fresh.Reason = upload.Task.Sequencer, upload.Task.Attempt+1, reason
	if err := a.queue.Send(ctx, task.Batch{Run: upload.Run, Tasks: []task.Task{fresh}}); err != nil {
		return fmt.Errorf("plan again: %w", err)
	}
	return nil
}
