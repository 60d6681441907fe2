// Package journal defines the durable record of what was copied, from which
// version, with what evidence, and which uploads are open.
package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// ErrNotFound says that the journal has no such entry.
var ErrNotFound = errors.New("not in the journal")

// Outcome is how a task ended.
type Outcome string

// The outcomes.
const (
	OutcomeDone    Outcome = "done"
	OutcomeFailed  Outcome = "failed"
	OutcomeSkipped Outcome = "skipped" // not attempted, for the reason in Record.Error
	// OutcomeDeleted is the tombstone of an object that was deleted at the source, so
	// that no late event brings it back.
	OutcomeDeleted Outcome = "deleted"
	// OutcomeVanished is an object that was gone from the source when it was to be copied.
	OutcomeVanished Outcome = "vanished"
	// OutcomeInterrupted is an object that a worker was given and whose run ended before
	// it told what came of it.
	OutcomeInterrupted Outcome = "interrupted"
)

// Grade says how strong the evidence is that the destination holds the
// source's bytes.
type Grade string

// The grades, strongest first.
const (
	GradeBoth Grade = "both ends" // the streamed checksum equals what source and destination each state
	GradeOne  Grade = "one end"   // it equals what one of them states
	GradeSize Grade = "size only" // neither states a checksum that can be compared
)

// Record is the last thing known of one key.
type Record struct {
	Key             string // relative to both locations' prefixes
	Run             string
	Outcome         Outcome
	Size            int64
	SourceETag      string
	SourceVersion   string
	SourceModified  time.Time // as listed, to the second; zero where it is not known
	DestinationETag string
	Checksum        driver.Checksum // of the streamed bytes
	Grade           Grade
	Written         string   // relative key at the destination where it is another than Key
	Changes         []string // what was left out or encoded to fit the destination, in words
	Replans         int      // how often the source changed while it was read
	Error           string   // why it failed or was skipped; no secret
	At              time.Time
	// Of a record that is not done, what it keeps of those before; see Keeping. Proved is the
	// last proof.
	Proved Proof
	// Unproved are the source ETags of other copies that failed or were interrupted since.
	Unproved []string
	// Since is the first of the runs in a row that left the key so, where it is another than
	// Run.
	Since string

	// UploadOpen says, of a record to append, that the upload on record for the key is not
	// this object's, or not its only one, and is still open: it stays on record. It is not kept.
	UploadOpen bool

	// The rest is kept by journals that many machines share.

	// Sequencer is that of the newest event that led here, padded; empty where none did.
	Sequencer string
	// Inside, Unmappable and Archived say what [Counts] counts by these names.
	Inside, Unmappable, Archived bool
	// Deletion says, of a failed record, that the object was to be deleted at the destination.
	Deletion bool
	// Absent says, of a deleted record, that there was nothing to delete: the destination is
	// not known ever to have held the object.
	Absent bool
	// Elsewhere says that another run settled the object, and that it counts in this one, which
	// wanted it copied, as one that was there.
	Elsewhere bool
	// Message is the name of the message that led here.
	Message string
	// Counted is what other messages of the run counted before, oldest first; see CountsOf.
	Counted []Counted
	// Revision counts the writes of this key's record. In a record to append it is
	// the revision that was read, 0 for none.
	Revision int64
}

// IsAdapted says whether the object is done, but under another key or with changes.
func (r Record) IsAdapted() bool {
	return r.Outcome == OutcomeDone && (r.Written != "" || len(r.Changes) > 0)
}

// OwesDeletion says that the object was to be deleted and could not be.
func (r Record) OwesDeletion() bool { return r.Outcome == OutcomeFailed && r.Deletion }

// Upload is an upload at the destination, recorded before it is created.
type Upload struct {
	Key           string // relative, at the source
	Written       string // relative key at the destination where it is another than Key
	ID            string // empty while only the intent is recorded
	SourceETag    string
	SourceVersion string
	Size          int64
	PartSize      int64
	Attributes    driver.Attributes // as they are written
	Terms         string            // what else the destination was told, such as an ACL; an upload on other terms is begun anew
	Changes       []string          // see Record
	Intended      time.Time         // by the destination's clock, before Create was called
	Modified      time.Time         // of the source object, as the task had it
	Bound         Binding           // what the answers told of the version that the parts are of
	Before        Held              // what the destination held
	Joined        string            // ETag of the object that the parts were joined into; empty while none is known
	// Listed says that Open holds the IDs of all uploads of the destination's key that were
	// open before Create was called: whatever bears one of them is another's.
	Listed bool
	Open   []string
	// Left are earlier uploads for the key that could not be aborted, or not be found. A
	// record that was never intended is of nothing else.
	Left []Begun
}

