package engine

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/dth-dev/dth/core/journal"
)

// doubtful is a journal that doubts so many keys.
type doubtful struct {
	journal.Shared
	keys int
}

func (d doubtful) Doubts(context.Context, bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range d.keys {
			if !yield(fmt.Sprint("key ", i), nil) {
				return
			}
		}
	}
}

// TestDoubtsAreBounded: where more keys are doubted than are told apart, each key is.
func TestDoubtsAreBounded(t *testing.T) {
	t.Parallel()
	for keys, all := range map[int]bool{0: false, 10: false, 11: true} {
		found, err := readDoubts(t.Context(), doubtful{keys: keys}, false, 10)
		if err != nil || found.has("another") != all || keys > 0 && !found.has("key 0") || all && len(found.keys) > 0 {
			t.Errorf("%d keys: %v, %+v", keys, err, found)
		}
	}
}
