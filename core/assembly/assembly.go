// Package assembly moves one giant object by many workers: its parts travel
// through the queue, and whoever finishes the last one joins them. What a crash
// interrupts is completed or given up by whoever a watch asks to.
package assembly

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
)

// State is how far a giant object has come.
type State string

// The states. Only Done and Aborted are final. The state machine reads them.
const (
	Open       State = "OPEN"       // parts are under way
	Ready      State = "READY"      // all parts are there
	Completing State = "COMPLETING" // somebody joins them, while his lease lasts
	Failed     State = "FAILED"     // a part cannot be copied: to be given up
	Done       State = "DONE"
	Aborted    State = "ABORTED"
)

// ErrNotFound says that there is no such giant object, or not any more.
var ErrNotFound = errors.New("no such giant object on record")

// Upload is the record of one giant object.
type Upload struct {
	ID       string // ours: 32 hexadecimal digits, see [NewID]
	Run      string
	Message  string         // name of the message that brought the task
	Task     task.Task      // the version that is copied
	Revision int64          // of the key's journal record when the copy began
	Record   journal.Upload // what the copier needs to go on; ID is the store's
	State    State
	Reason   string // why it is Failed or Aborted; no secret
	Total    int    // parts
	Arrived  int    // parts that are there
	// Generation is that of the execution of the watch that is to be started next, from
	// 1. The first one is started when all parts were sent.
	Generation int
	Owner      string    // who holds the lease: who creates it, joins or aborts it
	Lease      time.Time // when that ends
}

// Progress is what is known after a part was recorded.
type Progress struct {
	State   State
	Total   int
	Arrived int
}

// Store keeps the records of giant objects. Its methods may be called by many
// workers at once, and what they return was durable.
type Store interface {
	// Create records an upload before it is begun at the destination (Record.ID is
	// empty), with the owner's lease. It returns the upload on record and whether it is
	// the caller's: a new one, or an old one that is not final and whose lease has ended
	// or is the owner's.
	Create(ctx context.Context, upload Upload, owner string, lease time.Duration) (Upload, bool, error)
	// Begin adds the store's upload ID, or what became of the upload later. ErrNotFound where owner does not hold the record.
	Begin(ctx context.Context, id, owner string, record journal.Upload) error
	// Get returns a record, or ErrNotFound.
	Get(ctx context.Context, id string) (Upload, error)

	// RecordPart remembers a part and counts it, once however often it is recorded;
	// the one that makes all arrive turns Open into Ready. A part of an upload
	// that is not Open changes nothing.
	RecordPart(ctx context.Context, id string, part journal.Part) (Progress, error)
	// DropParts forgets parts that the destination does not hold any more and turns
	// Ready and Completing back into Open. Parts that are not on record are not counted.
	DropParts(ctx context.Context, id string, numbers []int) error
	// Parts returns the parts on record, by ascending number.
	Parts(ctx context.Context, id string) ([]journal.Part, error)

	// Claim turns the state from into to for one owner with a lease, where the record
	// is in the state from, or in the state to with a lease that has ended or is the
	// owner's. It returns the record and whether the owner has it.
	Claim(ctx context.Context, id string, from, to State, owner string, lease time.Duration) (Upload, bool, error)
	// Extend makes the lease that owner holds last longer; false when it is lost. A request
	// that arrives late does not shorten it; a negative time ends it.
	Extend(ctx context.Context, id, owner string, lease time.Duration) (bool, error)
	// Fail turns Open or Ready into Failed; no other state changes.
	Fail(ctx context.Context, id, reason string) error
	// Finish sets the final state, whoever asks.
	Finish(ctx context.Context, id string, state State, reason string) error
	// Roll records the next generation, where the present one is generation-1; false
	// when it is recorded already.
	Roll(ctx context.Context, id string, generation int) (bool, error)

	// Unfinished returns the uploads that are not final, in no order.
	Unfinished(ctx context.Context) ([]Upload, error)
}

// Watch looks at a giant object again and again until it is final, and asks the
// workers by orders to complete or abort it.
type Watch interface {
	// Start begins watching. Starting the same generation twice is harmless.
	Start(ctx context.Context, id string, generation, rollAt int) error
	// Succeed answers the order that carried the token.
	Succeed(ctx context.Context, token string) error
	// Refuse answers it with a failure; a transient one is asked for again.
	Refuse(ctx context.Context, token string, transient bool, reason string) error
	// Beat says that the order is still being worked on. An error that says the token
	// is not valid any more is ErrNotFound.
	Beat(ctx context.Context, token string) error
}
