package drivertest

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestWholeEvents(t *testing.T) {
	t.Parallel()
	good := driver.Event{Kind: driver.EventCreated, Bucket: "b", Key: "k"}
	for name, test := range map[string]struct {
		change func(*driver.Event)
		want   bool
	}{
		"good":                  {func(*driver.Event) {}, true},
		"no kind":               {func(e *driver.Event) { e.Kind = 0 }, false},
		"unknown kind":          {func(e *driver.Event) { e.Kind = 9 }, false},
		"no bucket":             {func(e *driver.Event) { e.Bucket = "" }, false},
		"no key":                {func(e *driver.Event) { e.Key = "" }, false},
		"a problem and a kind":  {func(e *driver.Event) { e.Problem = "p" }, false},
		"a problem and no kind": {func(e *driver.Event) { e.Kind, e.Problem = 0, "p" }, true},
		"a problem alone":       {func(e *driver.Event) { *e = driver.Event{Problem: "p"} }, true},
	} {
		event := good
		test.change(&event)
		if got := toldEnough(event); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
