package assemblytest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
)

func ownerTests() map[string]func(*testing.T, Table) {
	return map[string]func(*testing.T, Table){
		"of owners at the same instant one creates": testCreateContended,
	}
}

func testCreateContended(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	const contenders = 2
	for contest := range table.Contests() {
		upload := giant(1, 2)
		upload.ID = assembly.NewID("key", "etag", "", "run", contest)
		var group sync.WaitGroup
		var winners atomic.Int64
		for i := range contenders {
			group.Go(func() {
				_, mine, err := s.Create(t.Context(), upload, fmt.Sprint("w", i), lease)
				if err != nil {
					t.Errorf("Create: %v", err)
				}
				if mine {
					winners.Add(1)
				}
			})
		}
		group.Wait()
		if winners.Load() != 1 {
			t.Fatalf("contest %d has %d winners", contest, winners.Load())
		}
	}
}
