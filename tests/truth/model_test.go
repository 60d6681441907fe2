package truth

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModelKnowsWhatWasThere: what changes while a command runs was there before and after.
func TestModelKnowsWhatWasThere(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	stage, err := scene.newStage(&History{})
	if err != nil {
		t.Fatal(err)
	}
	source := stage.source
	var at []int
	change := func(do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		at = append(at, source.moment())
	}
	one, two := Version{Number: 1, Size: 10}, Version{Number: 2, Size: 10}
	at = append(at, source.moment())
	change(func() error { return source.write("a", one) })
	change(func() error { return source.write("a", two) })
	change(func() error { return source.erase("a") })
	change(func() error { return source.write("a", one) })
	tests := map[string]struct {
		when       span
		during     []Version
		throughout bool
	}{
		"before it was":            {span{at[0], at[0]}, nil, false},
		"written meanwhile":        {span{at[0], at[1]}, []Version{one}, false},
		"not changed":              {span{at[1], at[1]}, []Version{one}, true},
		"written anew meanwhile":   {span{at[1], at[2]}, []Version{one, two}, true},
		"erased meanwhile":         {span{at[2], at[3]}, []Version{two}, false},
		"away":                     {span{at[3], at[3]}, nil, false},
		"erased and written again": {span{at[2], at[4]}, []Version{two, one}, false},
		"there again":              {span{at[4], at[4]}, []Version{one}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.during, source.during("a", test.when)); diff != "" {
				t.Error(diff)
			}
			if got := source.throughout("a", test.when); got != test.throughout {
				t.Errorf("throughout %v, want %v", got, test.throughout)
			}
		})
	}
}

// TestShrink: what a failure does not need is left out.
func TestShrink(t *testing.T) {
	t.Parallel()
	kills := func(h History) bool {
		written := false
		for _, step := range h.Steps {
			written = written || step.Write != nil
			if step.Command == nil {
				continue
			}
			for _, event := range step.Command.Events {
				if written && event.Kind == KillAfter {
					return true
				}
			}
		}
		return false
	}
	var h History
	for seed := int64(1); !kills(h); seed++ {
		h = Draw(seed)
	}
	before := h.String()
	short := Shrink(h, kills)
	if len(short.Steps) != 2 || len(short.Steps[1].Command.Events) != 1 {
		t.Errorf("shrunk to\n%s", short)
	}
	if after := h.String(); after != before {
		t.Errorf("the history itself was changed: %s", cmp.Diff(before, after))
	}
}

// TestDrawIsOfItsSeed: a seed always gives the same history.
func TestDrawIsOfItsSeed(t *testing.T) {
	t.Parallel()
	for seed := range int64(100) {
		if diff := cmp.Diff(Draw(seed).String(), Draw(seed).String()); diff != "" {
			t.Fatal(diff)
		}
	}
}
