package assembly

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Order does what the watch asks for: completes or gives up, as the record says, or
// starts the next execution. It answers the order's token.
func (a *Assembler) Order(ctx context.Context, order task.Order) error {
	switch order.Kind {
	case task.OrderComplete, task.OrderAbort:
		return a.answer(ctx, order.Token, a.act(ctx, order.Upload, order.Token))
	case task.OrderWatch:
		return a.roll(ctx, order)
	}
	return fmt.Errorf("giant object %s: unknown order %q", order.Upload, order.Kind)
}

// answer tells the watch what came of its order. A failure is asked for again at the
// next poll, so the message of this one may go.
func (a *Assembler) answer(ctx context.Context, token string, failure error) error {
	var err error
	switch {
	case token == "" || ctx.Err() != nil || driver.KindOf(failure) == driver.KindExpired:
		return failure
	case failure == nil:
		err = a.watch.Succeed(ctx, token)
	default:
		a.log.Warn("order refused", "error", failure)
		err = a.watch.Refuse(ctx, token, true, failure.Error())
	}
	if errors.Is(err, ErrNotFound) {
		return nil // a newer order is on its way
	}
	return err
}

// act does what the state of a giant object calls for: whatever an old message asks
// for, the record decides.
func (a *Assembler) act(ctx context.Context, id, token string) error {
	upload, err := a.store.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch upload.State {
	case Failed:
		return named(upload, a.giveUp(ctx, upload, upload.Reason))
	case Ready, Completing:
		return named(upload, a.complete(ctx, id, token))
	}
	return nil
}

// complete joins the parts unless another does so.
func (a *Assembler) complete(ctx context.Context, id, token string) error {
	owner, taken := a.newOwner(), time.Now()
	upload, mine, err := a.store.Claim(ctx, id, Ready, Completing, owner, a.config.Joining)
	if errors.Is(err, ErrNotFound) || err == nil && !mine {
		return nil
	}
	if err != nil {
		return err
	}
	work, release := a.hold(ctx, id, owner, taken, a.config.Joining, token)
	defer release()
	err = lost(work, a.join(work, upload))
	if err != nil && work.Err() == nil && a.age(upload) > a.config.GiveUp {
		return a.giveUp(work, upload, err.Error())
	}
	return err
}

// join completes a giant object that this process holds. Parts that the destination does
// not have any more are sent again before anything is given up.
func (a *Assembler) join(ctx context.Context, upload Upload) error {
	parts, err := a.store.Parts(ctx, upload.ID)
	if err != nil {
		return err
	}
	giant := a.copier.Giant(upload.Task, upload.Record)
	if sent, err := a.resend(ctx, upload, giant, parts); err != nil || sent {
		return err
	}
	var unwritten error
	record, err := giant.Complete(ctx, parts, func(ctx context.Context, joined journal.Upload) error {
		unwritten = a.store.Begin(ctx, upload.ID, upload.Owner, joined)
		return unwritten
	})
	switch {
	case err == nil:
		return a.done(ctx, upload, record)
	case unwritten != nil:
		return unwritten // it says nothing of the object
	case ctx.Err() != nil || driver.KindOf(err) == driver.KindExpired:
		return err
	case driver.KindOf(err) == driver.KindIntegrity:
		return a.giveUp(ctx, upload, reasonDamaged+": "+err.Error())
	case driver.KindOf(err).Retriable():
		return err
	}
	// A part may have been replaced since it was looked at.
	if sent, err := a.resend(ctx, upload, giant, parts); err != nil || sent {
		return err
	}
	return a.giveUp(ctx, upload, reasonOf(err))
}

// maxLosses is how often a process sends parts of one object again that the destination
// does not hold: one that shows them otherwise than it acknowledged them does so always.
const maxLosses = 3

// dropTime is about how long it takes to drop one part from the record.
const dropTime = 50 * time.Millisecond

