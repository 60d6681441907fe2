// Package journal defines the durable record of what was copied, from which
// version, with what evidence, and which uploads are open.
package journal

import (
	"context"
	"errors"
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
	DestinationETag string
	Checksum        driver.Checksum // of the streamed bytes
	Grade           Grade
	Written         string   // relative key at the destination where it is another than Key
	Changes         []string // what was left out or encoded to fit the destination, in words
	Replans         int      // how often the source changed while it was read
	Error           string   // why it failed or was skipped; no secret
	At              time.Time
}

// IsAdapted says whether the object is done, but under another key or with changes.
func (r Record) IsAdapted() bool {
	return r.Outcome == OutcomeDone && (r.Written != "" || len(r.Changes) > 0)
}

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
	Changes       []string          // see Record
	Intended      time.Time         // by the destination's clock, before Create was called
}

// DestinationKey returns the relative key that the upload is for at the destination.
func (u Upload) DestinationKey() string {
	if u.Written != "" {
		return u.Written
	}
	return u.Key
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
	// transaction. A record with OutcomeDone also forgets the key's upload.
	Append(ctx context.Context, records []Record) error

	// Scan yields all records by ascending key. It sees the journal as of
	// about when each stretch is read and never blocks writers for long. A yielded error
	// ends the scan.
	Scan(ctx context.Context) iter.Seq2[Record, error]

	// Failures yields the records of a run whose outcome is failed or skipped,
	// by ascending key.
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
