package host

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// A crossing costs about as much as signing twenty requests, so requests wait a little for company.
const (
	// linger is how long a request waits for others at most. It is short beside an exchange
	// with a store.
	linger = 3 * time.Millisecond
	// maxInFlight is how many batches may be under way on one stream. One would leave the
	// plugin idle while the host deals with an answer; more make batches smaller.
	maxInFlight = 2
)

// signer joins the signing requests that callers make at about the same time
// into batches on one stream. A batch leaves when as many requests wait as were
// lately open at once, since no more are to be expected, and after linger in any case. So
// a single caller never waits, and many share the cost of the crossing.
type signer struct {
	plugin   *Plugin
	instance *instance
	handle   uint64

	mu     sync.Mutex
	stream *signStream // nil before the first request and after a failure
	closed bool
}

// signRequest is one request of a caller.
type signRequest struct {
	item   wire.Item
	now    int64
	signed wire.Signed // once all of the group are settled
	group  *signGroup
}

// signGroup are the requests that one caller waits for together.
type signGroup struct {
	unsettled atomic.Int64
	settled   chan struct{} // closed when none is left
}

// newGroup returns requests for the items, of which there is one at least.
func newGroup(items []wire.Item, now time.Time) []signRequest {
	group := &signGroup{settled: make(chan struct{})}
	group.unsettled.Store(int64(len(items)))
	requests := make([]signRequest, len(items))
	for i, item := range items {
		requests[i] = signRequest{item: item, now: wire.FromTime(now), group: group}
	}
	return requests
}

// settle gives a request its outcome, once, wanted or not. It does not block.
func (r *signRequest) settle(outcome wire.Signed) {
	r.signed = outcome
	if r.group.unsettled.Add(-1) == 0 {
		close(r.group.settled)
	}
}

func newSigner(p *Plugin, i *instance, handle uint64) *signer {
	return &signer{plugin: p, instance: i, handle: handle}
}

// sign has one request signed.
func (b *bucket) sign(ctx context.Context, c call, item wire.Item, now time.Time) (driver.Exchange, error) {
	return drive(ctx, b.plugin, c, func(ctx context.Context) (driver.Exchange, error) {
		requests := newGroup([]wire.Item{item}, now)
		if err := b.signAll(ctx, c, requests); err != nil {
			return driver.Exchange{}, err
		}
		return requests[0].signed.Exchange, requests[0].signed.Err
	})
}

