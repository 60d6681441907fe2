package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// paired is the queue of a fleet as a process sees it that works on one pair of locations.
// What it sends is marked as of that pair, and what is of another it refuses: a worker that
// was given wrong locations finds none of the objects, and would settle them all as vanished.
type paired struct {
	queue.Shared
	mark string // fingerprint of the pair
	told string // the pair in words
	log  hclog.Logger
}

// paired returns the fleet with its queue bound to the engine's locations. Endpoints do not
// count: the machines of a fleet may reach one store each by its own.
func (e *Engine) paired() *Fleet {
	source, destination := e.job.Source, e.job.Destination
	sum := sha256.Sum256([]byte(strings.Join([]string{
		source.Plugin, source.Bucket, e.from.Strip, e.from.List, destination.Plugin, destination.Bucket, e.to.Strip,
	}, "\x00")))
	bound := *e.fleet
	bound.Queue = &paired{
		Shared: bound.Queue, mark: hex.EncodeToString(sum[:8]), log: e.log,
		told: source.Address() + " -> " + destination.Address(),
	}
	return &bound
}

// Receive returns a message that is of these locations, or of which none is stated: those of
// older versions, of stores and of state machines. One of others goes back, and the error
// ends the worker.
func (q *paired) Receive(ctx context.Context) (queue.Message, error) {
	message, err := q.Shared.Receive(ctx)
	if err != nil || message.Batch.Pair == "" || message.Batch.Pair == q.mark {
		return message, err
	}
	refusal := &job.Error{
		What:  fmt.Sprintf("this worker copies %s, and run %s, whose messages are in its queue, is of other locations", q.told, message.Batch.Run),
		Do:    "give finder and workers of a fleet the same locations, and another job queues and tables of its own. What is left of a job that is over can be removed from the queue",
		Usage: true,
	}
	q.log.Error("message refused", "message", message.Name, "run", message.Batch.Run, "error", refusal)
	return queue.Message{}, errors.Join(refusal, q.Return(context.WithoutCancel(ctx), message))
}

func (q *paired) Send(ctx context.Context, batch task.Batch) error {
	batch.Pair = q.mark
	return q.Shared.Send(ctx, batch)
}

func (q *paired) SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error {
	batch.Pair = q.mark
	return q.Shared.SendLater(ctx, batch, delay)
}

// Bury marks a letter, too, which comes back when it is redriven.
func (q *paired) Bury(ctx context.Context, letter queue.Letter) error {
	if letter.Foreign == nil {
		letter.Batch.Pair = q.mark
	}
	return q.Shared.Bury(ctx, letter)
}
