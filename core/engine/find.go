package engine

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Limits of one batch.
const (
	batchTasks = 100
	batchBytes = 256 << 20
	batchAge   = 200 * time.Millisecond // a slow listing must not hold back what was found
	// batchAgeShared is the same for a fleet, where each message costs money.
	batchAgeShared = 5 * time.Second
)

// unclearAtOnce is how many unclear pairs are asked about at one time.
const unclearAtOnce = 16

// extrasAtOnce is how many extra keys are remembered in one write.
const extrasAtOnce = 500

// finder compares both sides and sends what must be copied to the queue.
type finder struct {
	engine   *Engine
	queue    queue.Queue
	pending  map[string]bool // keys with an upload to go on with, whatever the listings say
	comparer diff.Comparer
	tree     tree
	unclear  *errgroup.Group
	slots    chan struct{} // held by each unclear pair being asked about
	found    chan decision // from the unclear pairs
	losses   losses        // of what was asked about

	known *known // in a fleet, else nil

	batch  task.Batch
	age    time.Duration // at which a batch is sent though it is not full
	bytes  int64
	oldest time.Time
	extras []string
	passed []journal.Record // of objects that were passed over, not written yet
	unsure int64            // objects of the destination that may be extra or not
}

// decision is a pair that must be copied, or of which err kept the finder from telling.
type decision struct {
	pair diff.Pair
	err  error
}

// find runs the finder to the end of both listings.
func (e *Engine) find(ctx context.Context, to queue.Queue, pending map[string]bool) error {
	if err := e.refusedByFolders(ctx); err != nil {
		return err
	}
	e.compared = e.fleet == nil || !e.fleet.SkipCompare
	group, groupContext := errgroup.WithContext(ctx)
	f := &finder{
		engine: e, queue: to, pending: pending, comparer: e.comparer(), unclear: group,
		slots: make(chan struct{}, unclearAtOnce), found: make(chan decision, unclearAtOnce),
		batch: task.Batch{Run: e.copier.Run}, tree: e.tree(), age: batchAge,
	}
	if e.fleet != nil {
		f.age, f.known = batchAgeShared, e.known
	}
	err := e.merge(groupContext, visitor{
		pair:  func(pair diff.Pair) error { return f.consider(groupContext, pair) },
		lost:  func(pair diff.Pair, err error) error { return f.take(groupContext, decision{pair, err}) },
		every: f.age, rest: func() error { return f.rest(groupContext) },
	})
	if err == nil {
		err = f.releaseAll(groupContext)
	}
	if err == nil && f.known != nil {
		err = f.known.flush(groupContext, f.verdict(groupContext))
	}
	err = errors.Join(f.drain(groupContext), err)
	if err == nil {
		err = f.losses.total()
	}
	if err == nil {
		err = f.flush(ctx)
	}
	if err == nil {
		err = f.flushExtras(ctx)
	}
	if failure := f.flushPassed(ctx); err == nil {
		err = failure
	}
	if err == nil {
		e.counters.ListingDone.Store(true)
		if f.unsure > 0 {
			e.warn(unsureText(f.unsure))
		}
		if e.counters.ListedSource.Load() == 0 {
			e.warn(e.emptySource() + ": check the location")
		}
	}
	return err
}

func (e *Engine) comparer() diff.Comparer {
	return diff.Comparer{
		By:             e.job.Settings.Compare,
		Whole:          e.job.Settings.Unmappable == job.UnmappableFail,
		SourceMD5:      e.source.Session.Checksums.ETagMD5,
		DestinationMD5: e.destination.Session.Checksums.ETagMD5,
	}
}

