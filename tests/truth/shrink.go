package truth

import "slices"

// Shrink returns the shortest history that it finds which still fails: it leaves out steps,
// then events, then what is special about the stores, as long as fails says so.
func Shrink(h History, fails func(History) bool) History {
	for again := true; again; {
		again = false
		for i := len(h.Steps) - 1; i >= 0; i-- {
			again = try(&h, fails, func(h *History) { h.Steps = slices.Delete(h.Steps, i, i+1) }) || again
		}
		for i := range h.Steps {
			if h.Steps[i].Command == nil {
				continue
			}
			for n := len(h.Steps[i].Command.Events) - 1; n >= 0; n-- {
				again = try(&h, fails, func(h *History) {
					c := h.Steps[i].Command
					c.Events = slices.Delete(c.Events, n, n+1)
				}) || again
			}
		}
		for _, simpler := range simplifications {
			again = try(&h, fails, simpler) || again
		}
	}
	return h
}

// try keeps a change that makes the history another one which fails too.
func try(h *History, fails func(History) bool, change func(*History)) bool {
	changed := h.clone()
	change(&changed)
	if changed.String() == h.String() || !fails(changed) {
		return false
	}
	*h = changed
	return true
}

// clone returns a history whose steps and commands can be changed.
func (h History) clone() History {
	h.Steps = slices.Clone(h.Steps)
	for i, step := range h.Steps {
		if step.Command != nil {
			c := *step.Command
			c.Events = slices.Clone(c.Events)
			h.Steps[i].Command = &c
		}
		if step.Write != nil {
			w := *step.Write
			h.Steps[i].Write = &w
		}
	}
	return h
}

// simplifications make a history easier to read.
var simplifications = []func(*History){
	func(h *History) { eachStore(h, func(a *Abilities) { a.Framing, a.Replies = "raw", "header" }) },
	func(h *History) { eachStore(h, func(a *Abilities) { a.Ahead = 0 }) },
	func(h *History) { h.Source.Ahead = 0 },
	func(h *History) { h.Destination.Ahead = 0 },
	func(h *History) { eachStore(h, func(a *Abilities) { a.Ordered = true }) },
	func(h *History) { eachStore(h, func(a *Abilities) { a.Conditional = true }) },
	func(h *History) { eachStore(h, func(a *Abilities) { a.UploadLister = true }) },
	func(h *History) { eachStore(h, func(a *Abilities) { a.ListsETags = true }) },
	func(h *History) { h.Destination.Loses = false },
	func(h *History) { h.Source.Checksums = true },
	func(h *History) { h.Destination.Checksums = true },
	func(h *History) { h.Source.ETagMD5 = true },
	func(h *History) { h.Destination.ETagMD5 = true },
	func(h *History) { eachCommand(h, func(c *Command) { c.Transfers = 1 }) },
	func(h *History) { eachCommand(h, func(c *Command) { c.Delete, c.Guard = false, false }) },
	func(h *History) { eachCommand(h, func(c *Command) { c.Compare = "auto" }) },
	func(h *History) { eachCommand(h, func(c *Command) { c.Unmappable = "fail" }) },
	func(h *History) {
		for i := range h.Steps {
			if w := h.Steps[i].Write; w != nil {
				w.Version.Language, w.Version.Metadata = false, false
			}
		}
	},
}

func eachStore(h *History, change func(*Abilities)) {
	change(&h.Source)
	change(&h.Destination)
}

func eachCommand(h *History, change func(*Command)) {
	for i := range h.Steps {
		if c := h.Steps[i].Command; c != nil {
			change(c)
		}
	}
}
