// Package transfer copies one object: it reads one version of it from the
// source, writes it to the destination, and compares checksums on the way.
//
// A key passes Copier.Copy, then copyWhole or copyParts, which stream one GET of
// the source Side into one PUT of the destination Side.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/semaphore"

	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/sdk/driver"
)

// Copier copies objects from Source to Destination.
// It may be used by many goroutines at once.
type Copier struct {
	Source, Destination *Side
	Journal             journal.Journal // remembers uploads and their parts
	Budget              *throttle.Budget
	PartSlots           *semaphore.Weighted // bounds the parts in flight of all objects
	Inside              Inside              // copies without us where the store can
	Fit                 fit.Fitter          // to the destination's rules
	Bare                bool                // neither content headers nor metadata nor tags are copied
	Tags                bool                // are copied too
	Terms               string              // what else the destination is told of each object, see journal.Upload
	Sizes               plan.Sizes
	Policy              retry.Policy
	Counters            *observe.Counters
	Run                 string
	Interrupted         map[string]bool // keys whose uploads an interrupted run left; not changed while copies run
	Logger              hclog.Logger    // may be nil

	buffers buffers
	keeping keeping
	probes  probes
	fatesMu sync.Mutex
	fates   map[string]fate // of uploads that stay on record, by key
}

// maxReplans is how often a changing source object is planned again.
const maxReplans = 3

// receipt is what a successful copy can prove.
type receipt struct {
	destinationETag string
	checksum        driver.Checksum
	grade           journal.Grade
	changes         []string // what was left out or encoded
	inside          bool     // the store copied it itself
}

// Copy copies one object and says how it ended. A source object that changes
// meanwhile is planned again, never mixed. With an error the record says whether
// that decides the task: an empty Outcome leaves it open, because the context
// ended or credentials ran out (driver.KindExpired). ErrVanished comes with a record of
// journal.OutcomeVanished, which is no failure. signed is the task's download from
// SignAhead; the zero value has it signed when it is needed.
func (c *Copier) Copy(ctx context.Context, t task.Task, signed driver.Exchange) (journal.Record, error) {
	replans := 0
	ctx = withTrail(ctx)
	for {
		got, err := c.copyVersion(ctx, t, signed)
		switch {
		case err == nil:
			return c.done(t, got, replans), nil
		case ctx.Err() != nil:
			return journal.Record{}, ctx.Err()
		case driver.KindOf(err) == driver.KindExpired:
			return journal.Record{}, err
		case IsChanged(err) && replans < maxReplans:
			replans++
			c.Counters.Replanned.Add(1)
			if t, err = c.replan(ctx, t); err != nil {
				return c.ended(ctx, t, replans, err)
			}
		default:
			return c.ended(ctx, t, replans, err)
		}
	}
}

// SignAhead signs the downloads of tasks at once, which costs less than one by
// one. What cannot be signed now stays zero.
func (c *Copier) SignAhead(ctx context.Context, tasks []task.Task) []driver.Exchange {
	if c.Inside.possible() {
		return make([]driver.Exchange, len(tasks))
	}
	return c.Source.signGets(ctx, tasks)
}

// copyVersion copies exactly the version that the task names.
func (c *Copier) copyVersion(ctx context.Context, t task.Task, signed driver.Exchange) (receipt, error) {
	if err := c.CheckKey(ctx, t.Key, t.Size); err != nil {
		return receipt{}, err
	}
	key := c.Destination.Prefix + c.written(t.Key)
	limits, multipart := c.Destination.Session.Limits, c.Destination.Session.Has(driver.CapabilityUploader)
	layout, err := plan.Divide(t.Size, c.Sizes, limits, multipart)
	if err != nil {
		return receipt{}, c.Destination.failed(0, &driver.Error{Op: "Put", Key: key, Kind: driver.KindUnsupported, Message: err.Error()})
	}
	got, err := c.move(ctx, t, signed, layout)
	if err == nil {
		return got, c.lookUp(ctx, key)
	}
	if trailOf(ctx).stored.Load() { // and something failed after that, which says less
		var unfit *fit.Error
		if elsewhere := c.lookUp(ctx, key); errors.As(elsewhere, &unfit) {
			err = elsewhere
		}
	}
	return got, err
}

// move copies the object in the best way there is.
func (c *Copier) move(ctx context.Context, t task.Task, signed driver.Exchange, layout plan.Layout) (receipt, error) {
	if c.Inside.possible() {
		if got, err := c.copyInside(ctx, t); !refusedInside(err) {
			return got, err
		}
	}
	if layout.Multipart() {
		return c.copyParts(ctx, t, signed, layout)
	}
	if err := c.abandon(ctx, t); err != nil {
		return receipt{}, err
	}
	return c.copyWhole(ctx, t, signed)
}

func (c *Copier) warn(message string, pairs ...any) {
	if c.Logger != nil {
		c.Logger.Warn(message, pairs...)
	}
}

// replan returns the task of the source object's present version, or ErrVanished.
func (c *Copier) replan(ctx context.Context, t task.Task) (task.Task, error) {
	object, present, err := c.Source.Look(ctx, t.Key)
	if err != nil {
		return t, err
	}
	if !present {
		return t, fmt.Errorf("%w: neither a HEAD nor a listing finds it", ErrVanished)
	}
	fresh := task.FromObject(object, c.Source.Prefix)
	fresh.VersionID = "" // the current one, whatever Stat saw
	return fresh, nil
}

func (c *Copier) done(t task.Task, got receipt, replans int) journal.Record {
	record := journal.Record{
		Key: t.Key, Run: c.Run, Outcome: journal.OutcomeDone, Size: t.Size,
		SourceETag: t.ETag, SourceVersion: t.VersionID, SourceModified: t.Modified, DestinationETag: got.destinationETag,
		Checksum: got.checksum, Grade: got.grade, Changes: got.changes, Replans: replans, At: time.Now(),
		Inside: got.inside, UploadOpen: c.fateOf(t.Key) == fateLeft,
	}
	if written := c.written(t.Key); written != t.Key {
		record.Written = written
	}
	return record
}

// ended turns a failure into a record where it decides the task.
func (c *Copier) ended(ctx context.Context, t task.Task, replans int, err error) (journal.Record, error) {
	if ctx.Err() != nil {
		return journal.Record{}, ctx.Err()
	}
	if IsVanished(err) {
		record := c.failed(t, replans, err)
		record.Outcome = journal.OutcomeVanished
		return record, err
	}
	err = namedClass(t, err)
	if IsChanged(err) {
		err = fmt.Errorf("%w, %d times in a row; run again when it rests", err, replans+1)
	}
	if trailOf(ctx).written.Load() {
		err = writtenError{err}
	}
	return c.failed(t, replans, err), err
}

// failed is the record of a task that failed for good.
func (c *Copier) failed(t task.Task, replans int, err error) journal.Record {
	record := journal.Record{
		Key: t.Key, Run: c.Run, Outcome: journal.OutcomeFailed, Size: t.Size, SourceETag: t.ETag, SourceVersion: t.VersionID,
		SourceModified: t.Modified, Replans: replans, Error: err.Error(), At: time.Now(),
	}
	kind := driver.KindOf(err)
	skip := kind == driver.KindFrozen || kind == driver.KindUnsupported
	var unfit *fit.Error
	if errors.As(err, &unfit) {
		record.Unmappable, skip = true, unfit.Skip
	}
	if skip && !mayHaveWritten(err) {
		record.Outcome, record.Archived = journal.OutcomeSkipped, archived(err)
	}
	return record
}