// consider decides about one key.
func (f *finder) consider(ctx context.Context, pair diff.Pair) error {
	if err := f.takeFound(ctx); err != nil {
		return err
	}
	if refused, err := f.place(ctx, pair); refused || err != nil {
		return err
	}
	switch {
	case pair.Source == nil && f.engine.copier.IsProbe(pair.Key):
		return nil
	case pair.Source == nil:
		return f.extra(ctx, pair.Key)
	case pair.Destination == nil:
		return f.await(ctx, pair)
	case f.pending[pair.Key]:
		return f.want(ctx, pair)
	}
	switch f.compare(pair) {
	case diff.Different:
		return f.want(ctx, pair)
	case diff.Unclear:
		if f.known != nil && f.known.decides(pair.Key) {
			return f.known.compare(ctx, pair, f.verdict(ctx))
		}
		return f.ask(ctx, pair)
	default:
		f.engine.counters.Equal.Add(1)
		return nil
	}
}

// takeFound takes the findings that are there.
func (f *finder) takeFound(ctx context.Context) error {
	for len(f.found) > 0 {
		if err := f.take(ctx, <-f.found); err != nil {
			return err
		}
	}
	return nil
}

// take has an object copied, or fails it where it is not known what to do about it.
func (f *finder) take(ctx context.Context, found decision) error {
	switch {
	case found.err != nil && found.pair.Source == nil:
		return f.undecided(ctx, found.pair.Key, found.err)
	case found.err != nil:
		return f.pass(ctx, f.task(found.pair), found.err)
	}
	return f.want(ctx, found.pair)
}

// rest sends what has waited long enough, although nothing else was found.
func (f *finder) rest(ctx context.Context) error {
	err := f.takeFound(ctx)
	if err == nil {
		err = f.releaseOld(ctx)
	}
	if err == nil && f.known != nil {
		err = f.known.flush(ctx, f.verdict(ctx))
	}
	if err == nil && time.Since(f.oldest) >= f.age/2 {
		err = f.flush(ctx)
	}
	return err
}

func (f *finder) task(pair diff.Pair) task.Task {
	return task.FromObject(*pair.Source, f.engine.from.Strip)
}