// Part is one part that the destination acknowledged.
type Part struct {
	Number   int
	Size     int64
	ETag     string
	Checksum driver.Checksum // of the streamed bytes
	// SourceChecksum is theirs in the algorithm of the source where that is another;
	// zero otherwise.
	SourceChecksum driver.Checksum
}

// Run is one execution of a job.
type Run struct {
	ID          string // sortable by start time
	Source      string // location without credentials
	Destination string
	Started     time.Time
	Finished    time.Time // zero while running or after a kill
	State       string    // one of the states below
	Report      []byte    // the report as JSON; empty until the run ends
}

// The states of a run.
const (
	StateRunning     = "running"
	StateDone        = "done"
	StateFailed      = "failed"
	StateInterrupted = "interrupted"
)

// Journal is the record of one pair of locations. All methods may be called by
// many goroutines at once; writes are durable when they return.
type Journal interface {
	// Append stores records, each replacing the one before it of the same key, in one
	// transaction. A record with OutcomeDone also forgets the key's upload, unless it says
	// UploadOpen. One that is not done keeps the last proof of the key, see Record.Keeping.
	// One with OutcomeInterrupted replaces no record of its own run, which tells what came of
	// the key.
	Append(ctx context.Context, records []Record) error

	// Scan yields all records by ascending key. It sees the journal as of
	// about when each stretch is read and never blocks writers for long. A yielded error
	// ends the scan.
	Scan(ctx context.Context) iter.Seq2[Record, error]

	// Failures yields the records whose outcome is failed, skipped, vanished or interrupted,
	// by ascending key: of what the run left so, whichever run after it did so again.
	Failures(ctx context.Context, run string) iter.Seq2[Record, error]

	// Adapted yields the records of a run that are done under another key or with
	// changes, by ascending key.
	Adapted(ctx context.Context, run string) iter.Seq2[Record, error]

	// IntendUpload records an upload before it is created, replacing an older
	// intent for the key together with its parts.
	IntendUpload(ctx context.Context, upload Upload) error
	// StartUpload adds the ID that the destination gave. It is ErrNotFound when
	// the key has no recorded upload.
	StartUpload(ctx context.Context, key, id string) error
	// AmendUpload replaces what is on record of the key's upload but its ID and its parts. It
	// is ErrNotFound when the key has no recorded upload.
	AmendUpload(ctx context.Context, upload Upload) error
	// RecordPart remembers an acknowledged part of the key's upload, replacing
	// the one before it of the same number. It is ErrNotFound when the key has no recorded upload.
	RecordPart(ctx context.Context, key string, part Part) error
	// Upload returns the key's recorded upload and its parts by ascending
	// number, or ErrNotFound.
	Upload(ctx context.Context, key string) (Upload, []Part, error)
	// Uploads returns all recorded uploads by ascending key.
	Uploads(ctx context.Context) ([]Upload, error)
	// ForgetUpload removes the key's upload and parts; harmless when absent.
	ForgetUpload(ctx context.Context, key string) error

	// BeginRun records a new run as running. Runs that a killed process left
	// as running become interrupted.
	BeginRun(ctx context.Context, run Run) error
	// EndRun records the state, the time and the report of a run. It is
	// ErrNotFound when that run was not begun.
	EndRun(ctx context.Context, run Run) error
	// Runs returns all runs, newest first.
	Runs(ctx context.Context) ([]Run, error)

	// AddExtras remembers keys that only the destination has, for this run.
	AddExtras(ctx context.Context, keys []string) error
	// Extras yields them by ascending key.
	Extras(ctx context.Context) iter.Seq2[string, error]
	// ClearExtras forgets them.
	ClearExtras(ctx context.Context) error
}

// Shared is a journal that many machines share. Its Append stores each record only
// where the key's revision is still the one that the record names; the keys of the
// others are in a *ConflictError, and everything else is stored. A caller whose write
// did not return is told of a conflict where its own write had come through. It writes
// what it is given: the caller, who read the record before, applies Record.Keeping.
//
// It has no order of keys: Scan reads all records before it yields the first, and is not
// for large ones. Failures and Adapted may lag behind the last writes, and Failures yields
// what no later run has taken up.
//
// An upload has one holder at a time, for as long as it shows signs of life:
// IntendUpload and Upload make the caller the holder; those that add to it need it and
// renew it. They are ErrBusy while another process holds the key's upload, or once it
// took it; so is ForgetUpload, which then removes nothing. Uploads leaves out what
// others hold. Who discards an upload takes it with Upload before it aborts anything. A
// record with OutcomeDone forgets the key's upload where this process is its holder,
// unless it says UploadOpen.
//
// BeginRun is for the holder of the finder's lease alone: it makes every run that is
// still running an interrupted one.
type Shared interface {
	Journal

	// Lookup returns the records of the keys as they are now; keys without one are
	// left out.
	Lookup(ctx context.Context, keys []string) (map[string]Record, error)

	// Doubts yields the keys of the records that are failed, skipped, vanished or
	// interrupted, of whichever run, and on request of those that are done under another
	// key or with changes; in no order. It may lag behind the last writes, as Failures.
	Doubts(ctx context.Context, adapted bool) iter.Seq2[string, error]

	// Tally records what came of one message of a run. A tally of the same message
	// replaces the one before it, so that no delivery counts twice.
	Tally(ctx context.Context, tally Tally) error

	// Total adds up all tallies of a run.
	Total(ctx context.Context, run string) (Counts, error)

	// TakeLease makes owner the holder of a name for a time, or extends what it holds.
	// It returns false while another holds it.
	TakeLease(ctx context.Context, name, owner string, ttl time.Duration) (bool, error)
	// Spend counts one use of a name, unless that exceeds the limit: then it returns
	// false. A name is forgotten after a day.
	Spend(ctx context.Context, name string, limit int64) (bool, error)
	// DropLease gives up what owner holds; harmless when it does not.
	DropLease(ctx context.Context, name, owner string) error
}

