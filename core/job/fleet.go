package job

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fleet says where a fleet keeps its work and its state, and how it treats both.
type Fleet struct {
	Queue           string // URL
	PriorityQueue   string // URL
	DeadLetterQueue string // URL
	ObjectsTable    string
	PartsTable      string
	StateMachine    string        // ARN; empty where no object is copied by many workers
	WorkerGroup     string        // name of the workers' Auto Scaling group; empty where the finder starts none
	GiantThreshold  int64         // bytes
	CheckEvery      time.Duration // between two looks of the state machine at a giant object
	StatusDays      int           // for how long what came of a message is kept
	Events          string        // none, Create or CreateAndDelete
	Attempts        int           // 0 for automatic
	RetryAfter      time.Duration
	LookAgain       time.Duration
	Visibility      time.Duration // how long a message is its receiver's after the last sign of life
	Lease           time.Duration // the same for uploads and for the finder's part
}

// Given says whether any resource of a fleet is named.
func (f Fleet) Given() bool {
	return f.Queue != "" || f.PriorityQueue != "" || f.DeadLetterQueue != "" || f.ObjectsTable != "" || f.PartsTable != ""
}

// CheckTables says what is missing of the state.
func (f Fleet) CheckTables() error {
	return missing(map[string]string{"objects-table": f.ObjectsTable, "parts-table": f.PartsTable})
}

// CheckQueues says what is missing of the queues.
func (f Fleet) CheckQueues() error {
	return missing(map[string]string{"queue": f.Queue, "priority-queue": f.PriorityQueue, "dead-letter-queue": f.DeadLetterQueue})
}

func missing(values map[string]string) error {
	var names []string
	for name, value := range values {
		if value == "" {
			names = append(names, "--"+name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return &Error{What: "a fleet needs " + strings.Join(names, ", "), Do: "see the outputs of the stack, or set " + Variable(names[0][2:]) + " and so on", Usage: true}
}

// fleetSettings are the rows of the table of settings that only a fleet has.
func fleetSettings() []setting {
	text := func(into func(*Fleet) *string) func(*Settings, string) error {
		return func(s *Settings, text string) error { *into(&s.Fleet) = text; return nil }
	}
	return []setting{
		{name: "queue", read: text(func(f *Fleet) *string { return &f.Queue })},
		{name: "priority-queue", read: text(func(f *Fleet) *string { return &f.PriorityQueue })},
		{name: "dead-letter-queue", read: text(func(f *Fleet) *string { return &f.DeadLetterQueue })},
		{name: "objects-table", read: text(func(f *Fleet) *string { return &f.ObjectsTable })},
		{name: "parts-table", read: text(func(f *Fleet) *string { return &f.PartsTable })},
		{name: "state-machine", read: text(func(f *Fleet) *string { return &f.StateMachine })},
		{name: "worker-group", read: text(func(f *Fleet) *string { return &f.WorkerGroup })},
		{name: "giant-threshold", initial: "1GiB", read: func(s *Settings, text string) error {
			return readSize(&s.Fleet.GiantThreshold, text, 5*mib, 5*tib)
		}},
		{name: "check-every", initial: "1m", read: func(s *Settings, text string) error { return readDuration(&s.Fleet.CheckEvery, text) }},
		{name: "status-days", initial: "14", read: func(s *Settings, text string) error { return readDays(&s.Fleet.StatusDays, text) }},
		{name: "events", initial: "none", read: func(s *Settings, text string) error {
			return readChoice(&s.Fleet.Events, text, "none", "Create", "CreateAndDelete")
		}},
		{name: "attempts", initial: "0", read: func(s *Settings, text string) error { return readCount(&s.Fleet.Attempts, text, 100) }},
		{name: "retry-after", initial: "30s", read: func(s *Settings, text string) error { return readDuration(&s.Fleet.RetryAfter, text) }},
		{name: "visibility", initial: "2m", read: func(s *Settings, text string) error { return readDuration(&s.Fleet.Visibility, text) }},
		{name: "lease", initial: "5m", read: func(s *Settings, text string) error { return readDuration(&s.Fleet.Lease, text) }},
		{name: "look-again", initial: "15m", read: func(s *Settings, text string) error { return readDuration(&s.Fleet.LookAgain, text) }},
	}
}

// longestDelay is what a queue holds a message back at most.
const longestDelay = 15 * time.Minute

func readDuration(into *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > longestDelay {
		return &Error{What: fmt.Sprintf("%q is no time in range", text), Do: "write such as 30s or 5m, from 1s to 15m"}
	}
	*into = d
	return nil
}

// A message lives for 14 days: what came of it must not be forgotten before.
const leastDays, mostDays = 14, 3650

func readDays(into *int, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < leastDays || n > mostDays {
		return &Error{What: fmt.Sprintf("%q is no number of days in range", text), Do: fmt.Sprintf("write a number from %d to %d", leastDays, mostDays)}
	}
	*into = n
	return nil
}
