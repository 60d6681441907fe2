package sqs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/queue"
)

// held is a message that this process received and has neither acknowledged nor
// returned. Queue.mu guards it.
type held struct {
	in       *inbox
	receipt  string
	tasks    int
	received time.Time
	extended time.Time // when the last extension that succeeded was asked for
	until    time.Time // others cannot receive it before; after it they can
	lost     bool
}

// valid says whether nobody else can have received the message.
func (h *held) valid(now time.Time) bool { return !h.lost && now.Before(h.until) }

// Held says whether this process still keeps the message from others. It does not after
// Ack and Return, after 11.5 hours, and when the service refused to extend the hold or
// could not be reached in time. Work on a message that is not held any more may be done
// by another process as well: it is best given up.
func (q *Queue) Held(message queue.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.receipts[message.ID]
	return h != nil && h.valid(time.Now())
}

// drop ends the hold on a message and returns it where it was valid; q.mu is held.
func (q *Queue) drop(receipt string) *held {
	h := q.receipts[receipt]
	if h == nil {
		return nil
	}
	delete(q.receipts, receipt)
	h.in.messages--
	h.in.tasks -= h.tasks
	q.wake() // there is room for others
	if !h.valid(time.Now()) {
		return nil
	}
	return h
}

// Ack removes delivered messages for good. They are deleted a moment later, together
// with others: when the process ends before, they come again. A deletion that fails for
// good is returned by the next Ack or Close. A message that is not held any more is left
// to whoever receives it next.
func (q *Queue) Ack(_ context.Context, messages ...queue.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, message := range messages {
		h := q.drop(message.ID)
		if h == nil {
			continue
		}
		deletes := h.in.box.deletes
		done := deletes.join(h.receipt) // now, so that Close finds it
		q.active.begin()
		go func() {
			defer q.active.end()
			q.deleted(deletes.follow(q.life, h.receipt, done), h)
		}()
	}
	err := q.unacked
	q.unacked = nil
	return err
}

// deleted notes the outcome of a deletion. A stale receipt only means that the message
// comes again.
func (q *Queue) deleted(err error, h *held) {
	if err == nil || stale(err) {
		return
	}
	q.log.Error("a message cannot be deleted and will come again", "queue", h.in.box.name, "error", err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unacked = fmt.Errorf("acknowledge to the %s queue: %w", h.in.box.name, err)
}

// Return gives delivered messages back at once, for another worker. Those that are not
// held any more are left alone.
func (q *Queue) Return(ctx context.Context, messages ...queue.Message) error {
	var returned []*held
	q.mu.Lock()
	for _, message := range messages {
		if h := q.drop(message.ID); h != nil {
			returned = append(returned, h)
		}
	}
	q.mu.Unlock()
	var returning errgroup.Group
	for _, h := range returned {
		returning.Go(func() error {
			err := h.in.box.changes.do(ctx, change{h.receipt, 0})
			if err != nil && !stale(err) {
				return fmt.Errorf("return to the %s queue: %w", h.in.box.name, err)
			}
			return nil
		})
	}
	return returning.Wait()
}

// heartbeat keeps held messages from others until ctx ends.
func (q *Queue) heartbeat(ctx context.Context) {
	wait := q.timings.Heartbeat
	for pause(ctx, wait) == nil {
		wait = q.timings.Heartbeat
		if !q.extend(ctx) {
			wait = wait/16 + rand.N(wait/16+1) // soon again: there is not much time
		}
	}
}

// extend asks for more time for each message that was not asked for a moment ago. It
// says whether every request was served, be it with a refusal. Requests are made side by
// side: the time of one that is not answered is not that of the others.
func (q *Queue) extend(ctx context.Context) bool {
	var asking sync.WaitGroup
	var unserved atomic.Bool
	for b, due := range q.due(time.Now()) {
		for some := range slices.Chunk(due, mostEntries) {
			asking.Go(func() {
				if !q.extendSome(ctx, b, some) {
					unserved.Store(true)
				}
			})
		}
	}
	asking.Wait()
	return !unserved.Load()
}

// due returns the messages to extend and gives up those that are held too long.
func (q *Queue) due(now time.Time) map[*box][]*held {
	q.mu.Lock()
	defer q.mu.Unlock()
	due := map[*box][]*held{}
	for _, h := range q.receipts {
		switch {
		case h.lost:
		case !now.Before(h.until):
			q.lose(h, "the service could not be asked in time")
		case now.Sub(h.received) >= q.timings.Longest:
			q.lose(h, "it was held as long as SQS allows")
		case now.Sub(h.extended) >= q.timings.Heartbeat/2:
			due[h.in.box] = append(due[h.in.box], h)
		}
	}
	return due
}

// lose marks a message that others may receive; q.mu is held.
func (q *Queue) lose(h *held, reason string) {
	h.lost = true
	q.log.Warn("a message is not held any more: another worker may get it", "queue", h.in.box.name, "reason", reason)
}

func (q *Queue) extendSome(ctx context.Context, b *box, some []*held) (served bool) {
	changes := make([]change, len(some))
	for i, h := range some {
		changes[i] = change{h.receipt, seconds(q.timings.Visibility)}
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, min(requestTimeout, q.timings.Visibility/4))
	defer cancel()
	errs := q.changeBatch(bounded, b, changes)
	q.mu.Lock()
	defer q.mu.Unlock()
	served = true
	for i, h := range some {
		switch {
		case errs[i] == nil:
			h.extended, h.until = began, began.Add(q.timings.Visibility)
		case q.receipts[h.receipt] == nil: // acknowledged or returned meanwhile
		case stale(errs[i]):
			q.lose(h, errs[i].Error())
		default:
			served = false
			q.log.Debug("a hold cannot be extended yet", "queue", b.name, "error", errs[i])
		}
	}
	return served
}
