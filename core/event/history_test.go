package event

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// histories is how many random histories each property is tried on.
const histories = 20_000

// history makes events of few keys: writes, deletions and rewrites, some notified twice,
// in any order. The sequencers of a key grow, in several lengths and cases. The
// returned state is the ETag of each key that exists in the end.
func history(random *rand.Rand, ordered bool) (events []driver.Event, state map[string]string) {
	state = map[string]string{}
	for i := range 1 + random.IntN(12) {
		key := string(rune('a' + random.IntN(3)))
		sequencer := fmt.Sprintf("00%X", 0x5500+i)
		switch random.IntN(4) {
		case 0:
			sequencer = strings.ToLower(sequencer) + "00"
		case 1:
			sequencer += strings.Repeat("F", random.IntN(Width-len(sequencer)))
		}
		if !ordered && random.IntN(3) > 0 {
			sequencer = ""
		}
		event := deleted(key, sequencer)
		delete(state, key)
		if random.IntN(3) > 0 {
			event = created(key, sequencer)
			event.ETag = fmt.Sprint("version ", i)
			state[key] = event.ETag
		}
		for range 1 + random.IntN(2) {
			events = append(events, event)
		}
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events, state
}

// messages parts events at random and reads each part.
func messages(t *testing.T, random *rand.Rand, mode Mode, events []driver.Event) (changes []Change) {
	t.Helper()
	for len(events) > 0 {
		size := 1 + random.IntN(len(events))
		reader := Reader{Parser: told{events: events[:size]}, Bucket: "photos", Mode: mode}
		events = events[size:]
		reading, err := reader.Read(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		counted := reading.Kept + reading.Foreign + len(reading.Problems)
		for _, change := range reading.Changes {
			counted += change.Events
		}
		if counted != reading.Events || reading.Events != size {
			t.Fatalf("%d of %d events are accounted for: %+v", counted, size, reading)
		}
		changes = append(changes, reading.Changes...)
	}
	random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	return changes
}

// TestOrderedHistories: where all events have sequencers, they alone lead to the newest
// state, however the events are parted into messages and in whatever order these are
// worked on. Nothing looks at the source here.
func TestOrderedHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		random := rand.New(rand.NewPCG(seed, 1))
		events, want := history(random, true)
		got, record := map[string]string{}, map[string]string{}
		for _, change := range messages(t, random, CreateAndDelete, events) {
			if change.Sequencer == "" {
				t.Fatalf("seed %d: the order of %+v is lost", seed, change)
			}
			if change.Sequencer <= record[change.Key] { // as a journal compares them
				continue
			}
			record[change.Key] = change.Sequencer
			got[change.Key] = change.ETag
			if change.Delete {
				delete(got, change.Key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: after %v (-want +got):\n%s", seed, events, diff)
		}
	}
}

// TestUnorderedHistories: where some or all events lack sequencers, a look at the source
// leads to its state. A copy of what is gone leaves the destination as it is.
func TestUnorderedHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		random := rand.New(rand.NewPCG(seed, 2))
		events, source := history(random, false)
		got, record := map[string]string{"a": "before", "b": "before", "c": "before"}, map[string]string{}
		for _, change := range messages(t, random, CreateAndDelete, events) {
			if change.Sequencer != "" {
				if change.Sequencer <= record[change.Key] {
					continue
				}
				record[change.Key] = change.Sequencer
			}
			if etag, exists := source[change.Key]; exists {
				got[change.Key] = etag
			} else if change.Delete {
				delete(got, change.Key)
			}
		}
		for _, key := range []string{"a", "b", "c"} { // of which no event tells
			if got[key] == "before" {
				delete(got, key)
				for _, event := range events {
					if event.Key == key {
						t.Fatalf("seed %d: %q stays as it was, after %v", seed, key, events)
					}
				}
			}
		}
		if diff := cmp.Diff(source, got); diff != "" {
			t.Fatalf("seed %d: after %v (-want +got):\n%s", seed, events, diff)
		}
	}
}

// TestHistoriesWithoutDeletions: mode Create deletes nothing and copies each object that
// exists in the end.
func TestHistoriesWithoutDeletions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		random := rand.New(rand.NewPCG(seed, 3))
		events, source := history(random, seed%2 == 0)
		copied := map[string]bool{}
		for _, change := range messages(t, random, Create, events) {
			if change.Delete {
				t.Fatalf("seed %d: %+v", seed, change)
			}
			copied[change.Key] = true
		}
		for key := range source {
			if !copied[key] {
				t.Fatalf("seed %d: %q is not copied after %v", seed, key, events)
			}
		}
	}
}
