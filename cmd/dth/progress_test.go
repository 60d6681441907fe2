package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/observe"
)

func TestProgressText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now            observe.Snapshot
		rate           float64
		objects, moved string
	}{
		"nothing yet": {observe.Snapshot{}, 0,
			"0 of 0 objects and growing (0 listed) · 0 in flight · 0 failed", "0 B of 0 B · 0 B/s · ETA -"},
		"listing": {observe.Snapshot{Listed: 12000, Planned: 2000, PlannedBytes: 4 << 20, Copied: 1500, MovedBytes: 1 << 20, InFlight: 64}, 1 << 20,
			"1,500 of 2,000 objects and growing (12,000 listed) · 64 in flight · 0 failed", "1.0 MiB of 4.0 MiB · 1.0 MiB/s · ETA -"},
		"listed": {observe.Snapshot{ListingDone: true, Planned: 2000, PlannedBytes: 4 << 20, Copied: 1500, MovedBytes: 1 << 20, InFlight: 3, Failed: 2}, 1 << 20,
			"1,500 of 2,000 objects · 3 in flight · 2 failed", "1.0 MiB of 4.0 MiB · 1.0 MiB/s · ETA 3s"},
		"repeated bytes": {observe.Snapshot{ListingDone: true, Planned: 1, PlannedBytes: 10, MovedBytes: 20}, 5,
			"0 of 1 objects · 0 in flight · 0 failed", "20 B of 10 B · 5 B/s · ETA -"},
		"very slow": {observe.Snapshot{ListingDone: true, Planned: 1, PlannedBytes: 1 << 62}, 1,
			"0 of 1 objects · 0 in flight · 0 failed", "0 B of 4.0 EiB · 1 B/s · ETA more than 99 days"},
	} {
		if got := objectsText(c.now); got != c.objects {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.objects)
		}
		if got := movedText(c.now, c.rate); got != c.moved {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.moved)
		}
	}
}

func TestRateMeter(t *testing.T) {
	t.Parallel()
	var meter rateMeter
	start := time.Unix(0, 0)
	if got := meter.perSecond(); got != 0 {
		t.Errorf("a rate of nothing: %v", got)
	}
	for second := range 100 { // 10 bytes a second, then 1000
		total := int64(second) * 10
		if second >= 50 {
			total = 500 + int64(second-50)*1000
		}
		meter.add(start.Add(time.Duration(second)*time.Second), total)
	}
	if got := meter.perSecond(); got != 1000 {
		t.Errorf("rate %v, want the recent one", got)
	}
}

// TestShowProgress draws on a screen and logs meanwhile.
func TestShowProgress(t *testing.T) {
	t.Parallel()
	var screen lockedBuffer
	logs := &console{output: &screen}
	var counters observe.Counters
	counters.Planned.Store(7)
	counters.PlannedBytes.Store(100)
	stop := showProgress(logs, counters.Snapshot)
	if _, err := logs.Write([]byte("a line of the log\n")); err != nil {
		t.Error(err)
	}
	stop()
	if _, err := logs.Write([]byte("after\n")); err != nil {
		t.Error(err)
	}
	if drawn := screen.String(); !strings.Contains(drawn, "a line of the log") || !strings.HasSuffix(drawn, "after\n") {
		t.Errorf("drawn: %q", drawn)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
