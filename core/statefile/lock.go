package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lock takes the directory for this process, without waiting. The kernel gives the lock
// up when the process ends, however it ends; the file stays, so that nobody can
// hold a lock on a removed one.
func lock(dir string, options Options) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &LockedError{Path: dir, Holder: readHolder(file)}
		}
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	if err := own(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := writeHolder(file, options); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// own refuses to write into a file that dth did not make. A machine that lost its power
// may leave a part of a holder's name, or zeros in place of it.
func own(file *os.File) error {
	const begins = `{"pid":`
	text := make([]byte, len(begins))
	n, err := file.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if found := strings.TrimRight(string(text[:n]), "\x00"); !strings.HasPrefix(begins, found) {
		return &Error{Path: file.Name(), Reason: ErrForeign}
	}
	return nil
}

// unlock lets the next process in and leaves no name behind. It does not leave the unlocking
// to Close: a process that is being started at this moment holds a copy of the
// descriptor until it executes its program, and the lock with it.
func unlock(file *os.File) error {
	return errors.Join(file.Truncate(0), unix.Flock(int(file.Fd()), unix.LOCK_UN), file.Close())
}

func writeHolder(file *os.File, options Options) error {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Command: options.Command, Since: options.Since.UTC()})
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(text, 0)
	return err
}

// readHolder returns the zero value when the holder has not written its name yet.
func readHolder(file *os.File) Holder {
	const limit = 64 << 10
	var holder Holder
	text, err := io.ReadAll(io.LimitReader(file, limit))
	if err != nil || json.Unmarshal(text, &holder) != nil {
		return Holder{}
	}
	return holder
}
