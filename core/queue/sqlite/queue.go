// Package sqlite is the queue of a run on one machine: its messages lie in the
// state file until they are acknowledged.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"strconv"
	"sync"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
)

// stretch is how many messages are read from the disk at a time. All others stay there.
const stretch = 8

// stride is how many messages one mark allows to hand out: a mark costs a flush of the
// disk, and says of no more messages than that they were handed out although they were not.
const stride = 64

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
	mark    int64         // highest ID that may be handed out, on disk
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
		return tx.QueryRow("SELECT (SELECT coalesce(max(id), 0) FROM messages), (SELECT coalesce(max(message), 0) FROM handed)").Scan(&q.last, &q.mark)
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

// load reads the messages after the cursor, once a mark says that they may be handed out.
// IDs ascend in the order of commits and are
// never given twice, so nothing can appear behind it.
func (q *Queue) load(ctx context.Context) error {
	loaded, err := q.read(ctx, "SELECT id, body FROM messages WHERE id > ? ORDER BY id LIMIT ?", q.cursor)
	if err != nil {
		return err
	}
	if len(loaded) == 0 {
		q.loaded, q.cursor = nil, q.last // they were acknowledged or purged
		return nil
	}
	last := loaded[len(loaded)-1].id
	if last > q.mark {
		mark := last + stride
		if err := q.file.Update(ctx, func(tx *sql.Tx) error { return setMark(tx, mark) }); err != nil {
			return err
		}
		q.mark = mark
	}
	q.loaded, q.cursor = loaded, last
	return nil
}

// read returns a stretch of the messages after one.
func (q *Queue) read(ctx context.Context, query string, after int64) (messages []stored, err error) {
	err = q.file.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, after, stretch)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var message stored
			if err := rows.Scan(&message.id, &message.body); err != nil {
				return err
			}
			messages = append(messages, message)
		}
		return rows.Err()
	})
	return messages, err
}

// setMark says durably up to which ID messages may be handed out.
func setMark(tx *sql.Tx, mark int64) error {
	if _, err := tx.Exec("DELETE FROM handed"); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT INTO handed (message) VALUES (?)", mark)
	return err
}

// HandedOut yields what may have been handed out and was not acknowledged, in the order it
// was sent: what workers of an earlier process may have been at when it ended. It is asked
// before anything is received.
func (q *Queue) HandedOut(ctx context.Context) iter.Seq2[task.Batch, error] {
	return func(yield func(task.Batch, error) bool) {
		for last := int64(0); ; {
			found, err := q.read(ctx, "SELECT id, body FROM messages WHERE id > ? AND id <= (SELECT max(message) FROM handed) ORDER BY id LIMIT ?", last)
			if err != nil {
				yield(task.Batch{}, fmt.Errorf("read queue: %w", err))
				return
			}
			for _, one := range found {
				message, err := q.open(one)
				if !yield(message.Batch, err) || err != nil {
					return
				}
				last = one.id
			}
			if len(found) < stretch {
				return
			}
		}
	}
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

// Purge drops every message, delivered or not. A run begins with it, once HandedOut was
// heard: what an earlier run left is found again by the new listing.
func (q *Queue) Purge(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var mark int64
	err := q.file.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("DELETE FROM messages"); err != nil {
			return err
		}
		if err := tx.QueryRow("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'").Scan(&mark); err != nil {
			return err
		}
		mark += stride // a small run needs no other
		return setMark(tx, mark)
	})
	if err != nil {
		return fmt.Errorf("purge queue: %w", err)
	}
	q.loaded, q.cursor, q.mark = nil, q.last, mark
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
