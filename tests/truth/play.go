package truth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
)

// play is one history while it is played.
type play struct {
	*stage
	scene  *Scene
	pair   *state            // of syncs
	copies map[string]*state // of copies, by key
	state  *state            // of the present command

	before map[string]journal.Record  // of the pair, before the present command
	runs   []string                   // of the pair
	left   map[string]map[string]bool // by run, the keys that it left undone, and no other did since
	said   *told                      // by the last command
	copied map[string]bool            // keys that dth copy was asked to copy
	policy map[job.Unmappable]bool    // policies of the commands so far
}

// Play plays a history and returns the first rule that dth broke; nil when it kept all of
// them. The error says that the history could not be played.
func (s *Scene) Play(ctx context.Context, h History) (*Violation, error) {
	st, err := s.newStage(&h)
	if err != nil {
		return nil, err
	}
	p := &play{
		stage: st, scene: s, copies: map[string]*state{},
		before: map[string]journal.Record{}, left: map[string]map[string]bool{}, copied: map[string]bool{}, policy: map[job.Unmappable]bool{},
	}
	if p.pair, err = s.pairState(ctx); err != nil {
		return nil, err
	}
	st.freeze = func() { p.state.keep(s.newFolder()) }
	defer func() {
		for _, copied := range p.copies {
			_ = copied.remove() // nothing is left to lose
		}
	}()
	for i, step := range h.Steps {
		violation, err := p.step(ctx, step)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		if violation != nil {
			violation.Step = i + 1
			return violation, nil
		}
	}
	violation, err := p.quiet(ctx)
	if violation != nil {
		violation.Step = len(h.Steps) + 1
	}
	return violation, err
}

func (p *play) step(ctx context.Context, step Step) (*Violation, error) {
	switch {
	case step.Write != nil && step.Write.Side == Source:
		return nil, p.source.write(step.Write.Key, step.Write.Version)
	case step.Write != nil:
		version := step.Write.Version
		_, err := p.servers[Destination].Put(p.buckets[Destination], step.Write.Key, version.bytes(), version.attributes(true))
		return nil, err
	case step.Erase != nil:
		return nil, p.source.erase(step.Erase.Key)
	case step.Tick != nil:
		p.scene.clocks[step.Tick.Side].unix.Add(int64(step.Tick.By / time.Second))
		return nil, nil
	}
	return p.command(ctx, *step.Command)
}

// told is what a command said.
type told struct {
	Report
	err        error
	panicked   string
	killed     bool
	records    map[string]journal.Record // of the run, by key
	before     map[string]journal.Record // of the pair, before the command
	verified   Verification
	different  map[string]bool // keys that a verification told
	retried    []string        // the run that a retry repeats, and those after it; empty for none
	candidates map[string]bool // keys that a retry was to look at; nil for all
}

// String says why a command did not end well.
func (t *told) String() string {
	if t.err != nil {
		return t.err.Error()
	}
	for _, problem := range t.Problems {
		return fmt.Sprintf("%q: %s", problem.Key, problem.Error)
	}
	return "it lists no problem"
}

// command runs one process of dth, and checks what it told.
func (p *play) command(ctx context.Context, c Command) (*Violation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.policy[c.Unmappable] = true
	if c.Verb == Copy {
		p.copied[c.Key] = true
	}
	var err error
	if p.state, err = p.stateOf(ctx, c); err != nil {
		return nil, err
	}
	t := &told{different: map[string]bool{}}
	if c.Verb == Retry {
		t.retried = p.runs[max(len(p.runs)-1-c.Back, 0):]
		t.candidates = p.failures(ctx, t.retried)
	}
	p.begin(c.Events, cancel)
	when := span{from: p.source.moment()}
	err = p.run(ctx, c, t)
	when.to = p.source.moment()
	p.heal()
	if failure := p.endState(c, t); failure != nil {
		return nil, errors.Join(err, failure)
	}
	if err != nil {
		return nil, err
	}
	p.said = t
	return p.check(c, t, when), nil
}

// run is the life of the process. The error says that it could not be started.
func (p *play) run(ctx context.Context, c Command, t *told) (err error) {
	e, closing, err := p.engine(ctx, c)
	if err != nil {
		return err
	}
	defer closing()
	defer func() {
		if value := recover(); value != nil {
			t.panicked = fmt.Sprintf("%v\n%s", value, debug.Stack())
		}
	}()
	var report *observe.Report
	switch c.Verb {
	case Sync:
		report, t.err = e.Sync(ctx)
	case Copy:
		report, t.err = e.Copy(ctx)
	case Retry:
		if len(t.retried) == 0 {
			return nil
		}
		report, t.err = e.Retry(ctx, t.retried[0])
	case Verify:
		var found engine.Verification
		found, t.err = e.Verify(ctx, c.Read, func(d engine.Difference) { t.different[d.Key] = true })
		t.verified, err = readVerification(found)
		return err
	}
	t.Report, err = read(report)
	return err
}