// signAll submits the requests of one group and waits until each has its outcome.
func (b *bucket) signAll(ctx context.Context, c call, requests []signRequest) error {
	if b.closed.Load() {
		return errClosed(c.op)
	}
	a, err := b.attach(ctx)
	if err != nil {
		return unsent(err)
	}
	if err := a.signer.submit(requests); err != nil {
		return a.instance.failed(err)
	}
	select {
	case <-requests[0].group.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// submit queues requests; their outcomes arrive whatever happens.
func (s *signer) submit(requests []signRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed("Sign")
	}
	if s.stream == nil {
		stream, err := s.open()
		if err != nil {
			return err
		}
		s.stream = stream
	}
	for i := range requests {
		s.stream.add(&requests[i])
	}
	if s.stream.complete() {
		s.flush(s.stream)
	} else {
		s.stream.wait()
	}
	return nil
}

// expire sends what has waited long enough.
func (s *signer) expire(stream *signStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream.lingering = false
	s.flush(stream)
}

// open opens a stream and begins to receive from it.
func (s *signer) open() (*signStream, error) {
	ctx, cancel := context.WithCancel(s.instance.life)
	stream, err := s.instance.client.Sign(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	opened := &signStream{
		ClientStream: stream,
		cancel:       cancel,
		inFlight:     make(map[uint64]*batch, maxInFlight),
	}
	opened.timer = time.AfterFunc(time.Hour, func() { s.expire(opened) })
	opened.timer.Stop()
	go s.receive(opened)
	return opened, nil
}

// signStream is one stream; all its fields but why belong to the signer's lock.
type signStream struct {
	grpc.ClientStream
	cancel   context.CancelFunc
	why      atomic.Pointer[error] // it was given up
	waiting  []*signRequest
	inFlight map[uint64]*batch
	last     uint64 // number of the newest batch

	open      int         // requests that wait or are in flight
	peak      int         // the most that were open at once lately
	timer     *time.Timer // runs while lingering
	lingering bool
}

// add queues a request.
func (s *signStream) add(request *signRequest) {
	s.waiting = append(s.waiting, request)
	s.open++
	s.peak = max(s.peak, s.open)
}

// complete says whether no more company is to be expected.
func (s *signStream) complete() bool { return len(s.waiting) >= min(s.peak, wire.MaxBatch) }

// wait begins to linger.
func (s *signStream) wait() {
	if !s.lingering {
		s.lingering = true
		s.timer.Reset(linger)
	}
}

// sent ends the lingering and forgets a part of old peaks.
func (s *signStream) sent() {
	s.lingering = false
	s.timer.Stop()
	s.peak = max(s.open, s.peak-(s.peak+7)/8)
}

// batch is a number of requests that travel together.
type batch struct {
	requests []*signRequest
	timeout  *time.Timer
}

// flush sends what waits as far as batches may be in flight. The caller holds the lock.
func (s *signer) flush(stream *signStream) {
	for len(stream.waiting) > 0 && len(stream.inFlight) < maxInFlight {
		n := min(len(stream.waiting), wire.MaxBatch)
		stream.last++
		message := &wire.SignBatch{Batch: stream.last, Items: make([]wire.Item, n)}
		if stream.last == 1 {
			message.Handle = s.handle
		}
		requests := stream.waiting[:n:n]
		for i, request := range requests {
			message.Items[i] = request.item
			message.Now = max(message.Now, request.now)
		}
		stream.waiting = stream.waiting[n:]
		stream.inFlight[stream.last] = &batch{
			requests: requests,
			timeout:  time.AfterFunc(s.plugin.options.CallTimeout, func() { s.abandon(stream, context.DeadlineExceeded) }),
		}
		stream.sent()
		// A stream that cannot be sent on is over, and receive finds out why.
		_ = stream.SendMsg(message)
	}
}

// receive hands the outcomes of one stream to their callers, until it ends.
func (s *signer) receive(stream *signStream) {
	var replies wire.ReplyReader
	for {
		answer := &wire.SignAnswer{}
		if err := stream.RecvMsg(answer); err != nil {
			s.abandon(stream, s.instance.failed(err))
			return
		}
		s.mu.Lock()
		answered := stream.inFlight[answer.Batch]
		if answered != nil {
			delete(stream.inFlight, answer.Batch)
			stream.open -= len(answered.requests)
		}
		if len(stream.waiting) > 0 && (stream.complete() || !stream.lingering) {
			s.flush(stream)
		}
		s.mu.Unlock()
		replies.Resolve(answer)
		if answered == nil {
			continue // its requests have been given up
		}
		answered.timeout.Stop()
		s.instance.proved()
		for i, request := range answered.requests {
			outcome := wire.Signed{Err: &driver.Error{
				Op: "Sign", Kind: driver.KindFatal, Code: "MalformedAnswer", Message: "the plugin left a signing request without an answer",
			}}
			if i < len(answer.Outcomes) {
				outcome = answer.Outcomes[i]
			}
			request.settle(outcome)
		}
	}
}

// abandon ends a stream and all that waits on it. The next request opens another.
func (s *signer) abandon(stream *signStream, cause error) {
	stream.why.CompareAndSwap(nil, &cause) // of several the first: receive, woken by the next line, finds another
	cause = *stream.why.Load()
	stream.cancel() // before the lock, which a send that hangs may hold
	s.mu.Lock()
	defer s.mu.Unlock()
	stream.sent()
	if s.stream == stream {
		s.stream = nil
	}
	for number, unanswered := range stream.inFlight {
		unanswered.timeout.Stop()
		delete(stream.inFlight, number)
		for _, request := range unanswered.requests {
			request.settle(wire.Signed{Err: cause})
		}
	}
	for _, request := range stream.waiting {
		request.settle(wire.Signed{Err: cause})
	}
	stream.waiting = nil
}

// close ends the stream.
func (s *signer) close() {
	s.mu.Lock()
	s.closed = true
	stream := s.stream
	s.mu.Unlock()
	if stream != nil {
		s.abandon(stream, errClosed("Sign"))
	}
}
