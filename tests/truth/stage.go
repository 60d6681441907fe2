package truth

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// stage is where both stores meet one history: every request of either passes it, and the
// events of the present command happen there.
type stage struct {
	history *History
	source  *sourceModel
	pass    func(Side) // lets the clock of a store go on
	freeze  func()     // keeps the state file as it is now
	servers map[Side]*memdriver.Server
	buckets map[Side]string

	mu        sync.Mutex
	changed   *sync.Cond // of life
	life      vitality
	cancel    func() // interrupts the command
	events    []*waiting
	arrived   int // requests so far
	commands  int // so far
	late      []lateEffect
	landed    map[string]map[string]bool // ETags that late effects gave a key of the destination
	lateMade  map[string]bool            // IDs of uploads that late effects began
	deletions []string                   // keys of the destination, of the present command
	wrongs    []string                   // what no command may do
	omitted   map[string]bool            // keys that a listing of the source left out
	lied      map[string]bool            // keys that the source was made to call absent
	lostIDs   bool                       // the answer to a creation of an upload did not arrive
}

type vitality int

const (
	alive vitality = iota
	dying
	dead
)

// waiting is an event and how many requests it matched.
type waiting struct {
	Event
	seen int
}

// lateEffect is what a store does later.
type lateEffect struct {
	due int // number of the request before which it happens
	do  func()
}

// begin makes the stage ready for a command.
func (s *stage) begin(events []Event, cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands++
	s.life, s.cancel, s.events = alive, cancel, nil
	s.deletions, s.omitted, s.lied = nil, map[string]bool{}, map[string]bool{}
	if s.history.Destination.ListsETags { // what it lists of earlier effects is seen
		s.landed = map[string]map[string]bool{}
	}
	for _, event := range events {
		s.events = append(s.events, &waiting{Event: event})
	}
}

// heal ends the events of the command.
func (s *stage) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = nil
}

// matches counts a request and says whether the event meets it.
func (w *waiting) matches(side Side, call, key string) bool {
	if w.Side != side || w.Call != "" && w.Call != call || w.Key != "" && w.Key != key {
		return false
	}
	w.seen++
	return w.seen >= w.First && (w.Times == 0 || w.seen < w.First+w.Times)
}

// omits says whether a listing leaves the key out.
func (s *stage) omits(side Side, key string) bool { return s.inside(side, Omit, "List", key) }

// joinsLess says whether a store leaves out the last part of an object.
func (s *stage) joinsLess(side Side, key string) bool {
	return s.inside(side, JoinLess, "CompleteUpload", key)
}

// inside says whether an event of a kind that the store's own answers show meets a key.
func (s *stage) inside(side Side, kind Kind, call, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.events {
		if w.Kind == kind && w.matches(side, call, key) {
			if kind == Omit && side == Source {
				s.omitted[key] = true
			}
			return true
		}
	}
	return false
}

// effect returns what every request to the server of a side passes.
func (s *stage) effect(side Side) memdriver.Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			request := memdriver.RequestOf(r)
			if request.Bucket != s.buckets[side] {
				panic(http.ErrAbortHandler) // of a history before
			}
			struck, due := s.arrive(side, request)
			for _, do := range due {
				do()
			}
			handler := s.watched(side, request, next)
			for i := len(struck) - 1; i >= 0; i-- {
				handler = s.happening(struck[i], side, request)(handler)
			}
			handler.ServeHTTP(w, r)
		})
	}
}

// arrive counts a request, and returns the events that it meets and what is due before it.
// To a dead process nothing is answered.
func (s *stage) arrive(side Side, request memdriver.Request) (struck []Event, due []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.life == dying {
		s.changed.Wait()
	}
	if s.life == dead {
		panic(http.ErrAbortHandler)
	}
	s.arrived++
	for _, w := range s.events {
		if w.Kind != Omit && w.Kind != JoinLess && w.matches(side, request.Call, request.Key) {
			struck = append(struck, w.Event)
		}
	}
	// What comes later comes as it was asked for; nothing else happens to it then.
	if at := slices.IndexFunc(struck, func(e Event) bool { return e.Kind == Late }); at >= 0 {
		struck = struck[at : at+1]
	}
	return struck, s.due(s.arrived)
}

// due takes out the late effects that happen before a request. The lock is held.
func (s *stage) due(number int) (due []func()) {
	var rest []lateEffect
	for _, l := range s.late {
		if l.due <= number {
			due = append(due, l.do)
		} else {
			rest = append(rest, l)
		}
	}
	s.late = rest
	return due
}

// settle lets everything happen that is still to come late.
func (s *stage) settle() {
	s.mu.Lock()
	due := s.due(forever)
	s.mu.Unlock()
	for _, do := range due {
		do()
	}
}

// watched executes a request, and notes what no command may do.
func (s *stage) watched(side Side, request memdriver.Request, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch request.Call {
		case "Put", "Part", "Delete", "CreateUpload", "CompleteUpload", "AbortUpload", "CopyObject", "CopyPart":
			s.note(side, request)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *stage) note(side Side, request memdriver.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case side == Source:
		s.wrongs = append(s.wrongs, fmt.Sprintf("%s of %q at the source", request.Call, request.Key))
	case request.Call == "Delete":
		s.deletions = append(s.deletions, request.Key)
	}
}

// kill ends the process: what it asks from now on is not answered, and its state is that of
// this moment.
func (s *stage) kill() {
	s.mu.Lock()
	if s.life != alive {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.life = dying
	s.mu.Unlock()
	s.freeze()
	s.mu.Lock()
	s.life, s.lostIDs = dead, true // an upload may have been begun at this moment
	s.changed.Broadcast()
	cancel := s.cancel
	s.mu.Unlock()
	cancel()
	panic(http.ErrAbortHandler)
}
