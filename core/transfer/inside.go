package transfer

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// insidePart is the wished size of a part that is copied inside a store: nothing of it is
// buffered or sent again by us, so only the number of requests counts.
const insidePart = 512 << 20

// Inside copies objects inside the store that holds both buckets, so that no byte of
// them passes the host. Its zero value copies nothing.
type Inside struct {
	copier driver.Copier
	source driver.CopySource
}

// OpenInside returns how the destination copies from the source by itself. The error
// says why it cannot, fit for people.
func (s *Side) OpenInside(ctx context.Context, source driver.CopySource) (Inside, error) {
	copier, ok := driver.As[driver.Copier](s.bucket, driver.CapabilityCopier)
	if !ok {
		return Inside{}, s.failed(0, &driver.Error{Op: "ReachCopy", Kind: driver.KindUnsupported, Message: "the store does not copy by itself"})
	}
	err := s.control(ctx, observe.ReachCopy, func() error { return copier.ReachCopy(ctx, source) })
	return Inside{copier: copier, source: source}, err
}

func (i Inside) possible() bool { return i.copier != nil }

// CopiesInside says whether the store copies by itself.
func (c *Copier) CopiesInside() bool { return c.Inside.possible() }

// refusedInside says whether the store refused to copy this object by itself, which
// says nothing about reading and writing it.
func refusedInside(err error) bool {
	kind := driver.KindOf(err)
	return kind == driver.KindDenied || kind == driver.KindUnsupported
}

// copyInside has the store copy one object and compares what it states of both ends.
func (c *Copier) copyInside(ctx context.Context, t task.Task) (receipt, error) {
	current := t
	current.VersionID = "" // what is looked at and copied
	seen, err := c.seeTags(ctx, current)
	if err != nil {
		return receipt{}, err
	}
	source, present, err := c.Source.Look(ctx, t.Key)
	if err == nil && !present {
		err = ErrVanished
	}
	if err != nil {
		return receipt{}, err
	}
	source.VersionID = "" // the ETag binds the copy; to name a version takes a right of its own
	if t.ETag != "" && source.ETag != t.ETag || source.Size != t.Size {
		return receipt{}, &changedError{"it was replaced since it was listed"}
	}
	if err := c.sameVersionLooked(ctx, current, source, seen); err != nil {
		return receipt{}, err
	}
	source.Attributes.Tags = seen.tags
	fitted, changes, err := c.fitted(t, source.Attributes)
	if err != nil {
		return receipt{}, err
	}
	if len(changes) > 0 { // the store would copy what it cannot hold as it is
		return receipt{}, &driver.Error{Op: "CopyObject", Key: t.Key, Kind: driver.KindUnsupported, Message: "the copy has other metadata"}
	}
	var object driver.Object
	session := c.Destination.Session
	if limit := session.Limits.MaxCopy; limit == 0 || t.Size <= limit {
		if err = c.abandon(ctx, t); err == nil {
			object, err = c.copyWholeInside(ctx, t, source, fitted.StorageClass)
		}
	} else {
		object, err = c.copyPartsInside(ctx, t, source)
	}
	if err != nil {
		return receipt{}, err
	}
	got, err := c.proveInside(t, source, object)
	if err != nil {
		return got, err
	}
	return c.kept(ctx, t, fitted, got)
}

func (c *Copier) copyWholeInside(ctx context.Context, t task.Task, source driver.Object, class string) (object driver.Object, err error) {
	request := driver.CopyObjectRequest{
		Source: c.Inside.source, Object: source, Key: c.Destination.Prefix + c.written(t.Key), StorageClass: class,
	}
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) (err error) {
		c.Destination.requests.Count(observe.CopyObject)
		object, err = c.Inside.copier.CopyObject(ctx, request)
		leaveTrail(ctx, err)
		if err != nil {
			return c.insideError(err)
		}
		if len(fullObject(object.Checksums)) == 0 || object.Size != t.Size { // the answer proves nothing
			object, err = c.shown(ctx, t, object.ETag, driver.Error{Op: "CopyObject"})
		}
		return err
	})
	if err == nil {
		c.Counters.InsideBytes.Add(t.Size)
	}
	return object, err
}

// insideError turns a refused precondition into a changed source, and lays what only the
// source can be refused for at its door.
func (c *Copier) insideError(err error) error {
	switch driver.KindOf(err) {
	case driver.KindPreconditionFailed:
		return &changedError{"the store refused its old ETag"}
	case driver.KindFrozen:
		return c.Source.failed(0, err)
	}
	return c.Destination.failed(0, err)
}

