package control

import (
	"net/http"
	"testing"
	"time"
)

func TestClockIgnoresWhatProvesNothing(t *testing.T) {
	t.Parallel()
	hourAgo := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	cases := map[string]struct {
		status int
		date   string
		moved  bool
	}{
		"refusal with another time": {403, hourAgo, true},
		"refusal of a token":        {401, hourAgo, true},
		"cached success":            {200, hourAgo, false},
		"no date":                   {403, "", false},
		"no real date":              {403, "yesterday", false},
		"slow answer":               {403, time.Now().Add(-2 * time.Minute).UTC().Format(http.TimeFormat), false},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock Clock
			clock.observe(&http.Response{StatusCode: test.status, Header: http.Header{"Date": {test.date}}})
			if moved := clock.offset.Load() != 0; moved != test.moved {
				t.Errorf("the clock moved: %v, want %v", moved, test.moved)
			}
		})
	}
}

func TestClockPrefersWhatTheHostSaw(t *testing.T) {
	t.Parallel()
	var clock Clock
	clock.offset.Store(int64(time.Hour))
	seen := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	if at := clock.At(seen); !at.Equal(seen) {
		t.Errorf("At(%v) = %v", seen, at)
	}
	if ahead := time.Until(clock.At(time.Time{})); ahead < 59*time.Minute || ahead > time.Hour {
		t.Errorf("At without a time is %v ahead, want what the clock learnt: an hour", ahead)
	}
}
