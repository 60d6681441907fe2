package exchange

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Limits bound what a connection may take. A zero field stands for its default.
type Limits struct {
	Dial  time.Duration // until a connection can be used, with proxy and TLS; 15 s
	Stall time.Duration // that nothing may move, in either direction; 2 min
	// Rate is how many bytes a second must move at least while a body is sent or received,
	// measured over Stall; 128. Time in which the other side of a copy, or the store before
	// its answer, is waited for does not count.
	Rate int64
	// Look is the time after which a call that does not return looks at what moved, and at
	// whether the store answered before it had everything; 2 s.
	Look time.Duration
	Late time.Duration // that the answer of a store may take which does not read on; 2 s
}

// orDefault fills what is zero.
func (l Limits) orDefault() Limits {
	return Limits{
		Dial: cmp.Or(l.Dial, 15*time.Second), Stall: cmp.Or(l.Stall, 2*time.Minute), Rate: cmp.Or(l.Rate, 128),
		Look: cmp.Or(l.Look, 2*time.Second), Late: cmp.Or(l.Late, 2*time.Second),
	}
}

// PaceError says that a connection was given up because too little moved on it.
type PaceError struct {
	Moved int64 // bytes
	Time  time.Duration
	Rate  int64 // bytes a second that must move; 0 where nothing moved at all
}

// Error returns what moved and what would have been enough.
func (e *PaceError) Error() string {
	if e.Rate == 0 {
		return fmt.Sprintf("nothing moved for %v", e.Time.Round(time.Second))
	}
	return fmt.Sprintf("only %d bytes moved in %v, which is less than the lowest rate (min-rate) of %d bytes a second",
		e.Moved, e.Time.Round(time.Second), e.Rate)
}

// errAnswered ends a write of a body that the store answered before it had it.
var errAnswered = errors.New("the store answered before it had the whole body")

// line is a connection below TLS that sees what moves. The time to give up is put off
// here, because a TLS connection whose write timed out cannot be used any more. One
// goroutine at a time may write and one may read.
type line struct {
	net.Conn
	limits  Limits
	unsent  func(net.Conn) int64
	blocked func() // called by a Write each time it did not end within Look
	opened  time.Time
	probing bool // reads give what is there already
	probe   [1]byte

	mu       sync.Mutex
	in, out  meter
	written  int64         // bytes that the system took of us
	taken    int64         // of those, what the other end has, as last seen
	movedAt  time.Duration // since opened: when something moved, or a call began
	sending  bool
	awaiting bool // no byte of the answer has come yet
	answered bool // writes end
	late     bool // reads end with their deadline
	inUntil  time.Duration
	outUntil time.Duration
}

// meter is what moved one way while it was waited for, since it was last judged.
type meter struct {
	moved int64
	spent time.Duration
}

// add counts, and judges when Stall is spent.
func (m *meter) add(moved int64, spent time.Duration, limits Limits) error {
	m.moved += moved
	m.spent += spent
	if m.spent < limits.Stall {
		return nil
	}
	judged := *m
	*m = meter{}
	if float64(judged.moved) >= float64(limits.Rate)*judged.spent.Seconds() {
		return nil
	}
	if judged.moved == 0 {
		return &PaceError{Time: judged.spent}
	}
	return &PaceError{Moved: judged.moved, Time: judged.spent, Rate: limits.Rate}
}

func newLine(conn net.Conn, limits Limits, unsent func(net.Conn) int64) *line {
	return &line{Conn: conn, limits: limits, unsent: unsent, opened: time.Now()}
}

// begin makes the line ready for a request.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in, l.out, l.taken = meter{}, meter{}, l.written
	l.sending, l.awaiting, l.answered, l.outUntil = true, true, false, 0
}

// sent says that the request was sent, or is not sent on.
func (l *line) sent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sending = false
}

// endWrite makes a pending Write fail, and later ones.
func (l *line) endWrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = true
	_ = l.SetWriteDeadline(time.Unix(1, 0)) // fails only on a closed connection, which tells itself
}

// hurry gives reads no more than the limit for a late answer, all together.
func (l *line) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = true
	_ = l.SetReadDeadline(time.Now().Add(l.limits.Late))
}

