package serve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Fault says what goes wrong, and with which requests. Of several faults that
// match a request, the first one happens.
type Fault struct {
	Op  string `json:"op"`  // the vendor's name of the operation; "*" for all
	Key string `json:"key"` // a part of the object's key; empty for any

	Skip  int     `json:"skip"`  // how many matching requests pass first
	Times int     `json:"times"` // how many fail after that; 0 means 1, -1 for ever
	Share float64 `json:"share"` // instead of Times: this share of them fails, above 0 up to 1
	Seed  uint64  `json:"seed"`  // which ones, when Share is set: equal seeds choose equally

	Do         string `json:"do"`         // one of the constants below, or one of the vendor's own names
	Status     int    `json:"status"`     // with [DoError]
	Code       string `json:"code"`       // with [DoError]
	Message    string `json:"message"`    // with [DoError]
	RetryAfter int    `json:"retryAfter"` // with [DoError]: the header's seconds; 0: none
	Bytes      int64  `json:"bytes"`      // with [DoTruncate]: how much of the body is sent
	Millis     int    `json:"millis"`     // with [DoDelay]
}

// What any emulator can do to a request.
const (
	DoError      = "error"       // answer with Status, Code and Message in the vendor's form
	DoReset      = "reset"       // close the connection before anything was done
	DoLostAnswer = "lost-answer" // do what was asked, then close the connection without an answer
	DoTruncate   = "truncate"    // end the connection after Bytes of the answer's body
	DoDelay      = "delay"       // answer Millis later
)

// Check says what is wrong with a fault.
func (f Fault) Check() error {
	switch {
	case f.Op == "":
		return errors.New(`a fault needs an "op": an operation's name, or "*"`)
	case f.Do == "":
		return errors.New(`a fault needs a "do"`)
	case f.Do == DoError && (f.Status < 300 || f.Status > 599 || f.Code == ""):
		return errors.New(`a fault that does "error" needs a "status" from 300 to 599 and a "code"`)
	case f.Share < 0 || f.Share > 1 || f.Times < -1 || f.Skip < 0 || f.Bytes < 0 || f.Millis < 0:
		return fmt.Errorf("a number of the fault is out of range: %+v", f)
	}
	return nil
}

// rule is a fault with its state.
type rule struct {
	Fault
	seen  int
	dice  *rand.Rand
	hits  int
	never bool // its times are used up
}

// AddFaults adds faults after those that are set already.
func (d *Desk) AddFaults(faults ...Fault) error {
	for _, f := range faults {
		if err := f.Check(); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range faults {
		d.rules = append(d.rules, &rule{Fault: f, dice: rand.New(rand.NewPCG(f.Seed, 0))})
	}
	return nil
}

// ClearFaults drops all faults.
func (d *Desk) ClearFaults() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = nil
}

func (d *Desk) match(op, key string) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rules {
		if r.happens(op, key) {
			fault := r.Fault
			return &fault
		}
	}
	return nil
}

func (r *rule) happens(op, key string) bool {
	if r.never || r.Op != "*" && r.Op != op || !strings.Contains(key, r.Key) {
		return false
	}
	if r.seen++; r.seen <= r.Skip {
		return false
	}
	if r.Share > 0 {
		return r.dice.Float64() < r.Share
	}
	r.hits++
	r.never = r.Times >= 0 && r.hits >= max(1, r.Times)
	return true
}
