package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/lease"
	"github.com/dth-dev/dth/core/ledger"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
)

// ErrFinderRuns says that another finder works on the same job.
var ErrFinderRuns = errors.New("another finder is at work on this job")

// finderLease is the name of the finders' lease.
const finderLease = "finder"

// Find compares both sides once and sends what must be copied to the shared queue. With
// wait it also waits until the workers have settled all of it. The report is as that of
// Sync; its counts of what workers did are those that are known when it ends. While
// another finder works it is ErrFinderRuns and does nothing; so it ends when another took
// its place. With wait, *UnsettledError says that objects were lost on the way.
func (e *Engine) Find(ctx context.Context, wait bool) (*observe.Report, error) {
	asked := ctx // ends when the finder is told to stop
	taken, err := e.takeLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.fleet.Journal.DropLease(context.WithoutCancel(ctx), finderLease, e.fleet.Worker) }() // it ends by itself, too
	ctx, stop := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		if err := e.keepLease(ctx, taken); err != nil {
			stop(err)
		}
	}()
	report, err := e.run(ctx, func(ctx context.Context) error { return e.findOnce(ctx, wait) })
	if cause := context.Cause(ctx); err != nil && cause != nil && asked.Err() == nil {
		err = cause // not an interruption
	}
	stop(nil)
	<-renewing
	return report, err
}

// takeLease takes the finders' lease, and returns when it was asked for. A lease of which
// the answer took the half is asked for again.
func (e *Engine) takeLease(ctx context.Context) (taken time.Time, err error) {
	for {
		taken = time.Now()
		held, err := e.fleet.Journal.TakeLease(ctx, finderLease, e.fleet.Worker, e.fleet.Lease)
		if err == nil && !held {
			err = ErrFinderRuns
		}
		if err != nil || time.Since(taken) < e.fleet.Lease/2 {
			return taken, err
		}
	}
}

// keepLease keeps the lease, which was taken at a time, until ctx ends. It returns an
// error when the lease is lost, and before it can be lost without our knowing.
func (e *Engine) keepLease(ctx context.Context, taken time.Time) error {
	err := lease.Lease{
		Taken: taken, Life: e.fleet.Lease,
		Renew: func(ctx context.Context) (bool, error) {
			return e.fleet.Journal.TakeLease(ctx, finderLease, e.fleet.Worker, e.fleet.Lease)
		},
		Warn: func(err error) { e.log.Warn("the finder's lease could not be renewed yet", "error", err) },
	}.Keep(ctx)
	switch {
	case errors.Is(err, lease.ErrLost):
		return ErrFinderRuns
	case err != nil:
		return fmt.Errorf("the finder ends, because another may be at work on this job by now: %w", err)
	}
	return nil
}

func (e *Engine) findOnce(ctx context.Context, wait bool) error {
	e.passed = journal.Counts{}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	sending := newSender(ctx, e.fleet.Queue, e.fleet.Wake)
	if e.looksUp() {
		known, err := newKnown(ctx, e)
		if err != nil {
			return err
		}
		defer known.close()
		e.known = known
	}
	if err := errors.Join(e.find(ctx, sending, nil), sending.Close()); err != nil {
		return err
	}
	if e.known != nil {
		if err := e.known.complete(ctx); err != nil {
			return err
		}
	}
	err := e.fleet.Journal.Tally(ctx, journal.Tally{Run: e.copier.Run, Message: finderMessage, Counts: e.passed})
	if err != nil || !wait {
		return err
	}
	return e.awaitSettled(ctx)
}

// looksUp says whether records decide where ETags do not.
func (e *Engine) looksUp() bool {
	by := e.job.Settings.Compare
	return !e.fleet.SkipCompare && (by == job.CompareAuto || by == job.CompareETag)
}

// sweep ends what crashed workers left at the destination and nobody will go on with.
func (e *Engine) sweep(ctx context.Context) error {
	s := &server{engine: e, fleet: e.fleet, lasting: context.WithoutCancel(ctx)}
	if s.assembler = e.assembler(outcomes{s}); s.assembler != nil {
		if err := s.assembler.Sweep(ctx); err != nil {
			return err
		}
	}
	depth, err := e.fleet.Queue.Depth(ctx)
	if err != nil || depth != (queue.Depth{}) {
		return err // who works on it goes on with its uploads
	}
	return e.sweepUploads(ctx)
}

// sweepUploads discards the uploads that dead workers left, whose messages are gone, too.
// One that failed for a reason that may pass stays while the source has its version: this
// run sends the object again.
func (e *Engine) sweepUploads(ctx context.Context) error {
	uploads, err := e.fleet.Journal.Uploads(ctx)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		keeps, err := e.keepsUpload(ctx, upload)
		if err != nil {
			return err
		}
		if keeps {
			continue
		}
		record, _, err := e.fleet.Journal.Upload(ctx, upload.Key) // takes the hold
		if errors.Is(err, journal.ErrBusy) || errors.Is(err, journal.ErrNotFound) {
			continue
		}
		if err == nil {
			err = e.copier.Discard(ctx, record)
		}
		if err != nil && !errors.Is(err, journal.ErrBusy) {
			return err
		}
	}
	return nil
}

