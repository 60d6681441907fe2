package truth

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
)

// Violation is a rule that dth broke.
type Violation struct {
	Rule Rule
	Key  string // empty where it is about none
	What string
	Step int // after which it showed, from 1
}

func (v Violation) String() string {
	return fmt.Sprintf("after step %d: %s: %q: %s", v.Step, v.Rule, v.Key, v.What)
}

// Rule is one thing that dth promises.
type Rule string

// The rules.
const (
	RuleCopied   Rule = "what was told as copied is there"
	RuleEqual    Rule = "what was told as equal is equal"
	RuleAdapted  Rule = "what was left out is told"
	RuleListed   Rule = "what was not copied is listed by key"
	RuleRetried  Rule = "a retry forgets nothing that its run left undone"
	RuleVanished Rule = "what vanished was absent"
	RuleDelete   Rule = "nothing is deleted that the source has"
	RuleSource   Rule = "the source is only read"
	RuleGrade    Rule = "evidence comes from the destination"
	RuleVerify   Rule = "a verification tells the truth"
	RuleUploads  Rule = "no upload is left open"
	RuleQuiet    Rule = "a quiet run makes both sides equal"
	RulePanic    Rule = "dth does not panic"
)

// check compares what a command told with what both stores hold.
func (p *play) check(c Command, t *told, when span) *Violation {
	if t.panicked != "" {
		return &Violation{Rule: RulePanic, What: t.panicked}
	}
	p.mu.Lock()
	wrongs := p.wrongs
	p.mu.Unlock()
	if len(wrongs) > 0 {
		return &Violation{Rule: RuleSource, What: wrongs[0]}
	}
	checks := []func(Command, *told, span) *Violation{p.checkDeletions, p.checkRecords, p.checkNamed, p.checkEqual, p.checkRetried}
	if c.Verb == Verify {
		checks = []func(Command, *told, span) *Violation{p.checkVerified}
	}
	for _, check := range checks {
		if violation := check(c, t, when); violation != nil {
			return violation
		}
	}
	return nil
}

// checkDeletions: dth deletes what the source does not have, when it is asked to, and not
// in a run that failed to copy something.
func (p *play) checkDeletions(c Command, t *told, when span) *Violation {
	p.mu.Lock()
	deleted := slices.Clone(p.deletions)
	p.mu.Unlock()
	for _, key := range deleted {
		switch {
		case p.source.throughout(key, when) && !p.hidden(key):
			return &Violation{Rule: RuleDelete, Key: key, What: "deleted at the destination, and the source had it all the time"}
		case !c.Delete || c.Guard:
			return &Violation{Rule: RuleDelete, Key: key, What: "deleted at the destination, which was not allowed"}
		}
		for failed := range t.named() {
			if len(p.source.during(failed, when)) > 0 && !slices.Contains(t.Vanished, failed) {
				return &Violation{Rule: RuleDelete, Key: key, What: fmt.Sprintf("deleted at the destination in a run that did not copy %q", failed)}
			}
		}
	}
	return nil
}

// checkRecords: what the journal says the run has done is at the destination, with the
// evidence that it names. This holds for interrupted and killed runs, too.
func (p *play) checkRecords(c Command, t *told, when span) *Violation {
	for _, key := range slices.Sorted(maps.Keys(t.records)) {
		record := t.records[key]
		if record.Outcome != journal.OutcomeDone {
			continue
		}
		lost, wrong := p.held(key, when, c.Unmappable == job.UnmappableDrop)
		if wrong != "" {
			return &Violation{Rule: RuleCopied, Key: key, What: fmt.Sprintf("told as copied (%s), but %s", record.Grade, wrong)}
		}
		if lost && len(record.Changes) == 0 {
			return &Violation{Rule: RuleAdapted, Key: key, What: "copied without Content-Language, and the record does not say so"}
		}
		from, to := p.history.Source, p.history.Destination
		switch {
		case record.Grade == journal.GradeBoth && (!to.States() || !from.States()), record.Grade == journal.GradeOne && !to.States():
			return &Violation{Rule: RuleGrade, Key: key, What: fmt.Sprintf("graded %q, and the destination states nothing", record.Grade)}
		}
	}
	return nil
}

