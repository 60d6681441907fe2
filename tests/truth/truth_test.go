package truth

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seed      = flag.Int64("seed", 0, "play the history of this seed alone")
	histories = flag.Int64("histories", 0, "how many histories to play; 0 for 100,000 at length (DTH_FAULTS=long) and 300 otherwise")
	first     = flag.Int64("first", 1, "the first seed of those")
	keepOn    = flag.Bool("keep-on", false, "tell each violation in a line and go on, instead of shrinking the first")
	only      = flag.String("rule", "", "tell only violations of the rules that this expression matches")
)

// patience is the longest time that one history may take on a busy machine.
const patience = 3 * time.Minute

// scenes is how many histories are played at one time: most wait for one another's timers.
func scenes() int { return 8 * runtime.GOMAXPROCS(0) }

func wanted() int64 {
	switch {
	case *histories > 0:
		return *histories
	case os.Getenv("DTH_FAULTS") == "long":
		return 100_000
	}
	return 300
}

// TestTruth plays random histories; whatever dth tells in them is true.
func TestTruth(t *testing.T) {
	t.Parallel()
	rule := regexp.MustCompile(*only)
	if *seed != 0 {
		tell(t, newScene(t), Draw(*seed), rule)
		return
	}
	debug.SetGCPercent(800) // little is held, and much is made anew
	debug.SetMemoryLimit(1 << 30)
	began, last := time.Now(), *first+wanted()
	var next, failed atomic.Int64
	next.Store(*first)
	var players sync.WaitGroup
	for range scenes() {
		players.Go(func() {
			scene := newScene(t)
			for n := next.Add(1) - 1; n < last && failed.Load() == 0; n = next.Add(1) - 1 {
				h := Draw(n)
				violation := play1(t, scene, h)
				switch {
				case violation == nil || !rule.MatchString(string(violation.Rule)):
				case *keepOn:
					t.Errorf("seed %d %s", n, violation)
				case failed.Add(1) == 1:
					tell(t, scene, h, rule)
				}
			}
		})
	}
	players.Wait()
	played := min(next.Load(), last) - *first
	t.Logf("%d histories, %.1f ms each", played, float64(time.Since(began).Milliseconds())/float64(played))
}

func newScene(t *testing.T) *Scene {
	scene, err := NewScene()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scene.Close(); err != nil {
			t.Error(err)
		}
	})
	return scene
}

// play1 plays one history, and ends the test where it never ends.
func play1(t *testing.T, scene *Scene, h History) *Violation {
	watch := time.AfterFunc(patience, func() { panic(fmt.Sprintf("this history does not end:\n%s", h)) })
	defer watch.Stop()
	violation, err := scene.Play(t.Context(), h)
	if err != nil {
		t.Errorf("seed %d: %v", h.Seed, err)
	}
	return violation
}

// tries is how often a history is played before it counts as one that keeps the rules:
// what runs at the same time takes one order or another.
const tries = 5

// tell shrinks a history that breaks a rule and tells it.
func tell(t *testing.T, scene *Scene, h History, rule *regexp.Regexp) {
	t.Helper()
	var found *Violation
	broken := func(h History) bool {
		for range tries {
			if violation := play1(t, scene, h); violation != nil && rule.MatchString(string(violation.Rule)) && (found == nil || violation.Rule == found.Rule) {
				found = violation
				return true
			}
		}
		return false
	}
	if !broken(h) {
		t.Logf("seed %d keeps all rules in %d tries\n%s", h.Seed, tries, h)
		return
	}
	short := Shrink(h, broken)
	t.Errorf("%s\n%s\nplay it again: go test ./tests/truth -run TestTruth -seed %d", found, short, h.Seed)
}
