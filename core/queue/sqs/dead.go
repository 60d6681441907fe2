package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

const (
	// deadWait is the long poll that looks for more letters: all servers of the queue
	// are asked, and two empty answers in a row are its end.
	deadWait = 2 * time.Second
	// deadRepeats is how many answers without a new letter end a walk.
	deadRepeats = 100
)

// DeadLetter is one message of the dead-letter queue.
type DeadLetter struct {
	queue.Letter
	ID string // the message's own
	// Raw says that SQS moved the message itself, after it was received too often.
	Raw bool

	receipt string
	origin  *box // of a raw message
}

// DeadLetters returns the letters in the dead-letter queue, in no order. While they are
// walked through nobody else sees them; then, or at a break, they are visible again. A
// letter that somebody else walks through at the same time is not returned.
func (q *Queue) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		err := q.walk(ctx, func(letters []DeadLetter) ([]DeadLetter, bool, error) {
			for _, letter := range letters {
				if !yield(letter, nil) {
					return letters, false, nil
				}
			}
			return letters, true, nil
		})
		if err != nil {
			yield(DeadLetter{}, err)
		}
	}
}

// Redrive sends the letters of these message IDs, all where ids is nil, back to the queue
// that their work belongs to, with no attempt counted, and then removes them. It returns
// how many it sent back; whatever fails stays in the dead-letter queue and is named in
// the error, which is ErrNoLetter for an ID that is not there.
func (q *Queue) Redrive(ctx context.Context, ids []string) (int, error) {
	return q.settle(ctx, ids, func(ctx context.Context, letter DeadLetter) error {
		to, texts, err := q.again(letter)
		if err != nil {
			return err
		}
		return q.post(ctx, to, texts, 0)
	})
}

// Purge removes the letters of these message IDs, all where ids is nil, for good. It
// returns how many; the error is ErrNoLetter for an ID that is not there.
func (q *Queue) Purge(ctx context.Context, ids []string) (int, error) {
	return q.settle(ctx, ids, func(context.Context, DeadLetter) error { return nil })
}

// DeadDepth returns about how many messages are in the dead-letter queue.
func (q *Queue) DeadDepth(ctx context.Context) (queue.Depth, error) { return q.depthOf(ctx, q.dead) }

// settle does something about the letters of these IDs and removes them.
func (q *Queue) settle(ctx context.Context, ids []string, act func(context.Context, DeadLetter) error) (int, error) {
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	settled := 0
	var failures []error
	err := q.walk(ctx, func(letters []DeadLetter) (keep []DeadLetter, more bool, err error) {
		errs := make([]error, len(letters))
		var acting errgroup.Group
		for i, letter := range letters {
			if ids != nil && !missing[letter.ID] {
				errs[i] = errNotAsked
				continue
			}
			delete(missing, letter.ID)
			acting.Go(func() error {
				if errs[i] = act(ctx, letter); errs[i] == nil {
					errs[i] = q.dead.deletes.do(ctx, letter.receipt)
				}
				return nil
			})
		}
		_ = acting.Wait() // each keeps its own error
		for i, err := range errs {
			switch {
			case err == nil:
				settled++
				continue
			case !errors.Is(err, errNotAsked):
				failures = append(failures, fmt.Errorf("letter %s: %w", letters[i].ID, err))
			}
			keep = append(keep, letters[i])
		}
		return keep, ids == nil || len(missing) > 0, ctx.Err()
	})
	for id := range missing {
		failures = append(failures, fmt.Errorf("letter %q %w", id, ErrNoLetter))
	}
	return settled, errors.Join(append([]error{err}, failures...)...)
}

// ErrNoLetter says that a letter is not there, or is hidden for a while: a letter that
// somebody walks through is visible again when that ends, after two minutes if it was killed.
var ErrNoLetter = errors.New("is not in the dead-letter queue, or somebody else looks at it just now")

var errNotAsked = errors.New("not asked for")