// Read waits as long as something moves.
func (l *line) Read(b []byte) (int, error) {
	if l.probing {
		return 0, os.ErrDeadlineExceeded
	}
	began := l.enter(l.armRead)
	for {
		n, err := l.Conn.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, cmp.Or(err, l.received(began, n))
		}
		if began, err = l.lookIn(began); err != nil {
			return 0, err
		}
	}
}

// Write waits as long as something moves.
func (l *line) Write(b []byte) (int, error) {
	began := l.enter(l.armWrite)
	sent := 0
	for {
		n, err := l.Conn.Write(b[sent:])
		sent += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, cmp.Or(err, l.accepted(began, n))
		}
		l.blocked()
		if began, err = l.lookOut(began, n); err != nil {
			return sent, err
		}
	}
}

// enter begins a call.
func (l *line) enter(arm func(now time.Duration)) time.Duration {
	now := time.Since(l.opened)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.movedAt = now
	arm(now)
	return now
}

// armRead moves the deadline of reads when a good part of it is used up; telling the
// system each time would cost more than it is worth.
func (l *line) armRead(now time.Duration) {
	if l.inUntil-now < l.limits.Look/2 && !l.late {
		l.inUntil = now + l.limits.Look
		_ = l.SetReadDeadline(l.opened.Add(l.inUntil)) // fails only on a closed connection, which tells itself
	}
}

func (l *line) armWrite(now time.Duration) {
	if l.outUntil-now < l.limits.Look/2 && !l.answered {
		l.outUntil = now + l.limits.Look
		_ = l.SetWriteDeadline(l.opened.Add(l.outUntil))
	}
}

// received counts what a Read returned. The first bytes of an answer are waited for
// without a rate.
func (l *line) received(began time.Duration, n int) error {
	now := time.Since(l.opened)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.movedAt = now; l.awaiting || l.sending {
		l.awaiting = false
		return nil
	}
	return l.in.add(int64(n), now-began, l.limits)
}

// accepted counts what the system took in the end of a Write.
func (l *line) accepted(began time.Duration, n int) error {
	now := time.Since(l.opened)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.movedAt = now
	l.written += int64(n)
	if l.out.spent+now-began < l.limits.Stall { // asking the system each time would cost too much
		l.out.spent += now - began
		return nil
	}
	l.progress(now)
	return l.out.add(0, now-began, l.limits)
}

// lookIn says whether a Read that waits since began may go on. What the other end has
// not taken of the request yet is progress, too.
func (l *line) lookIn(began time.Duration) (time.Duration, error) {
	now := time.Since(l.opened)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.late {
		return now, os.ErrDeadlineExceeded
	}
	queued := l.progress(now)
	err := l.stalled(now)
	switch {
	case l.sending || err != nil: // while a body is sent, Write tells the rate
	case queued:
		err = l.out.add(0, now-began, l.limits)
	case !l.awaiting:
		err = l.in.add(0, now-began, l.limits)
	}
	l.armRead(now)
	return now, err
}

// lookOut says whether a Write that waits since began may go on.
func (l *line) lookOut(began time.Duration, n int) (time.Duration, error) {
	now := time.Since(l.opened)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answered {
		return now, errAnswered
	}
	l.written += int64(n)
	l.progress(now)
	err := cmp.Or(l.stalled(now), l.out.add(0, now-began, l.limits))
	l.armWrite(now)
	return now, err
}

// progress counts what the other end took meanwhile, and says whether something is left
// to take. The system's own buffer holds megabytes: hours of a slow connection.
func (l *line) progress(now time.Duration) (queued bool) {
	waiting := l.unsent(l.Conn)
	if taken := l.written - waiting; taken > l.taken {
		l.out.moved += taken - l.taken
		l.taken, l.movedAt = taken, now
	}
	return waiting > 0
}

func (l *line) stalled(now time.Duration) error {
	if still := now - l.movedAt; still >= l.limits.Stall {
		return &PaceError{Time: still}
	}
	return nil
}

// pending says whether the connection above, which reads from this line, holds bytes
// that were received and not read.
func (l *line) pending(above net.Conn) bool {
	l.probing = true
	defer func() { l.probing = false }()
	n, err := above.Read(l.probe[:])
	return n > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}
