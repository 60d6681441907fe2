package main

import (
	"io"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-isatty"
)

// isTerminal says whether people read what is written there.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// newLogger returns the logger of the process: for people on a terminal, JSON
// lines elsewhere.
func newLogger(output io.Writer, terminal bool, level string) hclog.Logger {
	options := &hclog.LoggerOptions{
		Name:            "dth",
		Level:           hclog.LevelFromString(level),
		Output:          output,
		JSONFormat:      !terminal,
		DisableTime:     terminal,
		IncludeLocation: false,
	}
	if terminal {
		options.Color = hclog.AutoColor
	}
	return hclog.New(options)
}

// console passes what is logged to the terminal, around the progress bars while
// there are any.
type console struct {
	mu      sync.Mutex
	output  io.Writer
	current io.Writer // the bars; nil while there are none
}

// Write writes above the bars.
func (c *console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		if n, err := c.current.Write(text); err == nil {
			return n, nil
		}
	}
	return c.output.Write(text)
}

// use makes the console write through bars, or directly when nil.
func (c *console) use(bars io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = bars
}

// logger returns the logger of the process.
func (p *process) logger(level string) hclog.Logger {
	return newLogger(p.console, isTerminal(p.stderr), level)
}