// checkNamed: everything that was not copied is in the report by its key.
func (p *play) checkNamed(_ Command, t *told, when span) *Violation {
	if t.killed || t.Run == "" {
		return nil
	}
	var failed int64
	for _, problem := range t.Problems {
		if problem.Outcome == string(journal.OutcomeFailed) || problem.Outcome == string(journal.OutcomeSkipped) {
			failed++
		}
	}
	switch objects := t.Objects; {
	case failed != objects.Failed+objects.Skipped:
		return &Violation{Rule: RuleListed, What: fmt.Sprintf("%d failed and %d were skipped, and %d are listed", objects.Failed, objects.Skipped, failed)}
	case int64(len(t.Vanished)) != objects.Vanished:
		return &Violation{Rule: RuleListed, What: fmt.Sprintf("%d vanished, and %d are listed", objects.Vanished, len(t.Vanished))}
	case t.State == journal.StateDone && failed > 0:
		return &Violation{Rule: RuleListed, What: "the run is done, and objects failed"}
	}
	for _, key := range t.Vanished {
		if p.source.throughout(key, when) && !p.hidden(key) {
			return &Violation{Rule: RuleVanished, Key: key, What: "told as vanished, and the source had it all the time"}
		}
	}
	return nil
}

// checkEqual: after a run that came to its end, every key that the source had all the time
// and that is not in the report is at the destination, be it copied or equal.
func (p *play) checkEqual(c Command, t *told, when span) *Violation {
	if t.killed || t.err != nil || t.Run == "" || t.State == journal.StateInterrupted {
		return nil
	}
	named := t.named()
	for _, key := range p.source.keys() {
		switch {
		case named[key], p.omitted[key], !p.source.throughout(key, when):
			continue
		case c.Verb == Copy && key != c.Key, t.candidates != nil && !t.candidates[key]:
			continue
		}
		// What is equal may have been written under another policy.
		if _, wrong := p.held(key, when, p.policy[job.UnmappableDrop]); wrong != "" && !p.excused(key, t, when) {
			return &Violation{Rule: RuleEqual, Key: key, What: "the run is " + t.State + ", and " + wrong}
		}
	}
	return nil
}

// held says what is wrong with a key at the destination, "" where it holds a version that
// the source had during the span. Lost says that it lacks the header that the destination
// cannot hold, where that is allowed.
func (p *play) held(key string, when span, mayLose bool) (lost bool, wrong string) {
	object, data, err := p.servers[Destination].Get(p.buckets[Destination], key)
	if err != nil {
		if p.cameLate(key, "") {
			return false, ""
		}
		return false, "the destination does not have it"
	}
	versions := p.source.during(key, when)
	for _, version := range versions {
		if version.is(object, data, mayLose) {
			return mayLose && !version.is(object, data, false), ""
		}
	}
	if p.cameLate(key, object.ETag) {
		return false, ""
	}
	return false, fmt.Sprintf("the destination holds %s, the source had %s", p.describe(key, object.Size, data), versions)
}

// describe names what is at the destination.
func (p *play) describe(key string, size int64, data []byte) string {
	for _, version := range p.source.during(key, span{0, forever - 1}) {
		if string(version.bytes()) == string(data) {
			return fmt.Sprintf("%s, with other attributes or of another time", version)
		}
	}
	return fmt.Sprintf("%d bytes that no version has", size)
}

// checkVerified: what a verification counts as equal by checksum is equal, and what only
// one side has, or in another size, is told.
func (p *play) checkVerified(_ Command, t *told, when span) *Violation {
	if when.from != when.to || t.err != nil {
		return nil // it compared a source that changed, or did not end
	}
	equal := int64(0)
	for _, key := range p.allKeys() {
		version, there := p.source.present(key)
		_, data, err := p.servers[Destination].Get(p.buckets[Destination], key)
		if !there && err != nil || t.different[key] {
			continue
		}
		switch {
		case !there:
			return &Violation{Rule: RuleVerify, Key: key, What: "only the destination has it, and that is not told"}
		case err != nil:
			return &Violation{Rule: RuleVerify, Key: key, What: "only the source has it, and that is not told"}
		case len(data) != version.Size:
			return &Violation{Rule: RuleVerify, Key: key, What: "the sizes differ, and that is not told"}
		case string(data) == string(version.bytes()):
			equal++
		}
	}
	if claimed := t.verified.ByChecksum + t.verified.ByJournal; claimed > equal {
		return &Violation{Rule: RuleVerify, What: fmt.Sprintf("%d are told as equal by checksum or by the journal, and %d are equal", claimed, equal)}
	}
	return nil
}

// allKeys returns the keys of both sides.
func (p *play) allKeys() []string {
	keys := append(p.source.keys(), p.servers[Destination].Keys(p.buckets[Destination])...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// checkRetried: a retry that is done leaves nothing undone that the run left so, whatever ran
// in between.
func (p *play) checkRetried(_ Command, t *told, _ span) *Violation {
	if len(t.retried) == 0 || t.State != journal.StateDone || t.killed {
		return nil
	}
	for key := range p.left[t.retried[0]] {
		return &Violation{Rule: RuleRetried, Key: key, What: "run " + t.retried[0] + " left it undone, its retry says done"}
	}
	return nil
}
