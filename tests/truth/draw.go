package truth

import (
	"math/rand/v2"
	"time"

	"github.com/dth-dev/dth/core/job"
)

// Draw returns the history of a seed.
func Draw(seed int64) History {
	d := &drawer{Rand: rand.New(rand.NewPCG(uint64(seed), 0)), keys: []string{"a", "b", "c/d", "c/e", "f"}}
	d.history = History{Seed: seed, Source: d.abilities(), Destination: d.abilities(), Large: d.chance(2)}
	d.history.Destination.Loses = d.chance(30)
	d.keys = d.keys[:2+d.IntN(len(d.keys)-1)]
	if seed%uploadsEvery == 0 {
		d.uploads()
	}
	d.large = []int{299, 300, 301, 450, 700}
	if d.history.Large {
		d.large = []int{streamed + 1, streamed + 100}
	}
	d.sizes = map[string]int{}
	for _, key := range d.keys {
		if d.chance(80) {
			d.write(key)
		}
	}
	for range 1 + d.IntN(4) {
		d.command()
		d.changes()
	}
	return d.history
}

// uploadsEvery says which histories are of objects in parts alone: what goes wrong with
// those takes many things at once.
const uploadsEvery = 5

// uploads makes the history one of objects in parts, most of them at a destination that
// states little.
func (d *drawer) uploads() {
	d.inParts, d.keys = true, d.keys[:1+d.IntN(2)]
	d.history.Large, d.history.Destination.Uploader = false, true
	d.history.Destination.Checksums = d.chance(30)
}

// drawer draws one history.
type drawer struct {
	*rand.Rand
	history History
	keys    []string
	large   []int
	sizes   map[string]int // of each key's newest version
	number  int            // of the newest version
	extras  int
	inParts bool // all objects are large, and most keep their size
}

// chance is true so many times out of a hundred.
func (d *drawer) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *drawer, from ...T) T { return from[d.IntN(len(from))] }

func (d *drawer) abilities() Abilities {
	a := Abilities{
		Checksums: d.chance(50), ETagMD5: d.chance(40), ListsETags: d.chance(85), Conditional: d.chance(70),
		Ordered: d.chance(80), Uploader: d.chance(90), UploadLister: d.chance(75),
		Framing: pick(d, "raw", "raw", "form", "trailer"), Replies: pick(d, "header", "json", "xml"),
	}
	if d.chance(50) {
		a.Ahead = pick(d, -time.Minute, -time.Second, time.Second, time.Minute)
	}
	return a
}

// version draws the next version of a key, often as long as the one before it.
func (d *drawer) version(key string) Version {
	d.number++
	size, known := d.sizes[key]
	if !known || d.chance(35) && (!d.inParts || d.chance(30)) {
		size = pick(d, 10, 10, 50, 50, 0)
		if d.inParts || d.chance(50) {
			size = pick(d, d.large...)
		}
	}
	d.sizes[key] = size
	return Version{Number: d.number, Size: size, Language: d.chance(25), Metadata: d.chance(40)}
}

func (d *drawer) add(step Step) { d.history.Steps = append(d.history.Steps, step) }

func (d *drawer) write(key string) {
	d.add(Step{Write: &Write{Side: Source, Key: key, Version: d.version(key)}})
}

// changes draws what happens between two commands.
func (d *drawer) changes() {
	for range d.IntN(3) {
		switch n := d.IntN(100); {
		case n < 55:
			d.write(pick(d, d.keys...))
		case n < 65:
			d.add(Step{Erase: &Erase{Key: pick(d, d.keys...)}})
		case n < 90:
			by := pick(d, time.Second, time.Second, 10*time.Second, -5*time.Second)
			d.add(Step{Tick: &Tick{Side: pick(d, Source, Destination), By: by}})
		default:
			d.extras++
			d.number++
			version := Version{Number: d.number, Size: 10}
			d.add(Step{Write: &Write{Side: Destination, Key: pick(d, "c/x", "x", "y"), Version: version}})
		}
	}
}

