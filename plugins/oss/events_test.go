package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

var update = flag.Bool("update", false, "rewrite testdata/events/want")

// TestEvents reads the notifications in testdata; its README names the pages.
func TestEvents(t *testing.T) {
	t.Parallel()
	drivertest.Notifications(t, opened(t, at(suite, "anonymous", "", nil)), "testdata/events", *update)
}

func TestForeignEvents(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ payload, want string }{
		"no JSON":            {"hello topic", "no JSON of OSS"},
		"nothing":            {"", "is empty"},
		"an empty list":      {"[]", "an empty list"},
		"another document":   {`{"a": 1}`, "neither events"},
		"another source":     {`{"source": "acs.ecs", "data": {"eventName": "x"}}`, "not OSS's"},
		"envelopes for ever": {`{"Message": "{\"Message\": \"{\\\"Message\\\": \\\"x\\\"}\"}"}`, "neither events"},
		"another shape":      {`{"events": 5}`, "no JSON of OSS"},
	}
	b := opened(t, at(suite, "anonymous", "", nil))
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.ParseEvents(t.Context(), []byte(test.payload))
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseEvents = %v (%v), want invalid argument and %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

// FuzzParseEvents reads anything.
func FuzzParseEvents(f *testing.F) {
	drivertest.FuzzNotifications(f, opened(f, at(suite, "anonymous", "", nil)), "testdata/events")
}
