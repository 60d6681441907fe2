package truth

import (
	"fmt"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/job"
)

// History is what happens to a source, a destination and the commands between them.
type History struct {
	Seed        int64
	Source      Abilities
	Destination Abilities
	Large       bool // large objects are streamed, not held in memory
	Steps       []Step
}

// Side is one of both stores.
type Side string

// The sides.
const (
	Source      Side = "source"
	Destination Side = "destination"
)

// Step is one thing that happens; one of its fields is set.
type Step struct {
	Write   *Write
	Erase   *Erase
	Tick    *Tick
	Command *Command
}

// Write puts a version of an object into a bucket. At the destination it is one that the
// source never has.
type Write struct {
	Side    Side
	Key     string
	Version Version
}

// Erase deletes an object of the source.
type Erase struct{ Key string }

// Tick moves the clock of one store, backwards too.
type Tick struct {
	Side Side
	By   time.Duration
}

// Verb is a command of dth.
type Verb string

// The commands.
const (
	Sync   Verb = "sync"
	Retry  Verb = "retry" // of an earlier run
	Copy   Verb = "copy"  // of one object
	Verify Verb = "verify"
)

// Command is one process of dth, from its start to its end.
type Command struct {
	Verb       Verb
	Key        string // of Copy
	Back       int    // of Retry: how many runs it passes over, from the last one back
	Compare    job.Compare
	Unmappable job.Unmappable
	Delete     bool
	Guard      bool // no deletion is allowed
	Transfers  int
	Read       bool // of Verify
	Events     []Event
}

// Event happens at a request, or at some in a row.
type Event struct {
	Side  Side
	Call  string // as in memdriver.Fault; empty for all
	Key   string // empty for all
	First int    // the first matching request of the command that it meets, from 1
	Times int    // how many it meets; 0 for all from then on

	Kind    Kind
	Number  int      // of bytes or requests, where the kind needs one
	Version *Version // of Rewrite
}

// Kind says what happens at a request.
type Kind string

// The kinds. The first ones are answers instead of what was asked for.
const (
	Fail500      Kind = "answers 500"
	Slow503      Kind = "asks for fewer requests"
	Denied       Kind = "denies it"
	Absent       Kind = "says that the key is absent"
	UploadAbsent Kind = "says that the upload is absent"
	BadRange     Kind = "answers 416"
	Expired      Kind = "says that the signature expired"
	PageMissing  Kind = "is hidden by a proxy that answers 404"
	PageLogin    Kind = "is hidden by a proxy that answers 200 with a login page"

	CutAnswer     Kind = "breaks its answer off"
	LoseAnswer    Kind = "does it, and the answer is lost"
	CutRequest    Kind = "loses the connection before it is asked"
	DamageAnswer  Kind = "answers bytes that are damaged on the way"
	DamageRequest Kind = "gets bytes that are damaged on the way"
	Late          Kind = "fails, and does it later"

	Omit     Kind = "leaves the key out of its listing"
	JoinLess Kind = "joins one part less"

	Rewrite Kind = "has the object written anew just before"
	Remove  Kind = "has the object deleted just before"
	Pass    Kind = "sees its clock go on just before"

	Interrupt Kind = "is asked when dth is interrupted"
	KillFirst Kind = "is asked when dth is killed"
	KillAfter Kind = "does it, and dth is killed before it hears so"
)

// String tells the whole history in words.
func (h History) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\n", h.Seed)
	fmt.Fprintf(&b, "  the source %s\n  the destination %s\n", h.Source, h.Destination)
	if h.Large {
		b.WriteString("  large objects are streamed whole\n")
	}
	for i, step := range h.Steps {
		fmt.Fprintf(&b, "%3d. %s\n", i+1, step)
	}
	fmt.Fprintf(&b, "%3d. nothing fails any more, and dth sync runs again\n", len(h.Steps)+1)
	return b.String()
}

func (s Step) String() string {
	switch {
	case s.Write != nil:
		return fmt.Sprintf("%q is written at the %s: %s", s.Write.Key, s.Write.Side, s.Write.Version)
	case s.Erase != nil:
		return fmt.Sprintf("%q is deleted at the source", s.Erase.Key)
	case s.Tick != nil:
		return fmt.Sprintf("the clock of the %s moves by %s", s.Tick.Side, s.Tick.By)
	}
	return s.Command.String()
}

func (c Command) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dth %s", c.Verb)
	switch c.Verb {
	case Copy:
		fmt.Fprintf(&b, " of %q", c.Key)
	case Verify:
		if c.Read {
			b.WriteString(" --read")
		}
	default:
		fmt.Fprintf(&b, " --compare %s", c.Compare)
	}
	if c.Delete {
		b.WriteString(" --delete")
	}
	if c.Guard {
		b.WriteString(" --max-delete 0")
	}
	fmt.Fprintf(&b, " --unmappable %s --transfers %d", c.Unmappable, c.Transfers)
	for _, event := range c.Events {
		fmt.Fprintf(&b, "\n       %s", event)
	}
	return b.String()
}

func (e Event) String() string {
	what := "any request"
	if e.Call != "" {
		what = e.Call
	}
	if e.Key != "" {
		what += fmt.Sprintf(" of %q", e.Key)
	}
	which := fmt.Sprintf("number %d", e.First)
	switch {
	case e.Times == 0:
		which += " and all that follow"
	case e.Times > 1:
		which += fmt.Sprintf(" to %d", e.First+e.Times-1)
	}
	text := fmt.Sprintf("at %s, %s, the %s %s", what, which, e.Side, e.Kind)
	switch e.Kind {
	case CutAnswer, CutRequest, DamageAnswer, DamageRequest:
		text += fmt.Sprintf(" (byte %d)", e.Number)
	case Late:
		text += fmt.Sprintf(" (after %d more requests)", e.Number)
	case Rewrite:
		text += ": " + e.Version.String()
	}
	return text
}
