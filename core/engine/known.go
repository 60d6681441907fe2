package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/ledger"
)

// knownAtOnce is how many records are looked up in one request.
const knownAtOnce = 100

// known decides about pairs whose ETags cannot be compared: by the ledger of the last
// listing or, once, by their records. It writes the ledger of this listing. Pairs that
// the journal doubts are decided by their records, whatever is compared.
type known struct {
	engine *Engine
	doubts doubts
	reader *ledger.Reader // nil where ETags are not compared
	writer *ledger.Writer // the same
	held   []heldPair     // by ascending key
	asked  int            // of them, those to be looked up
}

// heldPair is a pair that waits for those before it.
type heldPair struct {
	pair     diff.Pair
	versions uint64
	equal    bool // by the ledger
	kept     bool // both versions have a name; else the ledger might hide a doubt of the journal
}

func newKnown(ctx context.Context, e *Engine) (*known, error) {
	doubts, err := readDoubts(ctx, e.fleet.Journal, e.comparer().Whole, doubtsKept)
	if err != nil {
		return nil, err
	}
	k := &known{engine: e, doubts: doubts}
	if by := e.job.Settings.Compare; by != job.CompareAuto && by != job.CompareETag {
		return k, nil
	}
	name := e.ledgerName()
	if k.reader, err = ledger.NewReader(ctx, e.fleet.Ledger, name); err != nil {
		return nil, err
	}
	if k.writer, err = ledger.NewWriter(e.fleet.Ledger, name, e.copier.Run); err != nil {
		k.reader.Close()
		return nil, err
	}
	return k, nil
}

// ledgerName names the ledger of the finders that compare the same in the same way.
func (e *Engine) ledgerName() string {
	// Another list of prefixes is another ledger: each is of complete listings. So is a
	// stricter way to compare: it does not take the word of times.
	parts := append([]string{e.job.Source.Address(), e.job.Destination.Address()}, e.fleet.Prefixes...)
	if by := e.job.Settings.Compare; by != job.CompareAuto {
		parts = append(parts, "", string(by))
	}
	if !e.comparer().Whole {
		parts = append(parts, "", string(e.job.Settings.Unmappable)) // adapted copies are equal
	}
	return strconv.FormatUint(ledger.Fingerprint(strings.Join(parts, "\n")), 16)
}

func (k *known) close() {
	if k.reader != nil {
		k.reader.Close()
	}
}

// decides says whether records are to decide about a key that listings leave unclear.
func (k *known) decides(key string) bool { return k.reader != nil || k.doubts.has(key) }

// compare decides about one pair, now or with those that follow.
func (k *known) compare(ctx context.Context, pair diff.Pair, told verdicts) error {
	held := heldPair{pair: cloned(pair)}
	if err := k.recall(&held); err != nil {
		return err
	}
	k.held = append(k.held, held)
	if !held.equal {
		k.asked++
	}
	if k.asked >= knownAtOnce || len(k.held) >= 100*knownAtOnce {
		return k.flush(ctx, told)
	}
	return nil
}

// recall looks up what the last ledger says of a pair. It was written before what the
// journal doubts now.
func (k *known) recall(held *heldPair) error {
	if k.reader == nil {
		return nil
	}
	source, destination := held.pair.Source, held.pair.Destination
	held.versions = ledger.Fingerprint(source.ETag, source.Modified.UTC().Format(time.RFC3339Nano), destination.ETag,
		destination.Modified.UTC().Format(time.RFC3339Nano))
	before, found, err := k.reader.Find(held.pair.Key)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	held.kept = source.ETag != "" && destination.ETag != ""
	held.equal = found && before == held.versions && held.kept && !k.doubts.has(held.pair.Key)
	return nil
}

// verdicts takes what was found of a pair that is not the same.
type verdicts func(diff.Pair, diff.Verdict) error

// flush decides about all held pairs.
func (k *known) flush(ctx context.Context, told verdicts) error {
	records, err := k.lookUp(ctx)
	if err != nil {
		return err
	}
	comparer := k.engine.comparer()
	for _, held := range k.held {
		if record, found := records[held.pair.Key]; found {
			held.pair.Record = &record
		}
		verdict := diff.Same
		if !held.equal {
			verdict = comparer.Compare(held.pair)
		}
		if verdict != diff.Same {
			if err := told(held.pair, verdict); err != nil {
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

// lookUp returns the records of the held pairs that are to be looked up.
func (k *known) lookUp(ctx context.Context) (map[string]journal.Record, error) {
	if k.asked == 0 {
		return nil, nil
	}
	keys := make([]string, 0, k.asked)
	for _, held := range k.held {
		if !held.equal {
			keys = append(keys, held.pair.Key)
		}
	}
	return k.engine.fleet.Journal.Lookup(ctx, keys)
}

func (k *known) complete(ctx context.Context) error {
	if k.writer == nil {
		return nil
	}
	return k.writer.Complete(ctx)
}

// compare compares a pair. What a fleet has on record is not at hand: it is unclear first.
func (f *finder) compare(pair diff.Pair) diff.Verdict {
	comparer := f.comparer
	comparer.Strict = f.known != nil
	verdict := comparer.Compare(pair)
	if verdict == diff.Same && f.known != nil && f.known.doubts.has(pair.Key) {
		return diff.Unclear
	}
	return verdict
}

// verdict returns what is done about a pair that its record does not call the same. Who
// compares checksums asks both stores for them.
func (f *finder) verdict(ctx context.Context) verdicts {
	return func(pair diff.Pair, verdict diff.Verdict) error {
		if verdict == diff.Unclear && f.comparer.By == job.CompareChecksum {
			return f.ask(ctx, pair)
		}
		return f.want(ctx, pair)
	}
}