// copyPartsInside copies an object that is too large for one request, going on with
// the upload that an interrupted run left.
func (c *Copier) copyPartsInside(ctx context.Context, t task.Task, source driver.Object) (driver.Object, error) {
	if !isStrong(source.ETag) { // nothing would bind the ranges to one version
		return driver.Object{}, &driver.Error{Op: "CopyPart", Key: t.Key, Kind: driver.KindUnsupported, Message: "the store tells no strong ETag of it"}
	}
	limits := c.Destination.Session.Limits
	layout, err := plan.Divide(t.Size, plan.Sizes{Part: min(limits.MaxCopy, insidePart)}, limits, true)
	if err != nil {
		return driver.Object{}, c.Destination.failed(0, &driver.Error{
			Op: "CopyPart", Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindUnsupported, Message: err.Error(),
		})
	}
	resumed, err := c.resume(ctx, t, layout, &source.Attributes)
	if err != nil && resumed.assembly != nil {
		return driver.Object{}, c.giveUp(ctx, resumed.assembly, err)
	}
	if err != nil {
		return driver.Object{}, err
	}
	if resumed.finished != nil {
		object, err := c.Destination.Stat(ctx, c.written(t.Key))
		if err == nil {
			err = c.endLeft(ctx, resumed.assembly.record)
		}
		return object, err
	}
	a := resumed.assembly
	if a == nil {
		a = &assembly{task: t, layout: layout, parts: map[int]journal.Part{}}
		a.record.Left = resumed.left
		a.record.Bound = journal.Binding{ETag: source.ETag, Modified: source.Modified, Encoding: source.Attributes.ContentEncoding}
		if err := c.lookAround(ctx, a, true); err != nil {
			return driver.Object{}, err
		}
		if err := c.createUpload(ctx, a, source.Attributes); err != nil {
			return driver.Object{}, err
		}
	}
	object, err := c.assembleInside(ctx, a, source)
	if err == nil {
		err = c.endLeft(ctx, a.record)
	}
	if err != nil {
		return object, c.giveUp(ctx, a, err)
	}
	return object, nil
}

// assembleInside copies the ranges that the destination does not hold yet, and joins all.
func (c *Copier) assembleInside(ctx context.Context, a *assembly, source driver.Object) (driver.Object, error) {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(partsPerObject)
	for _, number := range a.missing() {
		group.Go(func() error { return c.copyPartInside(groupContext, a, source, number) })
	}
	if err := group.Wait(); err != nil {
		return driver.Object{}, err
	}
	return c.join(ctx, a, joined(a.layout, a.parts))
}

func (c *Copier) copyPartInside(ctx context.Context, a *assembly, source driver.Object, number int) error {
	if err := c.PartSlots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer c.PartSlots.Release(1)
	offset, length := a.layout.Part(number)
	request := driver.CopyPartRequest{
		Source: c.Inside.source, Object: source, Number: number, Offset: offset, Size: length,
		Upload: driver.UploadRef{Key: c.Destination.Prefix + a.record.DestinationKey(), ID: a.record.ID},
	}
	var copied driver.Part
	err := c.attempt(ctx, c.Destination, func(ctx context.Context) (err error) {
		c.Destination.requests.Count(observe.CopyPart)
		copied, err = c.Inside.copier.CopyPart(ctx, request)
		return c.insideError(err)
	})
	if err != nil {
		return err
	}
	part := journal.Part{Number: number, Size: length, ETag: copied.ETag}
	if len(copied.Checksums) > 0 {
		part.Checksum = copied.Checksums[0]
	}
	if err := c.recordPart(ctx, a, part); err != nil {
		return err
	}
	c.Counters.InsideBytes.Add(length)
	return nil
}

// proveInside compares the checksums that the store states of source and copy. We saw no
// byte, so where it states none there is no more than the size.
func (c *Copier) proveInside(t task.Task, source, object driver.Object) (receipt, error) {
	got := receipt{destinationETag: object.ETag, grade: journal.GradeSize}
	before := c.Source.withETag(source.Checksums, source.ETag)
	after := c.Destination.withETag(object.Checksums, object.ETag)
	verdict := checksum.Compare(before, after)
	if verdict == checksum.Different || object.Size != t.Size {
		return got, c.Destination.failed(0, &driver.Error{
			Op: "CopyObject", Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindIntegrity,
			Message: "the store states another size or checksum of the copy than of its source",
		})
	}
	if verdict == checksum.Equal {
		got.grade = journal.GradeBoth
	}
	if full := fullObject(before); len(full) > 0 {
		got.checksum = full[0]
	}
	got.inside = true
	return got, nil
}
