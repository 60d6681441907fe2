// Package statefile keeps the state of one pair of locations in a directory: one SQLite
// database, used by one process at a time.
package statefile

import (
	"context"
	"database/sql"
	_ "embed" // for the schema
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

const (
	// applicationID marks the database as dth's, "dth" and a zero byte.
	applicationID = 0x64746800

	// version is the version of the schema. An older dth refuses a newer one. A newer dth
	// upgrades versions from oldest on, and refuses what is older.
	version   = 3
	oldest    = 2
	pairSince = 3 // the state knows its locations

	// readers is how many transactions may read at once. Their caches and
	// the writer's come to 8 MiB together.
	readers           = 4
	readerCacheKiB    = 1 << 10
	writerCacheKiB    = 4 << 10
	readerPatience    = 5000 // milliseconds that a statement waits for a lock
	writerPatience    = 1000 // no one else writes, so only cutting off the log waits
	databaseName      = "state.db"
	directoryMode     = 0o700
	databaseMode      = 0o600
	writeAheadLogSize = 16 << 20 // bytes at which the log is moved into the database and cut off
)

//go:embed schema.sql
var schema string

//go:embed upgrade-3.sql
var upgrade string

// Options says who opens a state directory, for those who find it locked.
type Options struct {
	Command string    // the command as people know it, without secrets
	Since   time.Time // when it began
}

// File is an open state directory. Its methods may be called by many goroutines at
// once.
type File struct {
	dir     string
	path    string // of the database
	lock    *os.File
	writer  *sql.DB // one connection; nil when open for reading only
	readers *sql.DB
	found   int64 // version of the schema that the database has

	updates  chan *update
	stop     chan struct{}
	stopped  chan struct{}
	close    sync.Once
	closeErr error
	logSize  int64 // bytes of the write-ahead log that call for cutting it off
	logLimit int64 // the same, more after a vain try; used by the writing goroutine alone
}

// Open opens the state directory dir for this process alone and makes what is
// missing. It fails at once with *[LockedError] when another process has it, and
// with *[Error] when the directory or the database cannot be used. The caller closes
// the file.
func Open(ctx context.Context, dir string, options Options) (*File, error) {
	f, err := newFile(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.dir, directoryMode); err != nil {
		return nil, f.explain(ctx, err)
	}
	if f.lock, err = lock(f.dir, options); err != nil {
		return nil, f.explain(ctx, err)
	}
	if err := f.openDatabase(ctx); err != nil {
		return nil, errors.Join(f.explain(ctx, err), f.Close())
	}
	f.stop, f.stopped = make(chan struct{}), make(chan struct{})
	f.updates = make(chan *update)
	f.logSize, f.logLimit = writeAheadLogSize, writeAheadLogSize
	go f.write()
	return f, nil
}

// OpenReadOnly opens the state directory for reading while another process may be writing
// to it. It takes no lock. Where no run has left a state it fails with
// [ErrNoState]. The caller closes the file.
func OpenReadOnly(ctx context.Context, dir string) (*File, error) {
	f, err := newFile(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(f.path); errors.Is(err, os.ErrNotExist) {
		return nil, &Error{Path: f.dir, Reason: ErrNoState}
	}
	if f.readers, err = f.connect(readers, readerCacheKiB, readerPatience, url.Values{"mode": {"ro"}}); err != nil {
		return nil, err
	}
	f.found, err = f.inspect(ctx, f.readers)
	if err == nil && f.found == 0 {
		err = &Error{Path: f.dir, Reason: ErrNoState}
	}
	if err != nil {
		return nil, errors.Join(f.explain(ctx, err), f.Close())
	}
	return f, nil
}

// Close ends the updates that have begun and lets the next process in. Closing
// twice is harmless.
func (f *File) Close() error {
	f.close.Do(func() {
		if f.stop != nil {
			close(f.stop)
			<-f.stopped
		}
		var errs []error
		for _, db := range []*sql.DB{f.readers, f.writer} {
			if db != nil {
				errs = append(errs, db.Close())
			}
		}
		if f.lock != nil {
			errs = append(errs, unlock(f.lock))
		}
		f.closeErr = f.explain(context.Background(), errors.Join(errs...))
	})
	return f.closeErr
}

// View runs read in one read transaction and returns its error. Long scans call View
// again and again, each time for the next stretch: a read transaction that stays
// open keeps the write-ahead log from being cut off.
func (f *File) View(ctx context.Context, read func(*sql.Tx) error) error {
	tx, err := f.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return f.explain(ctx, err)
	}
	defer rollback(tx) // nothing to commit
	return f.explain(ctx, read(tx))
}

func newFile(dir string) (*File, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory %q: %w", dir, err)
	}
	return &File{dir: absolute, path: filepath.Join(absolute, databaseName)}, nil
}

