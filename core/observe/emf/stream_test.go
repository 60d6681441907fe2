package emf_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
	"github.com/dth-dev/dth/core/retry"
)

// journal is a log that a test reads while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// start emits to the service, at the test's ticks and without patience.
func start(l *logs, process *observe.Process, said *journal) (*emf.Emitter, chan<- time.Time) {
	ticks := make(chan time.Time)
	return emf.Start(emf.Options{
		Stack: "photos", Role: emf.Worker, Instance: "i-0123", Process: process, Group: "workers", Config: l.config(),
		Ticks: ticks, Retry: retry.Policy{Attempts: 3}, Logger: hclog.New(&hclog.LoggerOptions{Output: said}),
	}), ticks
}

func TestEveryObjectIsToldOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		faults []fault
		warns  string // in the log, if anything
	}{
		"no fault":                     {},
		"throttled":                    {faults: []fault{throttled, throttled}},
		"throttled for minutes":        {faults: []fault{throttled, throttled, throttled, throttled, throttled, throttled}, warns: "makes up"},
		"refused":                      {faults: []fault{refused, refused}, warns: "AccessDenied"},
		"rejected for the wrong clock": {faults: []fault{rejected}, warns: "clock"},
		"answer lost":                  {faults: []fault{lost}, warns: "nobody knows"},
		"answer lost again and again":  {faults: []fault{lost, lost, lost}, warns: "nobody knows"},
		"last answer lost":             {faults: []fault{"", "", "", lost}},
		"last request dropped":         {faults: []fault{"", "", "", dropped, dropped}},
		"request dropped":              {faults: []fault{dropped}, warns: "nobody knows"},
		"stored with an error":         {faults: []fault{stored500}, warns: "nobody knows"},
		"failed":                       {faults: []fault{failed500}, warns: "nobody knows"},
		"everything":                   {faults: []fault{refused, rejected, throttled, lost, stored500, dropped}, warns: "nobody knows"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, said, process, counters := newLogs(t, c.faults...), &journal{}, &observe.Process{}, &observe.Counters{}
			process.Follow(counters)
			e, ticks := start(l, process, said)
			for range 3 {
				counters.Copied.Add(10)
				ticks <- time.Time{}
			}
			counters.Copied.Add(5)
			if err := e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if total, _ := l.sum(t, "TransferredObjects"); total != 35 {
				t.Errorf("%d objects were told, of 35", total)
			}
			if text := said.String(); (c.warns == "") != (text == "") || !strings.Contains(text, c.warns) {
				t.Errorf("the log is to tell %q:\n%s", c.warns, text)
			}
			if err := e.Close(t.Context()); err != nil {
				t.Errorf("Close again = %v", err)
			}
		})
	}
}

func TestStreamIsMadeOnce(t *testing.T) {
	t.Parallel()
	l, process := newLogs(t), &observe.Process{}
	e, ticks := start(l, process, &journal{})
	ticks <- time.Time{}
	ticks <- time.Time{}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, n := l.sum(t, "QueueLag"); n != 3 || len(l.streams) != 1 {
		t.Errorf("%d documents in %d streams, want 3 in one", n, len(l.streams))
	}
	for name := range l.streams {
		if !strings.HasPrefix(name, "worker/i-0123/") {
			t.Errorf("stream %q does not say whose it is", name)
		}
	}
	if got := l.lastHead.Get("X-Amzn-Logs-Format"); got != "json/emf" {
		t.Errorf("format %q", got)
	}
}

func TestStreamThatIsRemovedIsMadeAgain(t *testing.T) {
	t.Parallel()
	l, process, counters := newLogs(t), &observe.Process{}, &observe.Counters{}
	process.Follow(counters)
	e, ticks := start(l, process, &journal{})
	ticks <- time.Time{}
	ticks <- time.Time{} // the first is over
	l.set(func() { l.streams = map[string][]event{} })
	counters.Copied.Store(3)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if total, _ := l.sum(t, "TransferredObjects"); total != 3 {
		t.Errorf("%d objects were told, of 3", total)
	}
}

func TestWhatCannotBeLookedAtIsNotToldAgain(t *testing.T) {
	t.Parallel()
	l, said, process, counters := newLogs(t, dropped), &journal{}, &observe.Process{}, &observe.Counters{}
	l.blind = refused
	process.Follow(counters)
	e, ticks := start(l, process, said)
	counters.Copied.Store(10)
	ticks <- time.Time{}
	ticks <- time.Time{}
	counters.Copied.Add(5)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if total, _ := l.sum(t, "TransferredObjects"); total != 5 {
		t.Errorf("%d objects were told: ten are in doubt, five are not", total)
	}
	if text := said.String(); !strings.Contains(text, "TransferredObjects") || !strings.Contains(text, ":10,") {
		t.Errorf("the log does not tell what is in doubt:\n%s", text)
	}
}

func TestDoubtLastsWhileNobodyCanLook(t *testing.T) {
	t.Parallel()
	for _, next := range []fault{lost, dropped} {
		t.Run(string(next), func(t *testing.T) {
			t.Parallel()
			l, process, counters := newLogs(t, next), &observe.Process{}, &observe.Counters{}
			process.Follow(counters)
			e, ticks := start(l, process, &journal{})
			l.blind = throttled
			counters.Copied.Store(10)
			for range 4 {
				ticks <- time.Time{}
			}
			l.set(func() { l.blind = "" })
			if err := e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if total, _ := l.sum(t, "TransferredObjects"); total != 10 {
				t.Errorf("%d objects were told, of 10", total)
			}
		})
	}
}

func TestCloseTellsWhatIsLost(t *testing.T) {
	t.Parallel()
	l, said, process, counters := newLogs(t), &journal{}, &observe.Process{}, &observe.Counters{}
	l.group = false
	process.Follow(counters)
	counters.Copied.Store(10)
	e, _ := start(l, process, said)
	if err := e.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "workers") {
		t.Errorf("Close = %v, though there is no log group", err)
	}
	if text := said.String(); !strings.Contains(text, `TransferredObjects`) || !strings.Contains(text, `:10,`) {
		t.Errorf("the log does not tell what is lost:\n%s", text)
	}
}

func TestCloseWaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	l, process := newLogs(t), &observe.Process{}
	e, ticks := start(l, process, &journal{})
	l.mu.Lock() // the service answers nothing
	ticks <- time.Time{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := e.Close(ctx)
	l.mu.Unlock()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Close = %v", err)
	}
}