// ConflictError lists the keys whose records were written by somebody else since
// they were read.
type ConflictError struct{ Keys []string }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the records of %d keys were written by others meanwhile, %q the first", len(e.Keys), e.Keys[0])
}

// ErrBusy says that another worker holds the upload of a key.
var ErrBusy = errors.New("another worker holds the upload of this key")

// Tally is what came of one message.
type Tally struct {
	Run     string
	Message string // its name
	Counts  Counts
}

// Counts counts what came of tasks, each object once.
type Counts struct {
	// Equal counts what was to be copied and had been already, by another run.
	Equal      int64
	Copied     int64
	Bytes      int64 // of the copied objects
	Inside     int64 // of the copied objects, those that the store copied itself
	Failed     int64
	Skipped    int64
	Unmappable int64
	Archived   int64
	Adapted    int64
	Vanished   int64
	Replanned  int64
	Deleted    int64
	GradeBoth  int64
	GradeOne   int64
	GradeSize  int64
}

// Settled returns how many objects have an outcome.
func (c Counts) Settled() int64 {
	return c.Equal + c.Copied + c.Failed + c.Skipped + c.Vanished + c.Deleted
}

// Counts counts the record, as one object.
func (r Record) Counts() Counts {
	one := func(is bool) int64 {
		if is {
			return 1
		}
		return 0
	}
	if r.Elsewhere {
		return Counts{Equal: one(r.Outcome == OutcomeDone), Vanished: one(r.Outcome != OutcomeDone)}
	}
	counts := Counts{
		Copied: one(r.Outcome == OutcomeDone), Failed: one(r.Outcome == OutcomeFailed),
		Skipped: one(r.Outcome == OutcomeSkipped), Vanished: one(r.Outcome == OutcomeVanished),
		Deleted: one(r.Outcome == OutcomeDeleted && !r.Absent), Unmappable: one(r.Unmappable), Archived: one(r.Archived),
		Inside: one(r.Inside), Adapted: one(r.IsAdapted()), Replanned: int64(r.Replans),
	}
	if r.Outcome == OutcomeDone {
		counts.Bytes = r.Size
		counts.GradeBoth = one(r.Grade == GradeBoth)
		counts.GradeOne = one(r.Grade == GradeOne)
		counts.GradeSize = one(r.Grade == GradeSize)
	}
	return counts
}

// Add adds other to c.
func (c *Counts) Add(other Counts) {
	c.Equal += other.Equal
	c.Copied += other.Copied
	c.Bytes += other.Bytes
	c.Inside += other.Inside
	c.Failed += other.Failed
	c.Skipped += other.Skipped
	c.Unmappable += other.Unmappable
	c.Archived += other.Archived
	c.Adapted += other.Adapted
	c.Vanished += other.Vanished
	c.Replanned += other.Replanned
	c.Deleted += other.Deleted
	c.GradeBoth += other.GradeBoth
	c.GradeOne += other.GradeOne
	c.GradeSize += other.GradeSize
}

// Sub takes other off c.
func (c *Counts) Sub(other Counts) {
	c.Equal -= other.Equal
	c.Copied -= other.Copied
	c.Bytes -= other.Bytes
	c.Inside -= other.Inside
	c.Failed -= other.Failed
	c.Skipped -= other.Skipped
	c.Unmappable -= other.Unmappable
	c.Archived -= other.Archived
	c.Adapted -= other.Adapted
	c.Vanished -= other.Vanished
	c.Replanned -= other.Replanned
	c.Deleted -= other.Deleted
	c.GradeBoth -= other.GradeBoth
	c.GradeOne -= other.GradeOne
	c.GradeSize -= other.GradeSize
}
