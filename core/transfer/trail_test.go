package transfer

import "testing"

// TestRefutedKindIsKnown: what a store was found to do with a key holds for its kind, also
// where this process has tried none yet: a worker completes what another one began.
func TestRefutedKindIsKnown(t *testing.T) {
	t.Parallel()
	var found probes
	found.refute("dir/a//b")
	if problem, known := found.of(`an empty segment ("//")`); !known || problem == "" {
		t.Errorf("%q, %t", problem, known)
	}
	if _, known := found.of("a backslash"); known {
		t.Error("another kind is known")
	}
}