// openDatabase opens the writer and the readers and makes the schema in a fresh database.
func (f *File) openDatabase(ctx context.Context) error {
	created, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, databaseMode)
	if err != nil {
		return err
	}
	if err := created.Close(); err != nil {
		return err
	}
	if f.writer, err = f.connect(1, writerCacheKiB, writerPatience, url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}); err != nil {
		return err
	}
	f.found, err = f.inspect(ctx, f.writer)
	if err != nil {
		return err
	}
	if err := f.useWriteAheadLog(ctx); err != nil {
		return err
	}
	switch f.found {
	case 0:
		err = f.change(ctx, schema)
	case oldest:
		err = f.change(ctx, upgrade)
	}
	if err != nil {
		return err
	}
	f.readers, err = f.connect(readers, readerCacheKiB, readerPatience, url.Values{"mode": {"ro"}})
	return err
}

// connect makes a pool of connections to the database.
func (f *File) connect(connections, cacheKiB, patience int, query url.Values) (*sql.DB, error) {
	query["_pragma"] = []string{
		fmt.Sprintf("busy_timeout(%d)", patience),
		fmt.Sprintf("cache_size(-%d)", cacheKiB),
		"synchronous(FULL)", // a commit that returned survives a power cut
		"trusted_schema(OFF)",
	}
	location := url.URL{Scheme: "file", Path: f.path, RawQuery: query.Encode()}
	connector, err := sqlite.NewConnector(location.String())
	if err != nil {
		return nil, fmt.Errorf("state file %s: %w", f.path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// inspect checks that the database is dth's and of a version that this dth knows, and
// returns the version: 0 where the database holds nothing yet.
func (f *File) inspect(ctx context.Context, db *sql.DB) (found int64, err error) {
	var application, tables int64
	row := db.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`)
	if err := row.Scan(&application, &found, &tables); err != nil {
		return 0, err
	}
	switch {
	case application == 0 && found == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, &Error{Path: f.path, Reason: ErrForeign}
	case found > version:
		return 0, &Error{Path: f.path, Reason: ErrNewer, detail: fmt.Sprintf(
			"%s was written by a newer dth (state version %d; this one knows %d): use that dth, or choose another directory with --state DIR",
			f.path, found, version)}
	case found < oldest:
		return 0, &Error{Path: f.path, Reason: ErrOlder, detail: fmt.Sprintf(
			"%s was written by an older dth (state version %d; this one knows %d): move it away and run the same command again; a new run compares both sides again and loses nothing",
			f.path, found, version)}
	}
	return found, nil
}

func (f *File) useWriteAheadLog(ctx context.Context) error {
	var mode string
	if err := f.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if !strings.EqualFold(mode, "wal") {
		return fmt.Errorf("state directory %s: its file system cannot hold a database with a write-ahead log: choose a directory on a local disk with --state DIR", f.dir)
	}
	return nil
}

// change makes all tables of a fresh database, or what an older one lacks, and marks the
// database, or does nothing.
func (f *File) change(ctx context.Context, statements string) error {
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer rollback(tx) // no effect after the commit
	_, err = tx.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", statements, applicationID, version))
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	f.found = version
	return nil
}

// Dir returns the path of the state directory.
func (f *File) Dir() string { return f.dir }

// ReadOnly says that the state is open for reading only.
func (f *File) ReadOnly() bool { return f.writer == nil }

// Upgraded says that the state has the newest schema: an older one that is open for reading
// only stays as it is.
func (f *File) Upgraded() bool { return f.found == version }
