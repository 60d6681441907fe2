package plugin

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// maxBatches bounds how many batches of one stream are signed at once. It is
// more than a host keeps in flight, so that receiving never stops and neither
// side can wait for the other for ever.
const maxBatches = 8

// Sign implements the wire contract.
func (s *service) Sign(stream grpc.BidiStreamingServer[storagepb.SignRequest, storagepb.SignResponse]) error {
	first := &wire.SignBatch{}
	if err := stream.RecvMsg(first); err != nil {
		return err
	}
	bucket, err := s.bucket("Sign", first.Handle)
	if err != nil {
		return wire.FromCall(err)
	}
	signer := &signer{bucket: bucket, guard: s.guard, stream: stream, batches: make(chan *wire.SignBatch)}
	defer signer.running.Wait()
	defer close(signer.batches)
	for batch := first; ; {
		if len(batch.Requests) > 0 {
			signer.start(batch)
		}
		batch = &wire.SignBatch{}
		if err := stream.RecvMsg(batch); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// signer answers the batches of one stream.
type signer struct {
	bucket  driver.Bucket
	guard   guard
	stream  grpc.ServerStream
	batches chan *wire.SignBatch
	workers int // at most maxBatches; only the stream's own goroutine looks
	running sync.WaitGroup

	mu      sync.Mutex // keeps numbering and sending in one order
	replies wire.ReplyWriter
}

// start gives the batch to a worker that is free, to a new one, or to the first that
// becomes free. Workers stay: a new goroutine for each batch would grow its
// stack each time, which costs as much as signing does.
func (s *signer) start(batch *wire.SignBatch) {
	select {
	case s.batches <- batch:
		return
	default:
	}
	if s.workers < maxBatches {
		s.workers++
		s.running.Go(func() {
			for batch := range s.batches {
				s.answer(batch)
			}
		})
	}
	s.batches <- batch
}

// answer signs one batch. Its answer is lost when the stream has ended.
func (s *signer) answer(batch *wire.SignBatch) {
	ctx, cancel := context.WithTimeout(s.stream.Context(), wire.CallTimeout)
	defer cancel()
	answer := &wire.SignAnswer{Batch: batch.Batch, Outcomes: make([]wire.Signed, len(batch.Requests))}
	for i, request := range batch.Requests {
		answer.Outcomes[i].Exchange, answer.Outcomes[i].Err = s.sign(ctx, request)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies.Prepare(answer)
	// A stream that cannot be sent on is over, and RecvMsg reports it.
	_ = s.stream.SendMsg(answer)
}

// sign signs one request. A panic is the error of this request alone.
func (s *signer) sign(ctx context.Context, request any) (exchange driver.Exchange, err error) {
	op, key := "Sign", ""
	defer func() {
		if cause := recover(); cause != nil {
			err = s.guard.caught(op, key, cause)
		}
	}()
	switch r := request.(type) {
	case driver.GetRequest:
		op, key = "SignGet", r.Key
		exchange, err = s.bucket.SignGet(ctx, r)
	case driver.PutRequest:
		op, key = "SignPut", r.Key
		exchange, err = s.bucket.SignPut(ctx, r)
	case driver.PartRequest:
		op, key = "SignPart", r.Upload.Key
		exchange, err = s.signPart(ctx, r)
	default:
		err = &driver.Error{
			Op: op, Kind: driver.KindUnsupported, Message: "the plugin does not know this kind of signing request; install its newest version",
		}
	}
	return exchange, onTime(op, key, err)
}

func (s *signer) signPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	uploader, ok := driver.As[driver.Uploader](s.bucket, driver.CapabilityUploader)
	if !ok {
		return driver.Exchange{}, unsupported("SignPart", driver.CapabilityUploader)
	}
	return uploader.SignPart(ctx, request)
}

// onTime makes a bare context error one that can travel as an item's outcome.
func onTime(op, key string, err error) error {
	var failure *driver.Error
	if err == nil || errors.As(err, &failure) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &driver.Error{
			Op: op, Key: key, Kind: driver.KindUnavailable, Code: "Timeout", Message: "signing did not finish in time",
		}
	}
	return err
}
