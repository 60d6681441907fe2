package transfer

import (
	"context"
	"slices"
	"time"

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
	if err := c.checkKey(t.Key); err != nil {
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
	first, attributes, err := c.openFirst(ctx, a)
	if err != nil {
		return journal.Upload{}, err
	}
	_ = first.Body.Close() // its bytes are read with the part
	err = c.describe(ctx, a, attributes)
	return a.record, err
}

// OpenUpload creates an upload that was recorded and returns the record with the
// store's ID.
func (c *Copier) OpenUpload(ctx context.Context, record journal.Upload) (journal.Upload, error) {
	var upload driver.Upload
	err := c.attempt(ctx, c.Destination, func() (err error) {
		upload, err = c.Destination.createUpload(ctx, record.DestinationKey(), record.Attributes)
		if driver.KindOf(err) == driver.KindUnavailable {
			_ = c.abortBegun(ctx, record, nil) // the answer may be lost, not the upload
		}
		return err
	})
	record.ID = upload.ID
	return record, err
}

// AbortUpload discards an upload at the destination; harmless when it is gone. Where
// only the intent is known, it aborts the uploads of exactly this key that were begun
// since, because a crash hid their IDs; others are IDs that it leaves alone.
func (c *Copier) AbortUpload(ctx context.Context, record journal.Upload, others []string) error {
	if record.ID == "" {
		return c.abortBegun(ctx, record, others)
	}
	return c.Destination.AbortUpload(ctx, record.DestinationKey(), record.ID)
}

// abortBegun aborts the uploads of the record's key that were begun since it
// was intended. Stores tell that time in whole seconds.
func (c *Copier) abortBegun(ctx context.Context, record journal.Upload, others []string) error {
	uploads, err := c.Destination.ListUploads(ctx, record.DestinationKey())
	if err != nil {
		return err
	}
	since := record.Intended.Truncate(time.Second)
	for _, upload := range uploads {
		if upload.Initiated.Before(since) || slices.Contains(others, upload.ID) {
			continue
		}
		if err := c.Destination.AbortUpload(ctx, record.DestinationKey(), upload.ID); err != nil {
			return err
		}
	}
	return nil
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
	held, err := g.copier.Destination.listParts(ctx, g.assembly.record.DestinationKey(), g.assembly.record.ID)
	if driver.KindOf(err) == driver.KindNotFound {
		return nil, ErrUploadLost
	}
	if err != nil {
		return nil, err
	}
	a := newAssembly(g.assembly.task, g.assembly.record)
	a.keep(known, held)
	var unheld []int
	for number := 1; number <= a.layout.Parts(); number++ {
		if _, ok := a.parts[number]; !ok {
			unheld = append(unheld, number)
		}
	}
	return unheld, nil
}

// Complete joins the parts, which are all of them, and proves the result as Copy does.
// An upload that is gone because it was completed before is a success like any other.
// It is ErrUploadLost where the destination knows neither the upload nor the object.
func (g *Giant) Complete(ctx context.Context, parts []journal.Part) (journal.Record, error) {
	a := newAssembly(g.assembly.task, g.assembly.record)
	for _, part := range parts {
		a.parts[part.Number] = part
	}
	got, err := g.copier.complete(ctx, a)
	if err == nil {
		err = g.copier.lookUp(ctx, g.copier.Destination.Prefix+a.record.DestinationKey())
	}
	if err != nil {
		return journal.Record{}, err
	}
	return g.copier.done(a.task, got, 0), nil
}

// Failed returns the record of a task that ended with err.
func (c *Copier) Failed(t task.Task, err error) journal.Record {
	return c.failed(t, 0, err)
}

// Replan returns the task of the source object's present version, for a task whose
// version is gone. ErrVanished says that the object is.
func (c *Copier) Replan(ctx context.Context, t task.Task) (task.Task, error) {
	c.Counters.Replanned.Add(1)
	fresh, err := c.replan(ctx, t)
	if IsVanished(err) {
		return t, ErrVanished
	}
	return fresh, err
}
