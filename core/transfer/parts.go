package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// partsPerObject bounds the parts of one object in flight.
const partsPerObject = 8

// maxRestarts is how often an upload that the destination lost is begun anew.
const maxRestarts = 2

// ErrUploadLost says that the destination does not know the upload any more.
var ErrUploadLost = errors.New("the destination lost the upload")

// assembly is one object on its way in parts. All parts are of the version and
// the part size in record.
type assembly struct {
	task   task.Task
	layout plan.Layout
	record journal.Upload
	gone   bool // it was when this run or process came to it: no look of theirs came before its end
	// amend puts the record where that of the upload is; nil for the journal.
	amend func(context.Context, journal.Upload) error

	mu     sync.Mutex
	parts  map[int]journal.Part // that the destination holds
	signed driver.Exchange      // one GET signature serves every range
}

// copyParts copies an object in parts, several at a time, going on with an
// upload that an interrupted run left when it is of the same version.
func (c *Copier) copyParts(ctx context.Context, t task.Task, signed driver.Exchange, layout plan.Layout) (receipt, error) {
	for restarts := 0; ; restarts++ {
		got, err := c.copyUpload(ctx, t, signed, layout)
		if reason := unbound(err); reason != nil {
			return c.copyUnbound(ctx, t, signed, reason)
		}
		if !errors.Is(err, ErrUploadLost) {
			return got, err
		}
		if restarts == maxRestarts {
			return got, c.Destination.failed(restarts+1, &driver.Error{
				Op: "PUT", Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindUnavailable, Message: err.Error(),
			})
		}
	}
}

func (c *Copier) copyUpload(ctx context.Context, t task.Task, signed driver.Exchange, layout plan.Layout) (receipt, error) {
	resumed, err := c.resume(ctx, t, layout, nil)
	if err == nil && resumed.finished != nil {
		*resumed.finished, err = c.kept(ctx, t, resumed.assembly.record.Attributes, *resumed.finished)
		if err == nil {
			err = c.endLeft(ctx, resumed.assembly.record)
		}
	}
	if err != nil && resumed.assembly != nil {
		return receipt{}, c.giveUp(ctx, resumed.assembly, err)
	}
	if err != nil || resumed.finished != nil {
		return orZero(resumed.finished), err
	}
	a := resumed.assembly
	var first *opened
	if a == nil {
		a = &assembly{task: t, layout: layout, parts: map[int]journal.Part{}, signed: signed}
		a.record.Left = resumed.left
		if first, err = c.begin(ctx, a); err != nil {
			return receipt{}, err
		}
	}
	if err := c.moveParts(ctx, a, first); err != nil {
		return receipt{}, c.giveUp(ctx, a, err)
	}
	got, err := c.complete(ctx, a)
	if err == nil {
		err = c.endLeft(ctx, a.record)
	}
	if err != nil {
		return receipt{}, c.giveUp(ctx, a, err)
	}
	return got, nil
}

func orZero[T any](got *T) T {
	var zero T
	if got == nil {
		return zero
	}
	return *got
}

// opened is a GET that is open, with the slot and the budget that its part is moved with.
type opened struct {
	answer  *exchange.Answer // nil once it is taken
	release func()
}

// take returns the answer, once.
func (o *opened) take() *exchange.Answer {
	answer := o.answer
	o.answer = nil
	return answer
}

func (o *opened) close() {
	if o.answer != nil {
		_ = o.answer.Body.Close()
	}
	o.release()
}

// reserve waits for a slot and for the budget that a part is moved with.
func (c *Copier) reserve(ctx context.Context) (release func(), err error) {
	if err := c.PartSlots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	giveBack, err := c.Budget.Reserve(ctx, streamReserve)
	if err != nil {
		c.PartSlots.Release(1)
		return nil, err
	}
	return func() {
		giveBack()
		c.PartSlots.Release(1)
	}, nil
}

