package assembly

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
)

// Sender is what an Assembler needs of a queue.Shared.
type Sender interface {
	Send(ctx context.Context, batch task.Batch) error
	SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error
	Depth(ctx context.Context) (queue.Depth, error)
}

// Settler makes the outcome of a giant object durable. It writes the record only where
// the key's revision is still upload.Revision, and repairs what it finds otherwise.
//
// Settle is called before the giant's own record becomes final, and again after a crash
// in between: it must take the same outcome twice. An error leaves the giant as it is,
// so that the outcome is found and settled once more.
type Settler interface {
	Settle(ctx context.Context, upload Upload, record journal.Record) error
}

// Config is what an Assembler works with. Zero durations and sizes are the defaults.
type Config struct {
	Copier  *transfer.Copier
	Store   Store
	Watch   Watch
	Queue   Sender
	Settler Settler
	Logger  hclog.Logger
	Owner   string // names this process in leases, for people

	PartSize int64         // wished bytes of a part
	Creating time.Duration // lease of who begins an upload; extended while he works
	Joining  time.Duration // lease of who completes one; extended while he works
	Beat     time.Duration // between two signs of life
	Backoff  time.Duration // before a part that failed is tried again; doubled each time
	Remember time.Duration // how long a process trusts the record that it read
	Idle     time.Duration // age at which Sweep looks at a giant object
	GiveUp   time.Duration // age at which a giant object is given up
	RollAt   int           // polls of one execution of the watch
}

const (
	// maxAttempts bounds how often a part is tried by the queue, and how often an
	// object is begun anew.
	maxAttempts = 5
	// sendsAtOnce is how many parts are on their way to the queue, which packs them.
	sendsAtOnce = 32
	// longestBackoff is what SQS can delay a message by.
	longestBackoff = 15 * time.Minute
)

// RollAt is the number of polls after which an execution hands over to the next. A
// Standard execution of Step Functions ends at 25,000 events
// (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html), and one
// round of infra/cloudformation/giant.asl.json takes 9, or at most 16 when it asks.
const RollAt = 1500

func (c Config) withDefaults() Config {
	c.Creating = cmp.Or(c.Creating, 2*time.Minute)
	c.Joining = cmp.Or(c.Joining, 15*time.Minute)
	c.Beat = cmp.Or(c.Beat, time.Minute)
	c.Backoff = cmp.Or(c.Backoff, 30*time.Second)
	c.Remember = cmp.Or(c.Remember, 15*time.Second)
	c.Idle = cmp.Or(c.Idle, time.Hour)
	c.GiveUp = cmp.Or(c.GiveUp, 14*24*time.Hour)
	c.RollAt = cmp.Or(c.RollAt, RollAt)
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

// Assembler is one process's share of the work on giant objects. All methods may be
// called by many goroutines at once, and by many processes for the same object: what
// comes twice, late or out of order is harmless. A nil error means that the message
// may be acknowledged; with any other error it is to be delivered again.
type Assembler struct {
	config  Config
	copier  *transfer.Copier
	store   Store
	watch   Watch
	queue   Sender
	settler Settler
	log     hclog.Logger

	mu     sync.Mutex
	known  map[string]*giant // by ID
	losses map[string]int    // how often parts of it were found missing
}

// giant is what a process remembers of a giant object that it copies parts of.
type giant struct {
	upload Upload
	copy   *transfer.Giant
	until  time.Time
}

// New returns an assembler.
func New(config Config) *Assembler {
	config = config.withDefaults()
	return &Assembler{
		config: config, copier: config.Copier, store: config.Store, watch: config.Watch,
		queue: config.Queue, settler: config.Settler, log: config.Logger,
		known: map[string]*giant{}, losses: map[string]int{},
	}
}

// NewID returns the ID of the giant object that one task of a run makes: 32 hexadecimal
// digits, the same wherever and however often it is asked for.
func NewID(key, etag, version, run string, attempt int) string {
	hash := sha256.New()
	for _, field := range []string{key, etag, version, run} {
		_ = binary.Write(hash, binary.BigEndian, int64(len(field))) // never fails, as all of these
		_, _ = hash.Write([]byte(field))
	}
	_ = binary.Write(hash, binary.BigEndian, int64(attempt))
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// newOwner names one piece of work: two deliveries of a message to the same process
// must not both hold a lease.
func (a *Assembler) newOwner() string {
	return a.config.Owner + "/" + rand.Text()
}

// open returns a giant object whose parts are under way, from memory where that was read
// a moment ago. What is in another state is read anew each time.
func (a *Assembler) open(ctx context.Context, id string) (*giant, error) {
	a.mu.Lock()
	known := a.known[id]
	a.mu.Unlock()
	if known != nil && time.Now().Before(known.until) {
		return known, nil
	}
	upload, err := a.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	fresh := &giant{upload: upload, until: time.Now().Add(a.config.Remember)}
	if known != nil && known.upload.Record.ID == upload.Record.ID {
		fresh.copy = known.copy // with its signature
	} else {
		fresh.copy = a.copier.Giant(upload.Task, upload.Record)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if upload.State != Open {
		delete(a.known, id)
		return fresh, nil
	}
	for id, other := range a.known { // those of other objects, long done
		if time.Since(other.until) > time.Hour {
			delete(a.known, id)
		}
	}
	a.known[id] = fresh
	return fresh, nil
}

// forget drops what is remembered of a giant object.
func (a *Assembler) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, id)
}

func isFinal(state State) bool { return state == Done || state == Aborted }

// age returns how long ago the upload was intended, by the destination's clock.
func (a *Assembler) age(upload Upload) time.Duration {
	return a.copier.Destination.Now().Sub(upload.Record.Intended)
}

// named wraps an error with what it happened to.
func named(upload Upload, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("giant object %q (%s): %w", upload.Task.Key, upload.ID, err)
}