// ask compares an unclear pair by the checksums that both stores keep, aside of
// the merge. While all slots are held it takes findings, so that none waits for
// the other.
func (f *finder) ask(ctx context.Context, pair diff.Pair) error {
	for {
		select {
		case f.slots <- struct{}{}:
			pair = cloned(pair)
			f.unclear.Go(func() error {
				defer func() { <-f.slots }()
				return f.decide(ctx, pair)
			})
			return nil
		case found := <-f.found:
			if err := f.take(ctx, found); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *finder) decide(ctx context.Context, pair diff.Pair) error {
	equal, err := f.engine.equalByChecksum(ctx, pair)
	if fatal := f.losses.note(ctx, err); fatal != nil {
		return fatal
	}
	if equal {
		f.engine.counters.Equal.Add(1)
		return nil
	}
	select {
	case f.found <- decision{pair, err}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func cloned(pair diff.Pair) diff.Pair {
	pair.Source, pair.Destination, pair.Record = copied(pair.Source), copied(pair.Destination), copied(pair.Record)
	return pair
}

func copied[T any](value *T) *T {
	if value == nil {
		return nil
	}
	clone := *value
	return &clone
}

// equalByChecksum asks both stores for their checksums. Where they have none in common,
// ETags and the journal decide, and a pair that neither proves differs: time and size were
// not asked for.
func (e *Engine) equalByChecksum(ctx context.Context, pair diff.Pair) (bool, error) {
	if pair.Record != nil && pair.Record.Outcome == journal.OutcomeInterrupted {
		return e.arrivedWhole(ctx, pair)
	}
	verdict, err := e.statBoth(ctx, pair.Key)
	if err != nil || verdict != checksum.Unknown {
		return verdict == checksum.Equal, err
	}
	comparer := e.comparer()
	comparer.By = job.CompareETag
	equal := comparer.Compare(pair) == diff.Same
	if !equal {
		e.incomparable.Do(func() {
			e.log.Warn("the stores keep no checksums that can be compared: objects that neither ETag nor an earlier copy proves are copied", "first", pair.Key)
		})
	}
	return equal, nil
}

// arrivedWhole says whether both stores show a key, whose copy was interrupted, with the same
// bytes and attributes. One that was adapted to the destination, or has tags, is copied again.
func (e *Engine) arrivedWhole(ctx context.Context, pair diff.Pair) (bool, error) {
	source, destination, err := e.lookAtBoth(ctx, pair.Key)
	switch {
	case transfer.IsAbsent(err):
		return false, nil
	case err != nil:
		return false, err
	}
	same := checksum.Compare(source.Checksums, destination.Checksums)
	if same == checksum.Unknown {
		listed := e.comparer()
		listed.By, listed.Strict = job.CompareAuto, true
		if listed.Compare(diff.Pair{Source: &source, Destination: &destination}) == diff.Same {
			same = checksum.Equal
		}
	}
	return same == checksum.Equal && source.Size == destination.Size && e.copier.SameAttributes(source, destination), nil
}

// lookAtBoth returns what both stores show of a key.
func (e *Engine) lookAtBoth(ctx context.Context, key string) (source, destination driver.Object, err error) {
	if source, err = e.source.Stat(ctx, key); err == nil {
		destination, err = e.destination.Stat(ctx, e.written(key))
	}
	return source, destination, err
}

// statBoth compares the full-object checksums that both stores keep of a key. One that is
// gone from either since it was listed is different: the copy finds out.
func (e *Engine) statBoth(ctx context.Context, key string) (checksum.Verdict, error) {
	source, destination, err := e.lookAtBoth(ctx, key)
	switch {
	case transfer.IsAbsent(err):
		return checksum.Different, nil
	case err != nil:
		return checksum.Unknown, err
	}
	return checksum.Compare(source.Checksums, destination.Checksums), nil
}

// drain takes the findings of the unclear pairs until all are decided.
func (f *finder) drain(ctx context.Context) error {
	decided := make(chan error, 1)
	go func() {
		decided <- f.unclear.Wait()
		close(f.found)
	}()
	var failure error
	for found := range f.found {
		if err := f.take(ctx, found); err != nil && failure == nil {
			failure = err
		}
	}
	return errors.Join(<-decided, failure)
}

// want has the source's object copied, unless the listing says that it cannot be read.
func (f *finder) want(ctx context.Context, pair diff.Pair) error {
	return f.send(ctx, f.task(pair), pair.Source.Frozen)
}

func (f *finder) send(ctx context.Context, t task.Task, frozen bool) error {
	if frozen {
		return f.pass(ctx, t, f.engine.source.Archived(t))
	}
	return f.add(ctx, t)
}

// add puts a task into the batch and sends full or old batches.
func (f *finder) add(ctx context.Context, t task.Task) error {
	if len(f.batch.Tasks) == 0 {
		f.oldest = time.Now()
	}
	f.batch.Tasks = append(f.batch.Tasks, t)
	f.bytes += t.Size
	f.engine.counters.Planned.Add(1)
	f.engine.counters.PlannedBytes.Add(t.Size)
	if len(f.batch.Tasks) >= batchTasks || f.bytes >= batchBytes || time.Since(f.oldest) > f.age {
		return f.flush(ctx)
	}
	return nil
}

func (f *finder) flush(ctx context.Context) error {
	if len(f.batch.Tasks) == 0 {
		return nil
	}
	if err := f.engine.apart.letWrite(ctx, f.engine, f.batch.Tasks); err != nil {
		return err
	}
	err := f.queue.Send(ctx, f.batch)
	f.batch.Tasks, f.bytes = f.batch.Tasks[:0], 0
	return err
}

func (f *finder) extra(ctx context.Context, key string) error {
	f.engine.counters.Extra.Add(1)
	if !f.engine.deletes() {
		return nil
	}
	if f.extras = append(f.extras, key); len(f.extras) >= extrasAtOnce {
		return f.flushExtras(ctx)
	}
	return nil
}

func (f *finder) flushExtras(ctx context.Context) error {
	if len(f.extras) == 0 {
		return nil
	}
	err := f.engine.journal.AddExtras(ctx, f.extras)
	f.extras = f.extras[:0]
	return err
}
