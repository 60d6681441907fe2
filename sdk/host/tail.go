package host

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/dth-dev/dth/sdk/internal/wire"
)

// maxTailLine bounds what is kept of one line.
const maxTailLine = 512

// tail listens to what a plugin prints on its stderr and keeps the line that
// best explains its end: the panic where there was one, else the last line.
type tail struct {
	mu    sync.Mutex
	line  []byte // the line being written, as far as it is kept
	last  string
	panic string
}

// Write takes any pieces of lines.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range p {
		switch {
		case b == '\n':
			t.keep(strings.TrimSpace(string(t.line)))
			t.line = t.line[:0]
		case len(t.line) < maxTailLine:
			t.line = append(t.line, b)
		}
	}
	return len(p), nil
}

// keep remembers a whole line if it says something.
func (t *tail) keep(line string) {
	if line == "" {
		return
	}
	if t.panic == "" && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) {
		t.panic = line
	}
	if strings.HasPrefix(line, "{") {
		var entry struct {
			Level   string `json:"@level"`
			Message string `json:"@message"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message != "" {
			if entry.Level != "error" && entry.Level != "warn" {
				return
			}
			line = entry.Message
		}
	}
	t.last = line
}

// text returns the line that best explains the plugin's end, without secrets;
// "" when it said nothing.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.panic != "" {
		return wire.Redact(t.panic)
	}
	return wire.Redact(t.last)
}