// keepsUpload says whether the upload of an object that failed is to be gone on with.
func (e *Engine) keepsUpload(ctx context.Context, upload journal.Upload) (bool, error) {
	records, err := e.fleet.Journal.Lookup(ctx, []string{upload.Key})
	record, found := records[upload.Key]
	if err != nil || !found || upload.ID == "" || record.Outcome != journal.OutcomeFailed || record.SourceETag != upload.SourceETag {
		return false, err
	}
	object, err := e.source.Stat(ctx, upload.Key)
	if err != nil {
		return !transfer.IsAbsent(err), ctx.Err() // a source that is away may come back
	}
	return object.ETag == upload.SourceETag && object.Size == upload.Size, nil
}

// sendsAtOnce is how many batches are on their way to the queue, which takes ten in one
// request.
const sendsAtOnce = 20

// sender sends batches side by side.
type sender struct {
	queue.Shared
	group *errgroup.Group
	ctx   context.Context // ends when one could not be sent
	wake  func(context.Context) error
}

func newSender(ctx context.Context, to queue.Shared, wake func(context.Context) error) *sender {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(sendsAtOnce)
	return &sender{Shared: to, group: group, ctx: groupContext, wake: wake}
}

// Send sends a batch soon. That it could not be sent shows in a later call.
func (s *sender) Send(_ context.Context, batch task.Batch) error {
	if err := s.ctx.Err(); err != nil {
		return context.Cause(s.ctx)
	}
	if s.wake != nil {
		if err := s.wake(s.ctx); err != nil {
			return err
		}
		s.wake = nil
	}
	batch.Tasks = slices.Clone(batch.Tasks)
	s.group.Go(func() error { return s.Shared.Send(s.ctx, batch) })
	return nil
}

// Close waits for all batches to be stored. The queue itself stays open.
func (s *sender) Close() error { return s.group.Wait() }

// knownAtOnce is how many records are looked up in one request.
const knownAtOnce = 100

// known decides about pairs whose ETags cannot be compared: by the ledger of the last
// listing or, once, by their records. It writes the ledger of this listing.
type known struct {
	engine *Engine
	reader *ledger.Reader
	writer *ledger.Writer
	held   []heldPair // by ascending key
	asked  int        // of them, those to be looked up
}

// heldPair is a pair that waits for those before it.
type heldPair struct {
	pair     diff.Pair
	versions uint64
	equal    bool // by the ledger
	kept     bool // both versions have a name; else the ledger might hide a doubt of the journal
}

func newKnown(ctx context.Context, e *Engine) (*known, error) {
	// Another list of prefixes is another ledger: each is of complete listings. So is a
	// stricter way to compare: it does not take the word of times.
	parts := append([]string{e.job.Source.Address(), e.job.Destination.Address()}, e.fleet.Prefixes...)
	if by := e.job.Settings.Compare; by != job.CompareAuto {
		parts = append(parts, "", string(by))
	}
	if !e.comparer().Whole {
		parts = append(parts, "", string(e.job.Settings.Unmappable)) // adapted copies are equal
	}
	name := strings.Join(parts, "\n")
	name = strconv.FormatUint(ledger.Fingerprint(name), 16)
	reader, err := ledger.NewReader(ctx, e.fleet.Ledger, name)
	if err != nil {
		return nil, err
	}
	writer, err := ledger.NewWriter(e.fleet.Ledger, name, e.copier.Run)
	if err != nil {
		reader.Close()
		return nil, err
	}
	return &known{engine: e, reader: reader, writer: writer}, nil
}

func (k *known) close() { k.reader.Close() }

// compare decides about one pair, now or with those that follow. different is called
// for each pair that must be copied.
func (k *known) compare(ctx context.Context, pair diff.Pair, different func(diff.Pair) error) error {
	versions := ledger.Fingerprint(pair.Source.ETag, pair.Source.Modified.UTC().Format(time.RFC3339Nano), pair.Destination.ETag,
		pair.Destination.Modified.UTC().Format(time.RFC3339Nano))
	before, found, err := k.reader.Find(pair.Key)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	kept := pair.Source.ETag != "" && pair.Destination.ETag != ""
	equal := found && before == versions && kept
	k.held = append(k.held, heldPair{pair: cloned(pair), versions: versions, equal: equal, kept: kept})
	if !equal {
		k.asked++
	}
	if k.asked >= knownAtOnce || len(k.held) >= 100*knownAtOnce {
		return k.flush(ctx, different)
	}
	return nil
}

// flush decides about all held pairs.
func (k *known) flush(ctx context.Context, different func(diff.Pair) error) error {
	records := map[string]journal.Record{}
	if k.asked > 0 {
		keys := make([]string, 0, k.asked)
		for _, held := range k.held {
			if !held.equal {
				keys = append(keys, held.pair.Key)
			}
		}
		var err error
		if records, err = k.engine.fleet.Journal.Lookup(ctx, keys); err != nil {
			return err
		}
	}
	comparer := k.engine.comparer()
	for _, held := range k.held {
		if record, found := records[held.pair.Key]; found {
			held.pair.Record = &record
		}
		if !held.equal && comparer.Compare(held.pair) != diff.Same {
			if err := different(held.pair); err != nil {
				return err
			}
			continue
		}
		k.engine.counters.Equal.Add(1)
		if !held.kept {
			continue
		}
		if err := k.writer.Add(ctx, ledger.Entry{Key: held.pair.Key, Versions: held.versions}); err != nil {
			return err
		}
	}
	k.held, k.asked = k.held[:0], 0
	return nil
}

func (k *known) complete(ctx context.Context) error { return k.writer.Complete(ctx) }
