package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Desk is what tests steer an emulator by: its clock, its faults, its counts. It
// may be used from many goroutines.
type Desk struct {
	mu     sync.Mutex
	shift  time.Duration
	rules  []*rule
	counts map[string]*Count
}

// NewDesk returns a desk with the true time and without faults.
func NewDesk() *Desk { return &Desk{counts: map[string]*Count{}} }

// Count says what happened of one operation.
type Count struct {
	Requests int64 `json:"requests"`
	Refused  int64 `json:"refused"` // signatures that did not hold
	Failed   int64 `json:"failed"`  // answers of status 400 and above, of any cause, and answers cut off on purpose
	In       int64 `json:"in"`      // bytes of bodies received
	Out      int64 `json:"out"`     // bytes of bodies sent
}

// Now returns the server's time.
func (d *Desk) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.shift)
}

// SetClock lets the server's clock run that much ahead of the true time.
func (d *Desk) SetClock(shift time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shift = shift
}

// Counts returns a copy of the counts by operation.
func (d *Desk) Counts() map[string]Count {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := make(map[string]Count, len(d.counts))
	for op, count := range d.counts {
		counts[op] = *count
	}
	return counts
}

// ResetCounts begins to count anew.
func (d *Desk) ResetCounts() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.counts)
}

// Refused counts a refused signature of an operation.
func (d *Desk) Refused(op string) { d.count(op, func(c *Count) { c.Refused++ }) }

func (d *Desk) count(op string, add func(*Count)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.counts[op]
	if !ok {
		c = &Count{}
		d.counts[op] = c
	}
	add(c)
}

// Serve passes a request on to do, counts it as the operation op, and lets the
// first fault happen that matches op and key. The general faults are carried out
// here: for [DoError] fail writes the answer in the vendor's form, and do does not
// run. Of a fault by one of the vendor's own names do is told, and carries it
// out; otherwise do gets nil.
func (d *Desk) Serve(w http.ResponseWriter, r *http.Request, op, key string, fail func(http.ResponseWriter, *Fault), do func(http.ResponseWriter, *http.Request, *Fault)) {
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	answer := &countedAnswer{ResponseWriter: w, status: http.StatusOK}
	cut := true // until the answer came to its end
	defer func() {
		d.count(op, func(c *Count) {
			c.Requests++
			c.In += body.bytes
			c.Out += answer.bytes
			if cut || answer.status >= 400 {
				c.Failed++
			}
		})
	}()
	fault := d.match(op, key)
	if fault == nil {
		do(answer, r, nil)
		cut = false
		return
	}
	switch fault.Do {
	case DoDelay:
		if !wait(r.Context(), time.Duration(fault.Millis)*time.Millisecond) {
			panic(http.ErrAbortHandler)
		}
		do(answer, r, nil)
	case DoError:
		fail(answer, fault)
	case DoReset:
		reset(w)
	case DoLostAnswer:
		do(&lost{header: http.Header{}}, r, nil)
		reset(w)
	case DoTruncate:
		do(&truncated{ResponseWriter: answer, left: fault.Bytes}, r, nil)
	default:
		do(answer, r, fault)
	}
	cut = false
}

// reset ends the connection by a TCP reset where it can, and without an answer
// in any case.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// wait waits, and says whether it was not interrupted.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// RequestID returns a new id for an answer: 24 upper-case hexadecimal digits.
func RequestID() string {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	return strings.ToUpper(hex.EncodeToString(id[:]))
}

type countedBody struct {
	io.ReadCloser
	bytes int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	return n, err
}

// countedAnswer keeps the fast path of copying a file into a connection.
type countedAnswer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *countedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *countedAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

func (a *countedAnswer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(a.ResponseWriter, r)
	a.bytes += n
	return n, err
}

// Unwrap serves http.ResponseController.
func (a *countedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// lost takes an answer that nobody gets.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(p []byte) (int, error) { return len(p), nil }
func (l *lost) WriteHeader(int)             {}
func (l *lost) FlushError() error           { return nil }

// truncated ends the connection after some bytes of the answer's body.
type truncated struct {
	http.ResponseWriter
	left int64
}

func (t *truncated) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p[:min(t.left, int64(len(p)))])
	t.left -= int64(n)
	if n < len(p) && err == nil {
		_ = http.NewResponseController(t.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// Unwrap serves http.ResponseController.
func (t *truncated) Unwrap() http.ResponseWriter { return t.ResponseWriter }
