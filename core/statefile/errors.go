package statefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What can be wrong with a state directory; the reasons in an [Error].
var (
	ErrNotWritable = errors.New("not writable")
	ErrFull        = errors.New("disk full")
	ErrDisk        = errors.New("disk error")
	ErrDamaged     = errors.New("damaged")
	ErrNewer       = errors.New("written by a newer version")
	ErrOlder       = errors.New("written by an older version")
	ErrForeign     = errors.New("not a state file of dth")
	ErrNoState     = errors.New("no state yet")
	ErrClosed      = errors.New("state file is closed")
	ErrReadOnly    = errors.New("state file is open for reading only")
)

// Error says what is wrong with a state directory and what to do about it.
// errors.Is finds its reason, one of the Err values of this package, and its cause.
type Error struct {
	Path   string // of the directory, or of what is wrong in it
	Reason error
	Err    error  // the cause; may be nil
	detail string // replaces the usual text for the reason
}

// Error returns what is wrong, where, and what to do.
func (e *Error) Error() string {
	if e.detail != "" {
		return e.detail
	}
	cause := ""
	if e.Err != nil {
		cause = " (" + e.Err.Error() + ")"
	}
	return fmt.Sprintf(e.sentence(), e.Path, cause)
}

// sentence returns the text for the reason; its verbs are path and cause.
func (e *Error) sentence() string {
	switch {
	case errors.Is(e.Reason, ErrNotWritable):
		return "state directory %s cannot be written%s: give this user the right to write there, or choose another directory with --state DIR"
	case errors.Is(e.Reason, ErrFull):
		return "the disk that holds the state %s is full%s: free some space and run the same command again; nothing that was recorded is lost"
	case errors.Is(e.Reason, ErrDisk):
		return "the disk that holds the state %s failed%s: check the disk, its quota and the limit on file sizes (ulimit -f), then run the same command again"
	case errors.Is(e.Reason, ErrDamaged):
		return "state.db is damaged: %s%s: move it away and run the same command again; a new run compares both sides again and loses nothing"
	case errors.Is(e.Reason, ErrForeign):
		return "%s is not a state file of dth%s: choose another directory with --state DIR"
	case errors.Is(e.Reason, ErrNoState):
		return "no state in %s%s: no run has used this directory yet; check --state DIR or the pair of locations"
	}
	return "state %s%s: " + e.Reason.Error()
}

// Unwrap returns reason and cause.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Err} }

// Holder is the process that uses a state directory. The zero value is one that
// did not say who it is.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that another process uses the state directory.
type LockedError struct {
	Path   string // of the directory
	Holder Holder
}

// Error names the holder and what to do.
func (e *LockedError) Error() string {
	holder := "another process"
	if e.Holder.PID != 0 {
		holder = fmt.Sprintf("%q (process %d on %s, since %s)",
			e.Holder.Command, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format(time.RFC3339))
	}
	return fmt.Sprintf("state directory %s is in use by %s: wait for it or stop it, or choose another directory with --state DIR", e.Path, holder)
}

// Damaged returns the error for a stored value that cannot be read, for the
// packages that keep their values in this file.
func (f *File) Damaged(cause error) error {
	return &Error{Path: f.path, Reason: ErrDamaged, Err: cause}
}

// explain turns what SQLite or the system says into an *Error. Errors of other origin
// pass unchanged.
func (f *File) explain(ctx context.Context, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if reason := reasonOf(err); reason != nil {
		path := f.dir
		if errors.Is(reason, ErrDamaged) {
			path = f.path
		}
		return &Error{Path: path, Reason: reason, Err: err}
	}
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		if failure.Code()&0xff == lib.SQLITE_INTERRUPT && ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("state file %s: %w", f.path, err)
	}
	return err
}

// reasonOf maps SQLite's result codes (https://www.sqlite.org/rescode.html) and
// the system's error numbers; nil for what has no reason of its own.
func reasonOf(err error) error {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		switch failure.Code() {
		case lib.SQLITE_IOERR_SHORT_READ:
			return ErrDamaged
		case lib.SQLITE_IOERR_SHMSIZE:
			return ErrFull // the shared index cannot grow
		}
		switch failure.Code() & 0xff {
		case lib.SQLITE_FULL:
			return ErrFull
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
			return ErrDamaged
		case lib.SQLITE_IOERR:
			return ErrDisk
		case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
			return ErrNotWritable
		}
		return nil
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EFBIG):
		return ErrDisk
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return ErrNotWritable
	}
	return nil
}