// resend sends the parts again that the destination does not hold as recorded, and turns
// the object back into Open. It returns false where there are none, and where the
// destination does not know the upload, which may be because it is complete.
func (a *Assembler) resend(ctx context.Context, upload Upload, giant *transfer.Giant, parts []journal.Part) (bool, error) {
	unheld, err := giant.Unheld(ctx, parts)
	if errors.Is(err, transfer.ErrUploadLost) || driver.KindOf(err) == driver.KindUnsupported {
		return false, nil
	}
	if err != nil || len(unheld) == 0 {
		return false, err
	}
	a.mu.Lock()
	a.losses[upload.ID]++
	tooMany := a.losses[upload.ID] > maxLosses
	a.mu.Unlock()
	if tooMany {
		return true, a.giveUp(ctx, upload, fmt.Sprintf("the destination lost parts of the upload %d times, part %d the last", maxLosses+1, unheld[0]))
	}
	a.log.Warn("parts are copied again", "key", upload.Task.Key, "parts", len(unheld), "first", unheld[0])
	// In this order, because a crash in between is found by the next who completes. The
	// parts come late, because one that is copied before it was dropped does not count.
	delay := min(a.config.Backoff+time.Duration(len(unheld))*dropTime, longestBackoff)
	if err := a.sendParts(ctx, upload, unheld, delay); err != nil {
		return true, err
	}
	return true, a.store.DropParts(ctx, upload.ID, unheld)
}

// done settles a giant object that the destination holds.
func (a *Assembler) done(ctx context.Context, upload Upload, record journal.Record) error {
	if err := a.settle(ctx, upload, record); err != nil {
		return err
	}
	return a.finish(ctx, upload, Done, "")
}

func (a *Assembler) settle(ctx context.Context, upload Upload, record journal.Record) error {
	record.Run, record.Message, record.Revision = upload.Run, upload.Message, upload.Revision
	record.Sequencer, record.Replans = upload.Task.Sequencer, upload.Task.Attempt
	return a.settler.Settle(ctx, upload, record)
}

func (a *Assembler) finish(ctx context.Context, upload Upload, state State, reason string) error {
	a.mu.Lock()
	delete(a.known, upload.ID)
	delete(a.losses, upload.ID)
	a.mu.Unlock()
	return a.store.Finish(ctx, upload.ID, state, reason)
}

// startsAnew says whether an object that was given up for this reason is worth another
// beginning.
func startsAnew(reason string) bool {
	for _, prefix := range []string{reasonChanged, reasonLost, reasonDamaged, reasonTerms} {
		if strings.HasPrefix(reason, prefix) {
			return true
		}
	}
	return false
}

// giveUp discards the upload at the destination and either begins the object anew or
// reports it. The record becomes final last, so that a crash has it all done again.
func (a *Assembler) giveUp(ctx context.Context, upload Upload, reason string) error {
	if err := a.abort(ctx, upload); err != nil {
		return err
	}
	err := error(nil)
	if startsAnew(reason) && upload.Task.Attempt+1 < maxAttempts {
		err = a.replan(ctx, upload, reason)
		if errors.Is(err, transfer.ErrVanished) {
			err = a.settle(ctx, upload, journal.Record{
				Key: upload.Task.Key, Outcome: journal.OutcomeVanished, Size: upload.Task.Size,
				SourceETag: upload.Task.ETag, SourceVersion: upload.Task.VersionID, At: time.Now(),
			})
		}
	} else {
		err = a.settle(ctx, upload, a.copier.Failed(upload.Task, errors.New(reason)))
	}
	if err != nil {
		return err
	}
	return a.finish(ctx, upload, Aborted, reason)
}

// abort discards an upload. Where its ID is not known, those of other giant objects of
// the same key are left alone. One that the store does not let us end, for want of a right
// say, goes on the journal's record and is told: the object's own outcome does not wait for it.
func (a *Assembler) abort(ctx context.Context, upload Upload) error {
	var others []string
	if upload.Record.ID == "" {
		all, err := a.store.Unfinished(ctx)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.Record.ID != "" {
				others = append(others, other.Record.ID)
			}
		}
	}
	err := a.copier.AbortUpload(ctx, upload.Record, others)
	if kind := driver.KindOf(err); err == nil || ctx.Err() != nil || kind.Retriable() && kind != driver.KindIntegrity {
		return err
	}
	return a.copier.Leave(ctx, upload.Record, err)
}

// roll starts the next execution of the watch. The order says by the number of polls
// which one that is, so that one which comes twice starts it once.
func (a *Assembler) roll(ctx context.Context, order task.Order) error {
	upload, err := a.store.Get(ctx, order.Upload)
	if errors.Is(err, ErrNotFound) || err == nil && isFinal(upload.State) {
		return nil
	}
	if err != nil {
		return err
	}
	if upload.State == Open && a.age(upload) > a.config.GiveUp {
		if err := a.store.Fail(ctx, upload.ID, tooOld); err != nil {
			return named(upload, err)
		}
	}
	if order.RollAt/a.config.RollAt < upload.Generation {
		return nil // it was started
	}
	return named(upload, a.startWatch(ctx, upload, upload.Generation, order.RollAt))
}
