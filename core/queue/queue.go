// Package queue defines how batches of work pass from the finder to the
// workers: delivered at least once, and gone only when acknowledged.
package queue

import (
	"context"
	"errors"

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
}
