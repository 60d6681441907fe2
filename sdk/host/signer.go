package host

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// maxInFlight is how many batches may be under way on one stream. One would leave the plugin
// idle while the host deals with an answer; more than two make batches smaller,
// and small batches cost more.
const maxInFlight = 2

// signer joins the signing requests that callers make at the same time into
// batches on one stream. A batch leaves as soon as another has returned, so a
// single caller never waits, and many callers share the cost of the crossing.
type signer struct {
	plugin   *Plugin
	instance *instance
	handle   uint64

	mu     sync.Mutex
	stream *signStream // nil before the first request and after a failure
	closed bool
}

// signRequest is one caller's request.
type signRequest struct {
	item    *storagepb.SignItem
	now     int64
	outcome chan wire.Signed // takes one without blocking, wanted or not
}

func newSigner(p *Plugin, i *instance, handle uint64) *signer {
	return &signer{plugin: p, instance: i, handle: handle}
}

// sign has one request signed.
func (b *bucket) sign(ctx context.Context, c call, item *storagepb.SignItem, now time.Time) (driver.Exchange, error) {
	if b.closed.Load() {
		return driver.Exchange{}, errClosed(c.op)
	}
	request := &signRequest{item: item, now: wire.FromTime(now), outcome: make(chan wire.Signed, 1)}
	return drive(ctx, b.plugin, c, func(ctx context.Context) (driver.Exchange, error) {
		a, err := b.attach(ctx)
		if err != nil {
			return driver.Exchange{}, unsent(err)
		}
		if err := a.signer.submit(request); err != nil {
			return driver.Exchange{}, a.instance.failed(err)
		}
		select {
		case signed := <-request.outcome:
			return signed.Exchange, signed.Err
		case <-ctx.Done():
			return driver.Exchange{}, ctx.Err()
		}
	})
}

// submit queues a request; its outcome arrives whatever happens.
func (s *signer) submit(request *signRequest) error {
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
	s.stream.waiting = append(s.stream.waiting, request)
	s.flush(s.stream)
	return nil
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
		BidiStreamingClient: stream,
		cancel:              cancel,
		inFlight:            make(map[uint64]*batch, maxInFlight),
	}
	go s.receive(opened)
	return opened, nil
}

// signStream is one stream; all its fields belong to the signer's lock.
type signStream struct {
	grpc.BidiStreamingClient[storagepb.SignRequest, storagepb.SignResponse]
	cancel   context.CancelFunc
	waiting  []*signRequest
	inFlight map[uint64]*batch
	last     uint64 // number of the newest batch
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
		message := &storagepb.SignRequest{Batch: stream.last, Items: make([]*storagepb.SignItem, n)}
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
		// A stream that cannot be sent on is over, and receive finds out why.
		_ = stream.Send(message)
	}
}

// receive hands the outcomes of one stream to their callers, until it ends.
func (s *signer) receive(stream *signStream) {
	var replies wire.ReplyReader
	for {
		response, err := stream.Recv()
		if err != nil {
			s.abandon(stream, s.instance.failed(err))
			return
		}
		s.mu.Lock()
		answered := stream.inFlight[response.GetBatch()]
		delete(stream.inFlight, response.GetBatch())
		s.flush(stream)
		s.mu.Unlock()
		signed := replies.Read(response)
		if answered == nil {
			continue
		}
		answered.timeout.Stop()
		s.instance.proved()
		for i, request := range answered.requests {
			outcome := wire.Signed{Err: &driver.Error{
				Op: "Sign", Kind: driver.KindFatal, Code: "MalformedAnswer", Message: "the plugin left a signing request without an answer",
			}}
			if i < len(signed) {
				outcome = signed[i]
			}
			request.outcome <- outcome
		}
	}
}

// abandon ends a stream and all that waits on it. The next request opens another.
func (s *signer) abandon(stream *signStream, cause error) {
	stream.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream == stream {
		s.stream = nil
	}
	for number, unanswered := range stream.inFlight {
		unanswered.timeout.Stop()
		delete(stream.inFlight, number)
		for _, request := range unanswered.requests {
			request.outcome <- wire.Signed{Err: cause}
		}
	}
	for _, request := range stream.waiting {
		request.outcome <- wire.Signed{Err: cause}
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
