package emf

import (
	"context"
	"io"
	"time"
)

// lines writes documents to a file or terminal.
type lines struct{ output io.Writer }

var _ sink = lines{}

func (l lines) put(_ context.Context, _ time.Time, document []byte) error {
	_, err := l.output.Write(append(document, '\n'))
	return err
}

func (lines) has(context.Context, time.Time, int) (bool, error) { return false, nil }
