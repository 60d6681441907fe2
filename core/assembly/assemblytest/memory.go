package assemblytest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
)

// Memory is a table in memory, for tests of what stands on an assembly.Store.
type Memory struct {
	mu      sync.Mutex
	uploads map[string]*entry
}

type entry struct {
	upload assembly.Upload
	parts  map[int]journal.Part
}

// NewMemory returns an empty table.
func NewMemory() *Memory { return &Memory{uploads: map[string]*entry{}} }

// Margin implements Table: all clocks are one.
func (m *Memory) Margin() time.Duration { return 0 }

// Contests implements Table.
func (m *Memory) Contests() int { return 1000 }

// Join implements Table.
func (m *Memory) Join(_ testing.TB, now func() time.Time) assembly.Store {
	return &memoryStore{memory: m, now: now}
}

type memoryStore struct {
	memory *Memory
	now    func() time.Time
}

func final(state assembly.State) bool { return state == assembly.Done || state == assembly.Aborted }

// with calls do with the record, or returns ErrNotFound.
func (s *memoryStore) with(ctx context.Context, id string, do func(*entry)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	e, known := s.memory.uploads[id]
	if !known {
		return fmt.Errorf("giant object %s: %w", id, assembly.ErrNotFound)
	}
	do(e)
	return nil
}

// free says whether owner may take the lease.
func (s *memoryStore) free(e *entry, owner string) bool {
	return e.upload.Owner == owner || e.upload.Lease.Before(s.now())
}

func (s *memoryStore) take(e *entry, owner string, lease time.Duration) {
	e.upload.Owner, e.upload.Lease = owner, s.now().Add(lease)
}

func (s *memoryStore) Create(ctx context.Context, upload assembly.Upload, owner string, lease time.Duration) (got assembly.Upload, mine bool, err error) {
	s.memory.mu.Lock()
	if _, known := s.memory.uploads[upload.ID]; !known && ctx.Err() == nil {
		upload.State, upload.Arrived, upload.Generation = assembly.Open, 0, max(upload.Generation, 1)
		upload.Owner, upload.Lease = owner, s.now()
		s.memory.uploads[upload.ID] = &entry{upload: upload, parts: map[int]journal.Part{}}
	}
	s.memory.mu.Unlock()
	err = s.with(ctx, upload.ID, func(e *entry) {
		if mine = !final(e.upload.State) && s.free(e, owner); mine {
			s.take(e, owner, lease)
		}
		got = e.upload
	})
	return got, mine, err
}

func (s *memoryStore) Begin(ctx context.Context, id, owner string, record journal.Upload) error {
	mine := false
	err := s.with(ctx, id, func(e *entry) {
		if mine = e.upload.Owner == owner; mine {
			e.upload.Record = record
		}
	})
	if err == nil && !mine {
		err = assembly.ErrNotFound
	}
	return err
}

func (s *memoryStore) Get(ctx context.Context, id string) (upload assembly.Upload, err error) {
	err = s.with(ctx, id, func(e *entry) { upload = e.upload })
	return upload, err
}

func (s *memoryStore) RecordPart(ctx context.Context, id string, part journal.Part) (progress assembly.Progress, err error) {
	err = s.with(ctx, id, func(e *entry) {
		u := &e.upload
		if _, known := e.parts[part.Number]; !known && u.State == assembly.Open {
			e.parts[part.Number] = part
			if u.Arrived++; u.Arrived == u.Total {
				u.State = assembly.Ready
			}
		}
		progress = assembly.Progress{State: u.State, Total: u.Total, Arrived: u.Arrived}
	})
	return progress, err
}

func (s *memoryStore) DropParts(ctx context.Context, id string, numbers []int) error {
	return s.with(ctx, id, func(e *entry) {
		for _, number := range numbers {
			if _, known := e.parts[number]; !known || final(e.upload.State) || e.upload.State == assembly.Failed {
				continue
			}
			delete(e.parts, number)
			e.upload.Arrived, e.upload.State = len(e.parts), assembly.Open
		}
	})
}

func (s *memoryStore) Parts(ctx context.Context, id string) (parts []journal.Part, err error) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if e, known := s.memory.uploads[id]; known {
		parts = slices.SortedFunc(maps.Values(e.parts), func(a, b journal.Part) int { return a.Number - b.Number })
	}
	return parts, ctx.Err()
}

func (s *memoryStore) Claim(ctx context.Context, id string, from, to assembly.State, owner string, lease time.Duration) (upload assembly.Upload, mine bool, err error) {
	err = s.with(ctx, id, func(e *entry) {
		mine = e.upload.State == from || e.upload.State == to && s.free(e, owner)
		if mine {
			e.upload.State = to
			s.take(e, owner, lease)
		}
		upload = e.upload
	})
	return upload, mine, err
}

func (s *memoryStore) Extend(ctx context.Context, id, owner string, lease time.Duration) (held bool, err error) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if e, known := s.memory.uploads[id]; known && ctx.Err() == nil {
		held = e.upload.Owner == owner && !final(e.upload.State)
		if held && (lease <= 0 || e.upload.Lease.Before(s.now().Add(lease))) {
			s.take(e, owner, lease)
		}
	}
	return held, ctx.Err()
}

func (s *memoryStore) Fail(ctx context.Context, id, reason string) error {
	return s.with(ctx, id, func(e *entry) {
		if e.upload.State == assembly.Open || e.upload.State == assembly.Ready {
			e.upload.State, e.upload.Reason = assembly.Failed, reason
		}
	})
}

func (s *memoryStore) Finish(ctx context.Context, id string, state assembly.State, reason string) error {
	if !final(state) {
		return fmt.Errorf("giant object %s: %q is not a final state", id, state)
	}
	return s.with(ctx, id, func(e *entry) {
		if !final(e.upload.State) {
			e.upload.State, e.upload.Reason, e.upload.Owner, e.upload.Lease = state, reason, "", time.Time{}
		}
	})
}

func (s *memoryStore) Roll(ctx context.Context, id string, generation int) (rolled bool, err error) {
	err = s.with(ctx, id, func(e *entry) {
		if rolled = e.upload.Generation == generation-1; rolled {
			e.upload.Generation = generation
		}
	})
	return rolled, err
}

func (s *memoryStore) Unfinished(ctx context.Context) (open []assembly.Upload, err error) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	for _, e := range s.memory.uploads {
		if !final(e.upload.State) {
			open = append(open, e.upload)
		}
	}
	return open, ctx.Err()
}
