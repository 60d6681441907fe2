package engine

import (
	"context"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/ledger"
)

// doubtsKept is how many keys are told apart, 8 bytes and a bit each. Where more are
// doubted each key is: its record is looked up, a hundred in one request.
const doubtsKept = 4_000_000

// doubts are the keys that a fleet's journal has on record as not done, or as done with
// changes: what both listings show is no word on them, equal MD5s neither. What failed may
// be the attributes.
type doubts struct {
	keys map[uint64]struct{} // fingerprints: another key that has one is looked up, too
	all  bool
}

// readDoubts reads what is doubted, up to so many keys; adapted says whether copies that
// were adapted are.
func readDoubts(ctx context.Context, from journal.Shared, adapted bool, most int) (doubts, error) {
	found := doubts{keys: map[uint64]struct{}{}}
	for key, err := range from.Doubts(ctx, adapted) {
		if err != nil {
			return doubts{}, err
		}
		if found.keys[ledger.Fingerprint(key)] = struct{}{}; len(found.keys) > most {
			return doubts{all: true}, nil
		}
	}
	return found, nil
}

func (d doubts) has(key string) bool {
	_, is := d.keys[ledger.Fingerprint(key)]
	return d.all || is
}
