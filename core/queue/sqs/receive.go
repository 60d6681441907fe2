package sqs

import (
	"context"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dth-dev/dth/core/queue"
)

// inbox is what this process has received of one queue. Queue.mu guards all but box and
// limits.
type inbox struct {
	box      *box
	limits   Limits
	waiting  []queue.Message // not handed out yet
	messages int             // held, those waiting included
	tasks    int             // in them
	crowded  bool            // OverLimit was logged
}

// Receive waits for a message and hands it to this caller alone, one of the priority
// queue first. From the first call on, messages are received ahead and kept from other
// processes. It returns io.EOF after Stop; while the service fails for longer than
// requests are tried, or refuses them, it says so, and may be called again.
func (q *Queue) Receive(ctx context.Context) (queue.Message, error) {
	q.start()
	for {
		if err := ctx.Err(); err != nil {
			return queue.Message{}, err
		}
		message, changed, err := q.next()
		if err != nil || changed == nil {
			return message, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		q.mu.Lock()
		q.hungry--
		q.mu.Unlock()
	}
}

// next takes a message. Where there is none yet, it counts the caller as hungry and
// returns a channel that is closed when that may have changed.
func (q *Queue) next() (message queue.Message, changed <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return queue.Message{}, nil, io.EOF
	}
	for _, in := range q.inboxes {
		for len(in.waiting) > 0 {
			message, in.waiting = in.waiting[0], in.waiting[1:]
			if h := q.receipts[message.ID]; h != nil && h.valid(time.Now()) {
				return message, nil, nil
			}
			q.drop(message.ID) // lost while it waited: somebody else has it
		}
	}
	if q.failure != nil {
		err, q.failure = q.failure, nil
		return queue.Message{}, nil, err
	}
	if q.hungry++; q.hungry == 1 {
		q.wake() // the receivers look at it
	}
	return queue.Message{}, q.changed, nil
}

// wake tells those who wait to look again; q.mu is held.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// start runs the receivers and the heartbeat.
func (q *Queue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.stopped {
		return
	}
	q.started = true
	receiving, stop := context.WithCancel(q.life)
	beating, calm := context.WithCancel(q.life)
	q.stop, q.calm = stop, calm
	for _, in := range q.inboxes {
		q.running.Go(func() { q.receiveInto(receiving, in) })
	}
	q.beating.Go(func() { q.heartbeat(beating) })
}

// receiveInto receives messages of one queue until ctx ends.
func (q *Queue) receiveInto(ctx context.Context, in *inbox) {
	for {
		room, err := q.room(ctx, in)
		if err != nil {
			return
		}
		err = q.retry.Do(ctx, func(int) error { return q.poll(ctx, in, room) })
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		q.log.Error("messages cannot be received", "queue", in.box.name, "error", err)
		q.mu.Lock()
		q.failure = err
		q.wake()
		q.mu.Unlock()
		if pause(ctx, q.retry.Cap) != nil {
			return
		}
	}
}

// room waits until messages of the queue may be received and returns how many. Each
// request costs the same, so it waits for room for ten, or for half of the limit, but not
// while somebody waits for a message and little work is held.
func (q *Queue) room(ctx context.Context, in *inbox) (int, error) {
	for {
		q.mu.Lock()
		free := in.limits.Messages - in.messages
		roomy := free >= min(mostEntries, (in.limits.Messages+1)/2) && in.tasks < in.limits.Tasks
		if roomy || free > 0 && q.hungry > 0 && in.tasks < in.limits.Tasks/2 {
			q.mu.Unlock()
			return min(mostEntries, free), ctx.Err()
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// poll asks for messages once and takes in what comes.
func (q *Queue) poll(ctx context.Context, in *inbox, most int) error {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, q.timings.Wait+requestTimeout)
	defer cancel()
	out, err := q.client.ReceiveMessage(bounded, &sqs.ReceiveMessageInput{
		QueueUrl:            &in.box.url,
		MaxNumberOfMessages: int32(most),
		WaitTimeSeconds:     seconds(q.timings.Wait),
		VisibilityTimeout:   seconds(q.timings.Visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		err = failed("ReceiveMessage", err)
		if overLimit(err) && ctx.Err() == nil {
			q.crowd(in)
			return pause(ctx, q.timings.OverLimit/2+rand.N(q.timings.OverLimit/2+1))
		}
		q.log.Debug("messages were not received", "queue", in.box.name, "error", err)
		return err
	}
	q.take(in, out.Messages, began)
	if len(out.Messages) == 0 && time.Since(began) < q.timings.Wait/2 {
		return pause(ctx, min(time.Second, q.timings.Wait)) // the service does not wait, so we do
	}
	return nil
}

// crowd says once that too many messages are in flight.
func (q *Queue) crowd(in *inbox) {
	q.mu.Lock()
	logged := in.crowded
	in.crowded = true
	q.mu.Unlock()
	if !logged {
		q.log.Warn("as many messages are with workers as SQS allows, about 120,000: waiting", "queue", in.box.name)
	}
}

// take adds messages to those that wait. They are ours from before the request on: when
// exactly the service began to count is unknown.
func (q *Queue) take(in *inbox, received []types.Message, began time.Time) {
	opened := make([]queue.Message, len(received))
	for i, message := range received {
		opened[i] = q.open(message)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	in.crowded = false
	for _, message := range opened {
		tasks := len(message.Batch.Tasks) + len(message.Batch.Parts) + len(message.Batch.Orders)
		q.receipts[message.ID] = &held{
			in: in, receipt: message.ID, tasks: max(1, tasks), received: began, extended: began,
			until: began.Add(q.timings.Visibility),
		}
		in.messages++
		in.tasks += max(1, tasks)
		in.waiting = append(in.waiting, message)
	}
	if len(opened) > 0 {
		q.wake()
	}
}

func (q *Queue) open(received types.Message) queue.Message {
	text := aws.ToString(received.Body)
	message := queue.Message{
		ID:          aws.ToString(received.ReceiptHandle),
		Name:        aws.ToString(received.MessageId),
		Sent:        sentAt(received),
		Redelivered: receiveCount(received) > 1,
	}
	var ours bool
	if message.Batch, ours = open(q.codec, text); !ours {
		message.Foreign = []byte(text)
	}
	return message
}

// receiveCount returns how often the message was received, this time included.
func receiveCount(message types.Message) int {
	count, err := strconv.Atoi(message.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return 2 // unknown: somebody may have had it before
	}
	return count
}

// Stop ends receiving: Receive returns io.EOF, and what nobody has been handed goes back
// to the queue at once. What was handed out stays held. Stopping twice is harmless.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	q.stopped = true
	if q.stop != nil {
		q.stop()
	}
	q.wake()
	q.mu.Unlock()
	q.running.Wait()
	q.mu.Lock()
	var untouched []queue.Message
	for _, in := range q.inboxes {
		untouched = append(untouched, in.waiting...)
		in.waiting = nil
	}
	q.mu.Unlock()
	return q.Return(ctx, untouched...)
}

// pause waits for d, or fails when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
