// Package sqlite is the queue of a run on one machine: its messages lie in the
// state file until they are acknowledged.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
)

// stretch is how many messages are read from the disk at a time. All others stay there.
const stretch = 8

// Queue implements queue.Queue. Which messages are delivered is known in memory alone: a
// new process, or a new Queue on the file, hands out again whatever was not
// acknowledged. Use one Queue per file.
type Queue struct {
	file  *statefile.File
	codec *task.Codec

	mu      sync.Mutex
	loaded  []stored      // read from the disk, not handed out yet
	cursor  int64         // ID of the last message that was loaded
	last    int64         // highest ID that was sent
	closed  bool          // nothing more will be sent
	changed chan struct{} // closed and replaced when last or closed changes
}

var _ queue.Queue = (*Queue)(nil)

type stored struct {
	id   int64
	body []byte
}

// New returns the queue in file, which holds what an earlier process left
// unacknowledged.
func New(file *statefile.File) (*Queue, error) {
	codec, err := task.NewCodec()
	if err != nil {
		return nil, err
	}
	q := &Queue{file: file, codec: codec, changed: make(chan struct{})}
	err = file.View(context.Background(), func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT coalesce(max(id), 0) FROM messages").Scan(&q.last)
	})
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	return q, nil
}

// Send stores one batch durably.
func (q *Queue) Send(ctx context.Context, batch task.Batch) error {
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return queue.ErrClosed
	}
	body, err := q.codec.Encode(batch)
	if err != nil {
		return err
	}
	var id int64
	err = q.file.Update(ctx, func(tx *sql.Tx) error {
		result, err := tx.Exec("INSERT INTO messages (body) VALUES (?)", body)
		if err != nil {
			return err
		}
		id, err = result.LastInsertId()
		return err
	})
	if err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(q.last, id)
	q.wake()
	return nil
}

// Receive waits for a batch and hands it to this caller alone.
func (q *Queue) Receive(ctx context.Context) (queue.Message, error) {
	for {
		message, changed, err := q.next(ctx)
		if err != nil {
			return queue.Message{}, err
		}
		if changed == nil {
			return q.open(message)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return queue.Message{}, ctx.Err()
		}
	}
}

// next takes the next message. Where there is none yet, it returns a channel that is
// closed when that may have changed.
func (q *Queue) next(ctx context.Context) (message stored, changed <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.loaded) == 0 && q.cursor < q.last {
		if err := q.load(ctx); err != nil {
			return stored{}, nil, fmt.Errorf("receive from queue: %w", err)
		}
	}
	switch {
	case len(q.loaded) > 0:
		message, q.loaded = q.loaded[0], q.loaded[1:]
		return message, nil, nil
	case q.closed:
		return stored{}, nil, io.EOF
	}
	return stored{}, q.changed, nil
}

// load reads the messages after the cursor. IDs ascend in the order of commits and are
// never given twice, so nothing can appear behind it.
func (q *Queue) load(ctx context.Context) error {
	var loaded []stored
	err := q.file.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, body FROM messages WHERE id > ? ORDER BY id LIMIT ?", q.cursor, stretch)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var message stored
			if err := rows.Scan(&message.id, &message.body); err != nil {
				return err
			}
			loaded = append(loaded, message)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	q.loaded = loaded
	if len(loaded) > 0 {
		q.cursor = loaded[len(loaded)-1].id
	} else {
		q.cursor = q.last // they were acknowledged or purged
	}
	return nil
}

func (q *Queue) open(message stored) (queue.Message, error) {
	batch, err := q.codec.Decode(message.body)
	if err != nil {
		return queue.Message{}, fmt.Errorf("receive from queue: %w", q.file.Damaged(fmt.Errorf("message %d: %w", message.id, err)))
	}
	return queue.Message{ID: strconv.FormatInt(message.id, 10), Batch: batch}, nil
}

// Ack removes delivered messages for good, all in one transaction.
func (q *Queue) Ack(ctx context.Context, messages ...queue.Message) error {
	ids := make([]int64, len(messages))
	for i, message := range messages {
		id, err := strconv.ParseInt(message.ID, 10, 64)
		if err != nil {
			return fmt.Errorf("acknowledge message %q: it is not of this queue", message.ID)
		}
		ids[i] = id
	}
	if len(ids) == 0 {
		return nil
	}
	err := q.file.Update(ctx, func(tx *sql.Tx) error {
		remove, err := tx.Prepare("DELETE FROM messages WHERE id = ?")
		if err != nil {
			return err
		}
		defer remove.Close()
		for _, id := range ids {
			if _, err := remove.Exec(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("acknowledge to queue: %w", err)
	}
	return nil
}

// Purge drops every message, delivered or not. A run begins with it: what an earlier
// run left is found again by the new listing.
func (q *Queue) Purge(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.file.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM messages")
		return err
	})
	if err != nil {
		return fmt.Errorf("purge queue: %w", err)
	}
	q.loaded, q.cursor = nil, q.last
	return nil
}

// Close says that nothing more will be sent. The file stays open.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		q.wake()
	}
	return nil
}

// wake tells those who wait in Receive to look again.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
