// Package queue defines how batches of work pass from the finder to the
// workers: delivered at least once, and gone only when acknowledged.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/task"
)

// ErrClosed says that a batch was sent after Close.
var ErrClosed = errors.New("queue is closed")

// Queue holds batches between the finder and the workers.
// All methods may be called by many goroutines at once.
type Queue interface {
	// Send stores one batch durably. After Close it fails with ErrClosed.
	Send(ctx context.Context, batch task.Batch) error

	// Receive waits for a batch and hands it to this caller alone. After Close it
	// returns io.EOF once nothing is left to hand out.
	Receive(ctx context.Context) (Message, error)

	// Ack removes delivered messages for good. It is called after the outcome of
	// every task in them is durable. Acknowledging twice is harmless.
	Ack(ctx context.Context, messages ...Message) error

	// Close says that nothing more will be sent. Closing twice is harmless.
	Close() error
}

// Message is one delivered batch.
type Message struct {
	ID    string // names the delivery to Ack
	Batch task.Batch

	// The rest is set by queues that many machines share.

	// Name is the message's own, the same at each delivery of it.
	Name string
	// Foreign is the body of a message that dth did not send, such as a notification
	// of a store; Batch is empty then.
	Foreign []byte
	// Sent is when the message was sent, by the service's clock; zero where that is not known.
	Sent time.Time
	// Redelivered says that somebody may have worked on the message before, and may
	// not know yet that it is no longer his.
	Redelivered bool
}

// Shared is a queue that many machines share. What nobody acknowledges in time is
// delivered again; what was received is kept from others until it is acknowledged,
// given back, or the process ends. Batches with parts or orders go before all others.
type Shared interface {
	Queue

	// SendLater stores one batch durably that is not delivered before the delay has
	// passed. Delays are cut to what the service takes, 15 minutes.
	SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error

	// Bury puts what cannot be worked on into the dead-letter queue, where people
	// look at it.
	Bury(ctx context.Context, letter Letter) error

	// Held says whether a delivered message is still this caller's: what was not held on
	// to in time may be with somebody else by now.
	Held(message Message) bool

	// Stop ends receiving. What was received and not handed out yet goes back at once.
	// Messages that were delivered can be acknowledged and returned until Close.
	Stop(ctx context.Context) error

	// Return gives delivered messages back at once, for another worker.
	Return(ctx context.Context, messages ...Message) error

	// Depth returns about how many messages wait and how many are held by workers.
	Depth(ctx context.Context) (Depth, error)
}

// Letter is one entry of the dead-letter queue.
type Letter struct {
	Reason string     // why nothing came of it; no secret
	Batch  task.Batch // what was to be done; its tasks tell their attempts and last failure
	// Foreign is the body of a message that dth did not send; Batch is empty then.
	Foreign []byte
	At      time.Time
}

// Depth is how full a queue is, about.
type Depth struct {
	Waiting int64 // can be received now
	Delayed int64 // can be received later
	Held    int64 // with workers
}
