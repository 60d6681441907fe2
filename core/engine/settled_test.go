package engine

import (
	"testing"
	"time"
)

// TestLooksGetRarer: a finder that waits asks every two seconds while that is cheap, and
// spends a twentieth of its time on it where a look takes minutes.
func TestLooksGetRarer(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 100 * time.Millisecond: 2 * time.Second, time.Second: 19 * time.Second, 3 * time.Minute: 57 * time.Minute,
	} {
		if got := settledPause(took); got != want {
			t.Errorf("after a look of %v the pause is %v, want %v", took, got, want)
		}
	}
}