func (d *drawer) command() {
	c := Command{
		Verb: Sync, Compare: job.CompareAuto, Unmappable: job.UnmappableFail,
		Delete: d.chance(25), Transfers: 1 + d.IntN(8),
	}
	if d.chance(25) {
		c.Compare = pick(d, job.CompareETag, job.CompareChecksum)
	}
	if d.chance(40) {
		c.Unmappable = job.UnmappableDrop
	}
	switch n := d.IntN(100); {
	case n < 12:
		c.Verb, c.Back = Retry, n%3
	case n < 20:
		c.Verb, c.Key = Copy, pick(d, d.keys...)
	case n < 27:
		c.Verb, c.Read = Verify, d.chance(50)
	}
	if c.Verb != Sync {
		c.Delete = false
	}
	c.Guard = c.Delete && d.chance(25)
	for range pick(d, 0, 1, 1, 2, 2, 3) {
		if event, ok := d.event(c); ok {
			c.Events = append(c.Events, event)
		}
	}
	d.add(Step{Command: &c})
}

// Calls that each side gets, those in which most can go wrong the more often.
var calls = map[Side][]string{
	Source:      {"Get", "Get", "Get", "Get", "Stat", "List"},
	Destination: {"Put", "Put", "Put", "Part", "Part", "CompleteUpload", "CompleteUpload", "CreateUpload", "Stat", "List", "ListParts", "AbortUpload", "ListUploads", "Delete"},
}

// event draws what happens while a command runs.
func (d *drawer) event(c Command) (Event, bool) {
	e := Event{Side: pick(d, Source, Destination, Destination), First: pick(d, 1, 1, 1, 2, 2, 3, 5), Times: pick(d, 1, 1, 1, 2, 0)}
	if d.chance(85) {
		e.Call = pick(d, calls[e.Side]...)
	}
	if d.inParts && e.Side == Destination && d.chance(40) {
		e.Call, e.First = "CompleteUpload", 1
	}
	if e.Call != "List" && e.Call != "ListUploads" && e.Call != "" && d.chance(60) {
		e.Key = pick(d, d.keys...)
	}
	e.Kind = d.kind(e)
	switch e.Kind {
	case CutAnswer, CutRequest:
		e.Number = d.IntN(60)
	case DamageAnswer, DamageRequest:
		e.Number = d.IntN(12)
		return e, d.damages(e)
	case Late:
		e.Number, e.Times = pick(d, 1, 3, 10, 30, 100), 1
		return e, e.Side == Destination && e.Call != ""
	case Omit:
		e.Key, e.Call = pick(d, d.keys...), "List"
	case JoinLess:
		e.Side, e.Call = Destination, "CompleteUpload"
	case Rewrite, Remove, Pass:
		e.Times = 1
		if e.Key == "" && e.Kind != Pass {
			e.Key, e.Call = pick(d, d.keys...), pick(d, "", "List")
			if e.Side == Source || d.chance(50) {
				e.Side, e.Call = Source, "Get"
			}
		}
		if e.Kind == Rewrite {
			version := d.version(e.Key)
			e.Version = &version
		}
	case Interrupt, KillFirst, KillAfter:
		e.Times = 1
		if d.chance(50) { // at any moment
			e.Call, e.Key, e.First = "", "", 1+d.IntN(30)
		}
	}
	return e, c.Verb != Verify || e.Kind != Omit
}

func (d *drawer) kind(e Event) Kind {
	switch n := d.IntN(100); {
	case n < 35:
		return pick(d, Fail500, Fail500, Slow503, Denied, Absent, UploadAbsent, BadRange, Expired, PageMissing, PageLogin)
	case n < 50:
		return pick(d, CutAnswer, LoseAnswer, LoseAnswer, CutRequest)
	case n < 62:
		if e.Side == Source {
			return DamageAnswer
		}
		return DamageRequest
	case n < 68:
		return Late
	case n < 70:
		return Omit
	case n < 73:
		return JoinLess
	case n < 83:
		return pick(d, Rewrite, Rewrite, Rewrite, Remove, Pass)
	case n < 90:
		return Interrupt
	}
	return pick(d, KillFirst, KillAfter)
}

// damages says whether an event may damage bytes: those of exchanges, and those that are
// sent only to a store that states something of them.
func (d *drawer) damages(e Event) bool {
	if e.Side == Source {
		return e.Call == "Get"
	}
	return (e.Call == "Put" || e.Call == "Part") && d.history.Destination.States()
}
