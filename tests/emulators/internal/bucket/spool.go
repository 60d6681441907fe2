package bucket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// spool keeps bodies in files. Its fields are guarded by the store's lock; holds
// counts who needs a file, which goes with the last of them.
type spool struct {
	dir     string
	holds   map[string]int
	history bool // the journal is being replayed, which names files that are long gone
}

// errGone says that a body was given up before it was used.
var errGone = errors.New("the body is gone")

func (s *spool) write(body io.Reader) (name string, err error) {
	name = rand.Text()
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, body, make([]byte, 256<<10))
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return name, nil
}

// hold counts one more holder of each of the blob's files.
func (s *spool) hold(b *Blob) error {
	if s.history {
		return nil
	}
	for i, p := range b.Pieces {
		if p.File == "" {
			continue
		}
		if s.holds[p.File] == 0 {
			s.release(&Blob{Pieces: b.Pieces[:i]})
			return fmt.Errorf("%w: %s", errGone, p.File)
		}
		s.holds[p.File]++
	}
	return nil
}

// release counts one holder less, and removes what nobody holds.
func (s *spool) release(b *Blob) {
	for _, p := range b.Pieces {
		if p.File == "" || s.holds[p.File] == 0 {
			continue
		}
		if s.holds[p.File]--; s.holds[p.File] == 0 {
			delete(s.holds, p.File)
			_ = os.Remove(filepath.Join(s.dir, p.File)) // a file left over harms nobody: the next start sweeps it
		}
	}
}

// spooled matches the names of the files that write makes.
var spooled = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// found returns all files that are the spool's as one blob, held once.
func (s *spool) found() (*Blob, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	all := &Blob{}
	for _, entry := range entries {
		if !spooled.MatchString(entry.Name()) {
			continue
		}
		all.Pieces = append(all.Pieces, Piece{File: entry.Name()})
		s.holds[entry.Name()]++
	}
	return all, nil
}
