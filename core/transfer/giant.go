package transfer

import (
	"context"
	"errors"
	"slices"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// IntendUpload returns what upload there is to be for the version that the task names,
// in parts of about the wished size in bytes, 0 for automatic: the caller records it
// durably before it calls OpenUpload. It opens the first part's GET, because its
// headers hold the attributes that the upload is created with.
func (c *Copier) IntendUpload(ctx context.Context, t task.Task, part int64) (journal.Upload, error) {
	if err := c.CheckKey(ctx, t.Key, t.Size); err != nil {
		return journal.Upload{}, err
	}
	session := c.Destination.Session
	layout, err := plan.DivideGiant(t.Size, part, session.Limits, session.Has(driver.CapabilityUploader))
	if err != nil {
		return journal.Upload{}, c.Destination.failed(0, &driver.Error{
			Op: "CreateUpload", Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindUnsupported, Message: err.Error(),
		})
	}
	a := &assembly{task: t, layout: layout}
	if err := c.lookAround(ctx, a, false); err != nil {
		return journal.Upload{}, err
	}
	first, attributes, err := c.openFirst(ctx, a)
	if reason := unbound(err); reason != nil {
		return journal.Upload{}, c.Source.failed(0, &driver.Error{Op: "GET", Key: c.Source.Prefix + t.Key, Kind: driver.KindUnsupported, Message: reason.Error()})
	}
	if err != nil {
		return journal.Upload{}, err
	}
	first.close() // its bytes are read with the part
	err = c.describe(a, attributes)
	return a.record, err
}

// OpenUpload creates an upload that was recorded and returns the record with the
// store's ID, and with what an answer hid that was lost on the way.
func (c *Copier) OpenUpload(ctx context.Context, record journal.Upload) (journal.Upload, error) {
	var upload driver.Upload
	hidden := false
	err := c.attempt(ctx, c.Destination, func(ctx context.Context) (err error) {
		upload, err = c.Destination.createUpload(ctx, record.DestinationKey(), record.Attributes)
		if driver.KindOf(err) == driver.KindUnavailable { // the answer may be lost, not the upload
			if cause := c.abortBegun(ctx, record.Begun(), nil); cause != nil && ctx.Err() == nil {
				hidden = true
				c.tellLeft(record.Key, cause)
			}
		}
		return err
	})
	if err == nil && hidden {
		record.Left = append(slices.Clip(record.Left), record.Begun())
	}
	record.ID = upload.ID
	return record, err
}

// Giant is one upload whose parts are copied by many processes. Its methods may be
// called by many goroutines at once. They remember nothing: the caller keeps the parts.
type Giant struct {
	copier   *Copier
	assembly *assembly
}

// Giant returns the upload of a task by its record, which has the store's ID. Its parts
// share one signature of the download.
func (c *Copier) Giant(t task.Task, record journal.Upload) *Giant {
	return &Giant{copier: c, assembly: newAssembly(t, record)}
}

func newAssembly(t task.Task, record journal.Upload) *assembly {
	layout := plan.Layout{Size: record.Size, PartSize: record.PartSize}
	return &assembly{task: t, layout: layout, record: record, parts: map[int]journal.Part{}}
}

// CopyPart copies one part of exactly the task's version. IsChanged tells of a source
// that is another now; ErrUploadLost of an upload that the destination does not know
// any more. Every other failure was retried as far as that promises anything.
func (g *Giant) CopyPart(ctx context.Context, number int) (journal.Part, error) {
	return g.copier.movePart(ctx, g.assembly, number, nil)
}

// Unheld returns the numbers of the parts that the destination does not hold as they
// are on record, and of those that are not on record. It is ErrUploadLost where the
// destination does not know the upload.
func (g *Giant) Unheld(ctx context.Context, known []journal.Part) ([]int, error) {
	a := newAssembly(g.assembly.task, g.assembly.record)
	held, err := g.copier.Destination.listParts(ctx, a.record.DestinationKey(), a.record.ID, a.layout.Parts())
	if err != nil {
		return nil, err
	}
	a.keep(known, held)
	var unheld []int
	for number := 1; number <= a.layout.Parts(); number++ {
		if _, ok := a.parts[number]; !ok {
			unheld = append(unheld, number)
		}
	}
	return unheld, nil
}

// ErrOtherTerms says that an upload was begun on other terms than the job has now.
var ErrOtherTerms = errors.New("the upload was begun on other terms than the job has now")

// Complete joins the parts, which are all of them, and proves the result as Copy does.
// An upload that is gone because it was completed before is a success like any other.
// It is ErrUploadLost where the destination knows neither the upload nor the object, and
// ErrOtherTerms where what would be written is not what the job asks for any more. Once the
// parts are joined, amend puts on record which object they became.
func (g *Giant) Complete(ctx context.Context, parts []journal.Part, amend func(context.Context, journal.Upload) error) (journal.Record, error) {
	if g.assembly.record.Terms != g.copier.Terms {
		return journal.Record{}, ErrOtherTerms
	}
	a := newAssembly(g.assembly.task, g.assembly.record)
	a.amend = amend
	a.remember(parts)
	c := g.copier
	if err := c.lookAgainAtGiant(ctx, a); err != nil {
		return journal.Record{}, err
	}
	got, err := c.complete(ctx, a)
	if err == nil {
		err = c.lookUp(ctx, c.Destination.Prefix+a.record.DestinationKey())
	}
	if err == nil {
		err = c.endLeftOfGiant(ctx, a.record)
	}
	if err != nil {
		return journal.Record{}, err
	}
	record := c.done(a.task, got, 0)
	record.UploadOpen = true // its own was never in the journal
	return record, nil
}

// lookAgainAtGiant finds out whether a look of this process can tell what the upload becomes.
// Others may have tried to complete it hours ago.
func (c *Copier) lookAgainAtGiant(ctx context.Context, a *assembly) error {
	if !a.record.Before.Looked {
		return nil // the checksum decides
	}
	before, err := c.lookAgain(ctx, a.record)
	if err != nil {
		return err
	}
	_, err = c.Destination.listParts(ctx, a.record.DestinationKey(), a.record.ID, a.layout.Parts())
	switch {
	case errors.Is(err, ErrUploadLost):
		a.gone = true
	case err == nil:
		a.record.Before, a.record.Joined = before, ""
	case driver.KindOf(err) != driver.KindUnsupported:
		return err
	}
	return nil
}

// endLeftOfGiant ends the earlier uploads of a giant object. Its own record ends with it, so
// what cannot be ended goes on the journal's.
func (c *Copier) endLeftOfGiant(ctx context.Context, record journal.Upload) error {
	left, cause := c.abortAll(ctx, record.Left, []string{record.ID})
	if err := stops(ctx, cause); err != nil || len(left) == 0 {
		return err
	}
	return c.Leave(ctx, journal.Upload{Key: record.Key, Left: left}, cause)
}

// Failed returns the record of a task that ended with err.
func (c *Copier) Failed(t task.Task, err error) journal.Record {
	return c.failed(t, 0, err)
}

// Replan returns the task of the source object's present version, for a task whose
// version is gone. ErrVanished says that the object is.
func (c *Copier) Replan(ctx context.Context, t task.Task) (task.Task, error) {
	c.Counters.Replanned.Add(1)
	return c.replan(ctx, t)
}
