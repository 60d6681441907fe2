package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// fate is what is to become of an upload that stays on record.
type fate int

const (
	fateKept fate = iota + 1 // a later run goes on with it
	fateLeft                 // it is of no use, and could not be ended: a later run tries again
)

func (c *Copier) setFate(key string, f fate) {
	c.fatesMu.Lock()
	defer c.fatesMu.Unlock()
	if c.fates == nil {
		c.fates = map[string]fate{}
	}
	c.fates[key] = f
}

func (c *Copier) clearFate(key string) {
	c.fatesMu.Lock()
	defer c.fatesMu.Unlock()
	delete(c.fates, key)
}

func (c *Copier) fateOf(key string) fate {
	c.fatesMu.Lock()
	defer c.fatesMu.Unlock()
	return c.fates[key]
}

// Keeps says whether this copier left the key's upload on record for a later run to go on
// with: its parts are of use, and what it failed for may pass.
func (c *Copier) Keeps(key string) bool { return c.fateOf(key) == fateKept }

// mayPass says whether an upload that failed so may be gone on with later: bytes that are
// at the destination stay right when a store is away, overloaded or refuses for want of
// rights. It is not so of a source that is another now, nor of damage that attempts did not end.
func mayPass(err error) bool {
	if IsChanged(err) || IsVanished(err) || errors.Is(err, ErrUploadLost) {
		return false
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return true // of this machine
	}
	return failure.Kind == driver.KindUnavailable || failure.Kind == driver.KindThrottled || failure.Kind == driver.KindDenied
}

// giveUp decides what becomes of an upload that failed: one that can go on
// later, or that is another worker's by now, stays; any other is aborted and forgotten.
func (c *Copier) giveUp(ctx context.Context, a *assembly, failure error) error {
	if ctx.Err() != nil || driver.KindOf(failure) == driver.KindExpired || errors.Is(failure, journal.ErrBusy) {
		return failure
	}
	a.mu.Lock()
	held := len(a.parts)
	a.mu.Unlock()
	if held > 0 && mayPass(failure) {
		c.setFate(a.task.Key, fateKept)
		if a.record.Joined != "" {
			return fmt.Errorf("%w; the parts were joined, the next run looks for the object with ETag %q", failure, a.record.Joined)
		}
		return fmt.Errorf("%w; the destination keeps %d of %d parts, the next run goes on with them", failure, held, a.layout.Parts())
	}
	if err := c.Discard(ctx, a.record); err != nil {
		return errors.Join(failure, err)
	}
	return failure
}