// walk receives each letter once and passes ten at a time to visit, which returns those
// that stay and whether to go on. In the end those become visible again.
func (q *Queue) walk(ctx context.Context, visit func([]DeadLetter) (keep []DeadLetter, more bool, err error)) error {
	kept := map[string]string{} // message ID to the latest receipt handle
	defer func() { q.showAgain(ctx, kept) }()
	seen := map[string]bool{}
	empty, repeated := 0, 0
	for empty < 2 && repeated < deadRepeats {
		letters, err := q.receiveDead(ctx)
		if err != nil {
			return err
		}
		var fresh []DeadLetter
		for _, letter := range letters {
			if kept[letter.ID] = letter.receipt; !seen[letter.ID] {
				seen[letter.ID] = true
				fresh = append(fresh, letter)
			}
		}
		if len(fresh) == 0 {
			repeated++
			if len(letters) == 0 {
				empty++
			}
			continue
		}
		empty, repeated = 0, 0
		stay, more, err := visit(fresh)
		for _, letter := range fresh {
			if !slices.ContainsFunc(stay, func(s DeadLetter) bool { return s.ID == letter.ID }) {
				delete(kept, letter.ID)
			}
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// showAgain makes letters visible, also when ctx has ended. What fails is visible later.
func (q *Queue) showAgain(ctx context.Context, kept map[string]string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	var changes []change
	for _, receipt := range kept {
		changes = append(changes, change{receipt, 0})
	}
	for some := range slices.Chunk(changes, mostEntries) {
		q.changeBatch(ctx, q.dead, some)
	}
}

func (q *Queue) receiveDead(ctx context.Context) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := q.retry.Do(ctx, func(int) error {
		bounded, cancel := context.WithTimeout(ctx, deadWait+requestTimeout)
		defer cancel()
		out, err := q.client.ReceiveMessage(bounded, &sqs.ReceiveMessageInput{
			QueueUrl:            &q.dead.url,
			MaxNumberOfMessages: mostEntries,
			WaitTimeSeconds:     seconds(min(deadWait, q.timings.Wait)),
			VisibilityTimeout:   seconds(q.timings.Visibility),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameDeadLetterQueueSourceArn,
			},
		})
		if err != nil {
			return failed("ReceiveMessage", err)
		}
		letters = letters[:0]
		for _, message := range out.Messages {
			letter, err := q.openDead(ctx, message)
			if err != nil {
				return err
			}
			letters = append(letters, letter)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("receive from the dead-letter queue: %w", err)
	}
	return letters, nil
}

// openDead reads a letter of ours, or what SQS moved.
func (q *Queue) openDead(ctx context.Context, message types.Message) (DeadLetter, error) {
	text := aws.ToString(message.Body)
	dead := DeadLetter{ID: aws.ToString(message.MessageId), receipt: aws.ToString(message.ReceiptHandle)}
	if letter, is := openLetter(q.codec, text); is {
		dead.Letter = letter
		if letter.Reason == unreadable {
			dead.Foreign, dead.At = []byte(text), sentAt(message)
		}
		return dead, nil
	}
	dead.Raw = true
	dead.origin = q.main
	source := message.Attributes[string(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)]
	if name := q.priority.url[strings.LastIndexByte(q.priority.url, '/')+1:]; strings.HasSuffix(source, ":"+name) {
		dead.origin = q.priority
	}
	batch, ours := open(q.codec, text)
	if ours {
		dead.Batch = batch
	} else {
		dead.Foreign = []byte(text)
	}
	if source == "" && len(batch.Parts)+len(batch.Orders) > 0 {
		dead.origin = q.priority // not every emulator names the source
	}
	times, err := q.mostReceives(ctx, dead.origin)
	if err != nil {
		return DeadLetter{}, err
	}
	dead.Reason = fmt.Sprintf("received %s and never acknowledged: a worker crashed on it each time", times)
	dead.At = sentAt(message)
	return dead, nil
}

// mostReceives says how often a message of the queue is received before SQS moves it.
func (q *Queue) mostReceives(ctx context.Context, b *box) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.receives != "" {
		return b.receives, nil
	}
	attributes, err := q.attributes(ctx, b, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return "", err
	}
	var policy struct {
		Most json.Number `json:"maxReceiveCount"` // a number or its text
	}
	b.receives = "too often"
	if json.Unmarshal([]byte(attributes[string(types.QueueAttributeNameRedrivePolicy)]), &policy) == nil && policy.Most != "" {
		b.receives = policy.Most.String() + " times"
	}
	return b.receives, nil
}

// again returns where the work of a letter belongs, and its messages.
func (q *Queue) again(letter DeadLetter) (*box, []string, error) {
	if !letter.Raw && letter.Reason == unreadable {
		return nil, nil, errors.New(unreadable)
	}
	if letter.Foreign != nil {
		to := q.main
		if letter.Raw {
			to = letter.origin
		}
		return to, []string{string(letter.Foreign)}, nil
	}
	batch := fresh(letter.Batch)
	to := q.main
	if len(batch.Parts)+len(batch.Orders) > 0 {
		to = q.priority
	}
	texts, err := seal(q.codec, batch)
	return to, texts, err
}

// fresh returns batch with no attempt counted.
func fresh(batch task.Batch) task.Batch {
	again := batch
	again.Tasks, again.Parts, again.Orders = slices.Clone(batch.Tasks), slices.Clone(batch.Parts), slices.Clone(batch.Orders)
	for i := range again.Tasks {
		again.Tasks[i].Attempt, again.Tasks[i].Reason = 0, ""
	}
	for i := range again.Parts {
		again.Parts[i].Attempt, again.Parts[i].Reason = 0, ""
	}
	for i := range again.Orders {
		again.Orders[i].Attempt = 0
	}
	return again
}