// begin looks at the destination, opens the GET of the first part, because its headers hold
// the attributes that the upload is created with, and creates the upload.
func (c *Copier) begin(ctx context.Context, a *assembly) (*opened, error) {
	if err := c.lookAround(ctx, a, false); err != nil {
		return nil, err
	}
	first, attributes, err := c.openFirst(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := c.createUpload(ctx, a, attributes); err != nil {
		first.close()
		return nil, err
	}
	return first, nil
}

// lookAround writes down what the destination holds before an upload is created.
func (c *Copier) lookAround(ctx context.Context, a *assembly, inside bool) (err error) {
	key := c.written(a.task.Key)
	if a.record.Before, err = c.lookBefore(ctx, key, inside); err != nil {
		return err
	}
	a.record.Open, a.record.Listed = c.listOpen(ctx, key)
	return ctx.Err()
}

// openFirst opens the GET of the first part, once it may be moved, and returns what the
// object carries beside its bytes. The answer binds those of all other parts.
func (c *Copier) openFirst(ctx context.Context, a *assembly) (first *opened, attributes driver.Attributes, err error) {
	release, err := c.reserve(ctx)
	if err != nil {
		return nil, attributes, err
	}
	seen, err := c.seeTags(ctx, a.task)
	if err != nil {
		release()
		return nil, attributes, err
	}
	var answer *exchange.Answer
	err = c.attempt(ctx, c.Source, func(ctx context.Context) (err error) {
		if answer, err = c.openPart(ctx, a, 1); err != nil {
			return err
		}
		if attributes, err = c.attributes(ctx, a.task, answer, seen); err != nil {
			_ = answer.Body.Close()
		}
		return err
	})
	if err != nil {
		release()
		return nil, attributes, err
	}
	return &opened{answer: answer, release: release}, attributes, nil
}

// describe writes down what upload there is to be of an object with these attributes.
func (c *Copier) describe(a *assembly, attributes driver.Attributes) error {
	attributes, changes, err := c.fitted(a.task, attributes)
	if err != nil {
		return err
	}
	looked := a.record
	a.record = journal.Upload{
		Key: a.task.Key, SourceETag: a.task.ETag, SourceVersion: a.task.VersionID,
		Size: a.task.Size, PartSize: a.layout.PartSize, Attributes: attributes, Terms: c.Terms, Changes: changes, Intended: c.Destination.Now(),
		Modified: a.task.Modified, Bound: looked.Bound, Before: looked.Before, Listed: looked.Listed, Open: looked.Open, Left: looked.Left,
	}
	if written := c.written(a.task.Key); written != a.task.Key {
		a.record.Written = written
	}
	return nil
}

// createUpload records the intent, creates the upload and records its ID, so
// that no crash leaves an upload behind that nothing knows of.
func (c *Copier) createUpload(ctx context.Context, a *assembly, attributes driver.Attributes) error {
	err := c.describe(a, attributes)
	if err != nil {
		return err
	}
	if len(a.record.Left) > mostOpen {
		return c.Destination.failed(0, &driver.Error{
			Op: "CreateUpload", Key: c.Destination.Prefix + a.record.DestinationKey(), Kind: driver.KindUnsupported,
			Message: fmt.Sprintf("%d earlier uploads of it stay open and cannot be aborted: see that the credentials may, or abort them by hand", len(a.record.Left)),
		})
	}
	if err := c.Journal.IntendUpload(ctx, a.record); err != nil {
		return err
	}
	before := len(a.record.Left)
	if a.record, err = c.OpenUpload(ctx, a.record); err != nil {
		return err
	}
	if len(a.record.Left) > before {
		err = c.Journal.IntendUpload(ctx, a.record) // with its ID
	} else {
		err = c.Journal.StartUpload(ctx, a.task.Key, a.record.ID)
	}
	if errors.Is(err, journal.ErrBusy) || errors.Is(err, journal.ErrNotFound) { // another worker's record stands there
		err = errors.Join(err, c.Destination.AbortUpload(ctx, a.record.DestinationKey(), a.record.ID))
	}
	return err
}

// missing returns the parts that the destination does not hold yet. It is asked before any of
// them is copied, and so recorded.
func (a *assembly) missing() (numbers []int) {
	for number := 1; number <= a.layout.Parts(); number++ {
		if _, held := a.parts[number]; !held {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// moveParts copies the parts that the destination does not hold yet.
func (c *Copier) moveParts(ctx context.Context, a *assembly, first *opened) error {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(partsPerObject)
	for _, number := range a.missing() {
		if groupContext.Err() != nil && first == nil {
			break
		}
		mine := first
		first = nil
		group.Go(func() error { return c.keepPart(groupContext, a, number, mine) })
	}
	return group.Wait()
}

// keepPart copies one part and remembers it.
func (c *Copier) keepPart(ctx context.Context, a *assembly, number int, first *opened) error {
	part, err := c.movePart(ctx, a, number, first)
	if err != nil {
		return err
	}
	return c.recordPart(ctx, a, part)
}

// recordPart remembers a part that the destination holds, also where the failure of another
// part, or an interruption, has ended ctx meanwhile: it need not be sent again.
func (c *Copier) recordPart(ctx context.Context, a *assembly, part journal.Part) error {
	if err := c.Journal.RecordPart(context.WithoutCancel(ctx), a.task.Key, part); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts[part.Number] = part
	return nil
}

// movePart copies one part. first is its GET where it is open already.
func (c *Copier) movePart(ctx context.Context, a *assembly, number int, first *opened) (part journal.Part, err error) {
	if first == nil {
		release, err := c.reserve(ctx)
		if err != nil {
			return part, err
		}
		defer release()
	} else {
		defer first.close()
	}
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) (err error) {
		var answer *exchange.Answer
		if first != nil && first.answer != nil {
			answer = first.take()
		} else if answer, err = c.openPart(ctx, a, number); err != nil {
			return err
		}
		defer answer.Body.Close()
		part, err = c.relayPart(ctx, a, number, answer)
		return err
	})
	return part, err
}

// openPart opens the GET of one part.
func (c *Copier) openPart(ctx context.Context, a *assembly, number int) (*exchange.Answer, error) {
	offset, length := a.layout.Part(number)
	return c.openRange(ctx, a, offset, length)
}

// openRange opens the GET of a range and makes sure that it is of the planned version.
func (c *Copier) openRange(ctx context.Context, a *assembly, offset, length int64) (*exchange.Answer, error) {
	signed, err := a.signedGet(ctx, c)
	if err != nil {
		return nil, err
	}
	version := a.version()
	answer, err := c.Source.get(ctx, version, signed, offset, length)
	if err != nil {
		if kind := driver.KindOf(err); kind == driver.KindExpired || kind == driver.KindDenied {
			a.forgetSignature()
		}
		return nil, c.sourceError(err, &signed)
	}
	err = checkRange(version, answer, offset, length)
	if err == nil {
		err = a.bind(answer)
	}
	if err != nil {
		_ = answer.Body.Close()
		return nil, c.Source.failed(0, err)
	}
	return answer, nil
}

func (a *assembly) signedGet(ctx context.Context, c *Copier) (driver.Exchange, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	a.signed, err = c.signedGet(ctx, a.task, a.signed)
	return a.signed, err
}

func (a *assembly) forgetSignature() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signed = driver.Exchange{}
}

// relayPart streams an opened range into a part.
func (c *Copier) relayPart(ctx context.Context, a *assembly, number int, answer *exchange.Answer) (part journal.Part, err error) {
	_, length := a.layout.Part(number)
	body := c.newStream(answer.Body, length, c.partAlgorithms())
	put, err := c.Destination.putPart(ctx, a.record.DestinationKey(), a.record.ID, number, length, body)
	if body.failure != nil {
		return part, c.Source.interrupted(a.task.Key, body.failure)
	}
	if isUploadGone(err) {
		return part, ErrUploadLost
	}
	if err != nil {
		return part, err
	}
	sums := body.hasher.Sums()
	if checksum.Compare(sums, c.Destination.stated(put)) == checksum.Different {
		return part, c.Destination.failed(0, &driver.Error{
			Op: "PUT", Key: c.Destination.Prefix + a.record.DestinationKey(), Kind: driver.KindIntegrity,
			Message: fmt.Sprintf("the store states another checksum of part %d than that of the bytes sent", number),
		})
	}
	part = journal.Part{Number: number, Size: length, ETag: put.ETag}
	part.Checksum, part.SourceChecksum = c.bySide(body.hasher.PartSums())
	return part, nil
}