// quick is patience that costs no time.
var quick = retry.Policy{Attempts: 4, Base: time.Microsecond, Cap: 4 * time.Microsecond}

// streamed is more than what is held in memory of one object.
const streamed = 256 << 10

func (p *play) engine(ctx context.Context, c Command) (*engine.Engine, func(), error) {
	from, to := "mem://"+p.buckets[Source], "mem://"+p.buckets[Destination]
	parse, parseDestination, build := job.Parse, job.ParseDestination, engine.New
	if c.Verb == Copy {
		from, to = from+"/"+c.Key, to+"/"+c.Key
		parse, parseDestination, build = job.ParseObject, job.ParseObject, engine.NewObject
	}
	source, err := parse(from)
	if err != nil {
		return nil, nil, err
	}
	destination, err := parseDestination(to)
	if err != nil {
		return nil, nil, err
	}
	settings := job.Settings{
		Compare: c.Compare, Unmappable: c.Unmappable, Delete: c.Delete, MaxDelete: job.MaxDelete{Count: 1000, Written: "1000"},
		Transfers: c.Transfers, PartSize: minPart, MultipartThreshold: 3 * minPart, ServerSide: job.ServerSideNever,
	}
	if c.Guard {
		settings.MaxDelete = job.MaxDelete{Written: "0"}
	}
	if p.history.Large {
		settings.MultipartThreshold = 4 * streamed
	}
	opened := map[Side]interface{ Close() error }{}
	closing := func() {
		for _, bucket := range opened {
			_ = bucket.Close() // never fails
		}
	}
	config := engine.Config{
		Job: job.Job{Source: source, Destination: destination, Settings: settings}, State: p.state.file,
		Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(), Retry: quick,
	}
	if config.Source, err = p.scene.open(ctx, p.stage, Source); err != nil {
		return nil, nil, err
	}
	opened[Source] = config.Source
	if config.Destination, err = p.scene.open(ctx, p.stage, Destination); err != nil {
		return nil, nil, err
	}
	opened[Destination] = config.Destination
	e, err := build(config)
	if err != nil {
		closing()
		return nil, nil, err
	}
	return e, func() { e.Close(); closing() }, nil
}

// stateOf returns the state of a command.
func (p *play) stateOf(ctx context.Context, c Command) (*state, error) {
	if c.Verb != Copy {
		return p.pair, nil
	}
	if known := p.copies[c.Key]; known != nil {
		return known, nil
	}
	opened, err := openState(ctx, p.scene.newFolder())
	if err == nil {
		p.copies[c.Key] = opened
	}
	return opened, err
}

// endState puts the state in place that a killed process had, and reads what the journal
// says of the command.
func (p *play) endState(c Command, t *told) error {
	ctx := context.Background()
	if p.state.kept != "" {
		t.killed = true
		if err := p.state.revive(ctx); err != nil {
			return err
		}
	}
	after, err := p.state.records(ctx)
	if err != nil {
		return err
	}
	if c.Verb == Copy { // relative to itself its key is empty
		if record, ok := after[""]; ok {
			record.Key = c.Key
			after = map[string]journal.Record{c.Key: record}
		}
		for i := range t.Problems {
			t.Problems[i].Key = c.Key
		}
	}
	t.records = map[string]journal.Record{}
	for key, record := range after {
		if record.Run == t.Run {
			t.records[key] = record
		}
	}
	if c.Verb == Copy {
		return nil
	}
	t.before, p.before = p.before, after
	p.noteLeft(t, after)
	return nil
}

// noteLeft notes which keys a run left undone, and that earlier ones did that are not now.
func (p *play) noteLeft(t *told, after map[string]journal.Record) {
	for _, keys := range p.left {
		maps.DeleteFunc(keys, func(key string, _ bool) bool { return !isLeft(after[key]) })
	}
	if t.Run == "" {
		return
	}
	p.runs = append(p.runs, t.Run)
	p.left[t.Run] = map[string]bool{}
	for key, record := range t.records {
		if isLeft(record) {
			p.left[t.Run][key] = true
		}
	}
}

// isLeft says that an object was to be copied, and was not.
func isLeft(record journal.Record) bool {
	return (record.Outcome == journal.OutcomeFailed || record.Outcome == journal.OutcomeInterrupted) &&
		(record.SourceETag != "" || !record.SourceModified.IsZero())
}

// failures returns the keys that a retry looks at.
func (p *play) failures(ctx context.Context, retried []string) map[string]bool {
	keys := map[string]bool{}
	if len(retried) == 0 {
		return keys
	}
	for record, err := range journalsqlite.New(p.state.file).Failures(ctx, retried[0]) {
		if err == nil && (record.Outcome == journal.OutcomeFailed || record.Outcome == journal.OutcomeSkipped) {
			keys[record.Key] = true
		}
	}
	return keys
}
