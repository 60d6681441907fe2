package assembly

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Part copies one part, and completes the object when it is the last to arrive. A part
// that failed is sent again with one more attempt; one that cannot be copied, or whose
// source is another now, ends the whole upload.
func (a *Assembler) Part(ctx context.Context, part task.Part) error {
	known, err := a.open(ctx, part.Upload)
	if errors.Is(err, ErrNotFound) {
		a.log.Debug("part of an unknown giant object", "giant", part.Upload, "part", part.Number)
		return nil
	}
	if err != nil {
		return err
	}
	upload := known.upload
	switch {
	case upload.State == Ready || upload.State == Completing:
		err := a.act(ctx, upload.ID, "")
		if err == nil && upload.State == Completing {
			// Another may hold it, who just now finds that the destination lost this very part.
			err = a.sendLater(ctx, upload, part, a.config.Backoff)
		}
		return err
	case upload.State != Open || part.Number < 1 || part.Number > upload.Total:
		return nil
	}
	copied, err := known.copy.CopyPart(ctx, part.Number)
	if err != nil {
		return a.partFailed(ctx, upload, part, err)
	}
	progress, err := a.store.RecordPart(ctx, upload.ID, copied)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return named(upload, err)
	}
	if progress.State == Open {
		return nil
	}
	a.forget(upload.ID)
	if progress.State == Ready {
		return a.act(ctx, upload.ID, "")
	}
	return nil
}

// partFailed decides what becomes of a part that could not be copied, and of the giant
// object with it.
func (a *Assembler) partFailed(ctx context.Context, upload Upload, part task.Part, cause error) error {
	if ctx.Err() != nil || driver.KindOf(cause) == driver.KindExpired {
		return cause
	}
	reason := reasonOf(cause)
	if !startsAnew(reason) && driver.KindOf(cause).Retriable() && part.Attempt+1 < maxAttempts {
		part.Attempt++
		part.Reason = reason
		return a.sendLater(ctx, upload, part, min(a.config.Backoff<<(part.Attempt-1), longestBackoff))
	}
	// What was remembered may be old: of an object that is done or given up, no part can
	// be copied any more.
	a.forget(upload.ID)
	upload, err := a.store.Get(ctx, upload.ID)
	if errors.Is(err, ErrNotFound) || err == nil && upload.State != Open {
		return nil
	}
	if err != nil {
		return err
	}
	a.log.Warn("giant object given up", "key", upload.Task.Key, "part", part.Number, "reason", reason)
	if err := a.store.Fail(ctx, upload.ID, reason); err != nil {
		return named(upload, err)
	}
	return a.act(ctx, upload.ID, "")
}

func (a *Assembler) sendLater(ctx context.Context, upload Upload, part task.Part, delay time.Duration) error {
	return named(upload, a.queue.SendLater(ctx, task.Batch{Run: upload.Run, Parts: []task.Part{part}}, delay))
}

// Reasons to begin an object anew rather than to report it. They are kept in the
// record, because whoever gives the upload up may be another than who found out.
const (
	reasonChanged = "the source object changed"
	reasonLost    = "the destination lost the upload"
	reasonDamaged = "the object was damaged on the way"
	reasonTerms   = "the job has other terms"
)

// reasonOf returns a failure as it is kept on record.
func reasonOf(cause error) string {
	switch {
	case transfer.IsChanged(cause), transfer.IsVanished(cause):
		return reasonChanged + ": " + cause.Error()
	case errors.Is(cause, transfer.ErrUploadLost):
		return reasonLost + ": " + cause.Error()
	case errors.Is(cause, transfer.ErrOtherTerms):
		return reasonTerms + ": " + cause.Error()
	}
	return cause.Error()
}