// abandon discards the upload that an interrupted run, or an attempt before, left of an
// object that does not go in parts any more.
func (c *Copier) abandon(ctx context.Context, t task.Task) error {
	if !c.Interrupted[t.Key] && c.fateOf(t.Key) == 0 {
		return nil
	}
	record, _, err := c.Journal.Upload(ctx, t.Key)
	if errors.Is(err, journal.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !record.IsLeft() {
		c.isOf(record, t)
	}
	return c.Discard(ctx, record)
}

// Discard aborts what the journal remembers of a key's upload and forgets it. What cannot be
// aborted, or not be found, stays on record and is told in log and report: that is no
// error, because whatever else is to be done does not depend on it. An error says that
// nothing can be done now.
func (c *Copier) Discard(ctx context.Context, record journal.Upload) error {
	_, err := c.discard(ctx, record)
	return err
}

// discard is Discard; it returns what stays.
func (c *Copier) discard(ctx context.Context, record journal.Upload) ([]journal.Begun, error) {
	left, cause := c.abortAll(ctx, record.All(), nil)
	if err := stops(ctx, cause); err != nil {
		return nil, err
	}
	if len(left) > 0 {
		return left, c.keepLeft(ctx, record.Key, left, cause)
	}
	if err := c.Journal.ForgetUpload(ctx, record.Key); err != nil {
		return nil, err
	}
	c.endedUpload(record.Key)
	return nil, nil
}

// endLeft tries again to end the earlier uploads of an object whose own is complete.
func (c *Copier) endLeft(ctx context.Context, record journal.Upload) error {
	left, cause := c.abortAll(ctx, record.Left, []string{record.ID})
	if err := stops(ctx, cause); err != nil {
		return err
	}
	if len(left) > 0 {
		return c.keepLeft(ctx, record.Key, left, cause)
	}
	c.endedUpload(record.Key)
	return nil
}

// keepLeft leaves nothing of a key's upload on record but what could not be ended.
func (c *Copier) keepLeft(ctx context.Context, key string, left []journal.Begun, cause error) error {
	c.tellLeft(key, cause)
	return c.Journal.IntendUpload(ctx, journal.Upload{Key: key, Left: left})
}

// endedUpload forgets what was to become of a key's upload.
func (c *Copier) endedUpload(key string) {
	c.clearFate(key)
	c.Counters.EndUpload(key)
}

// stops returns a failure to end an upload where it keeps everything else from being done,
// too.
func stops(ctx context.Context, cause error) error {
	if cause != nil && (ctx.Err() != nil || driver.KindOf(cause) == driver.KindExpired) {
		return cause
	}
	return nil
}

// tellLeft has log and report tell that an upload stays open.
func (c *Copier) tellLeft(key string, cause error) {
	c.setFate(key, fateLeft)
	if news := c.Counters.LeaveUpload(key, cause.Error()); news {
		c.warn("an upload in parts stays open at the destination; the next run tries again to end it", "key", key, "error", cause)
	}
}

// abortAll ends uploads and returns those that it could not, with the last reason. What is
// known by its ID only as one of others is left alone.
func (c *Copier) abortAll(ctx context.Context, uploads []journal.Begun, others []string) (left []journal.Begun, cause error) {
	for _, upload := range uploads {
		if upload.ID != "" {
			others = append(slices.Clip(others), upload.ID)
		}
	}
	for _, upload := range uploads {
		err := c.abortBegun(ctx, upload, others)
		if err != nil {
			left, cause = append(left, upload), err
		}
		if stops(ctx, err) != nil {
			break
		}
	}
	return left, cause
}

// AbortUpload discards an upload at the destination, and the earlier ones on its record;
// harmless when they are gone. Where only the intent is known it finds the upload that
// a crash hid the ID of; others are IDs that it leaves alone.
func (c *Copier) AbortUpload(ctx context.Context, record journal.Upload, others []string) error {
	_, err := c.abortAll(ctx, record.All(), others)
	if err == nil {
		c.Counters.EndUpload(record.Key)
	}
	return err
}

// Leave puts an upload that cannot be ended on record, as the journal keeps uploads, and has
// log and report tell of it: a later run tries again.
func (c *Copier) Leave(ctx context.Context, record journal.Upload, cause error) error {
	c.tellLeft(record.Key, cause)
	if c.Journal == nil {
		return nil
	}
	before, _, err := c.Journal.Upload(ctx, record.Key)
	switch {
	case err == nil:
		record.Left = append(record.Left, before.All()...)
	case !errors.Is(err, journal.ErrNotFound):
		return err
	}
	return c.Journal.IntendUpload(ctx, journal.Upload{Key: record.Key, Left: record.All()})
}

const (
	// clockMargin is how far the clocks of a store and of this machine may differ: stores
	// refuse signatures that are 15 minutes off (S3's RequestTimeTooSkewed,
	// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and a clock
	// that was never observed may be off by as much.
	clockMargin = 15 * time.Minute
	// createPatience is longer than Create is tried after it was intended.
	createPatience = time.Hour
	// mostOpen is how many open uploads of one key are remembered as others'.
	mostOpen = 100
)

// listOpen returns the IDs of the uploads that are open for a key before another is created,
// and whether it could.
func (c *Copier) listOpen(ctx context.Context, key string) (open []string, listed bool) {
	uploads, err := c.Destination.ListUploads(ctx, key)
	if err != nil || len(uploads) > mostOpen {
		return nil, false
	}
	for _, upload := range uploads {
		open = append(open, upload.ID)
	}
	return open, true
}

// abortBegun ends one upload. Where its ID is not known, it is one of exactly this key that
// was not open when it was intended, and that was begun about then: by the store's clock,
// which may differ from ours. An upload that another program begins for the same key within
// that hour cannot be told from it; it would write the same key. Where the store did not list what was
// open before, only one that was begun after the intent is taken for ours. One that may be
// ours or another's is not touched, and told.
func (c *Copier) abortBegun(ctx context.Context, begun journal.Begun, others []string) error {
	if begun.ID != "" {
		return c.Destination.AbortUpload(ctx, begun.Key, begun.ID)
	}
	uploads, err := c.Destination.ListUploads(ctx, begun.Key)
	if err != nil {
		return err
	}
	var doubtful error
	for _, upload := range uploads {
		if slices.Contains(begun.Open, upload.ID) || slices.Contains(others, upload.ID) {
			continue
		}
		begunAt := upload.Initiated
		switch {
		case begunAt.IsZero() || !begun.Listed && begunAt.Before(begun.Intended.Truncate(time.Second)) && !begunAt.Before(begun.Intended.Add(-clockMargin)):
			doubtful = c.Destination.failed(0, &driver.Error{
				Op: "AbortUpload", Key: c.Destination.Prefix + begun.Key, Kind: driver.KindUnsupported,
				Message: fmt.Sprintf("upload %q may be of an interrupted run or another program's: abort it if nothing else uses it", upload.ID),
			})
		case begunAt.Before(begun.Intended.Add(-clockMargin)) || begunAt.After(begun.Intended.Add(clockMargin+createPatience)):
			continue
		default:
			if err := c.Destination.AbortUpload(ctx, begun.Key, upload.ID); err != nil {
				return err
			}
		}
	}
	return doubtful
}
