// Package sqs is the queue of a fleet: batches travel through Amazon SQS, in one
// standard queue for objects, one for what goes first, and one of dead letters.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/awsconfig"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
)

// Config says where the queues are and how to use them. Region, credentials and
// endpoint come from the standard AWS environment.
type Config struct {
	Main       string // URL of the queue of objects
	Priority   string // URL of the queue of parts and orders
	DeadLetter string // URL of the queue of what cannot be worked on

	MainLimits     Limits // zero: DefaultMainLimits
	PriorityLimits Limits // zero: DefaultPriorityLimits

	Timings Timings      // each that is zero: DefaultTimings'
	Retry   retry.Policy // of requests; zero: retry.Default
	Log     hclog.Logger // nil logs nothing

	// Client changes the client before it is used, such as its endpoint in tests.
	Client func(*sqs.Options)
}

// Limits bound what a process holds of one queue: received, not yet acknowledged.
// Nothing more is received while a limit is reached.
type Limits struct {
	Messages int
	Tasks    int // the last answer may exceed it by ten messages
}

var (
	// DefaultMainLimits keep a worker busy while the next messages are on their way.
	DefaultMainLimits = Limits{Messages: 20, Tasks: 2000}
	// DefaultPriorityLimits leave the parts of a giant object to other workers too.
	DefaultPriorityLimits = Limits{Messages: 4, Tasks: 400}
)

// Timings are the times of the protocol with SQS.
type Timings struct {
	Wait       time.Duration // of one long poll, at most 20 s
	Visibility time.Duration // how long a received message is kept from others unless that is extended; longer than Wait
	Heartbeat  time.Duration // between extensions; a third of Visibility
	Longest    time.Duration // after which a message is not extended any more: SQS allows 12 h from the receive
	SendLinger time.Duration // how long an entry waits for others to share its request
	AckLinger  time.Duration // the same for what is acknowledged, where nobody waits
	OverLimit  time.Duration // pause when too many messages are in flight
	Close      time.Duration // how long Close waits for the last requests
}

// DefaultTimings suit a worker that drains within two minutes.
var DefaultTimings = Timings{
	Wait:       20 * time.Second,
	Visibility: 2 * time.Minute,
	Heartbeat:  40 * time.Second,
	Longest:    11*time.Hour + 30*time.Minute,
	SendLinger: 20 * time.Millisecond,
	AckLinger:  time.Second,
	OverLimit:  15 * time.Second,
	Close:      30 * time.Second,
}

// longestDelay is what SQS takes for DelaySeconds:
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
const longestDelay = 15 * time.Minute

// requestTimeout bounds a request, beside the time of a long poll.
const requestTimeout = 20 * time.Second

// Queue implements queue.Shared. A process that only sends calls Close in the end; one
// that receives calls Stop, acknowledges or returns what it holds, and then Close.
type Queue struct {
	client  *sqs.Client
	codec   *task.Codec
	timings Timings
	retry   retry.Policy
	log     hclog.Logger

	main, priority, dead *box

	life   context.Context // of what no caller waits for; ends when Close gives up
	end    context.CancelFunc
	active tally // Sends, acknowledgements and requests under way

	mu       sync.Mutex
	closed   bool             // nothing more will be sent
	receipts map[string]*held // what this process holds, by receipt handle
	inboxes  [2]*inbox        // priority first
	hungry   int              // callers that wait in Receive
	started  bool             // the receivers and the heartbeat run, or did
	stopped  bool             // nothing more will be received
	failure  error            // of a receiver, for the next Receive
	unacked  error            // of a deletion, for the next Ack
	changed  chan struct{}    // closed and replaced when the above changes
	stop     context.CancelFunc
	calm     context.CancelFunc // ends the heartbeat
	running  sync.WaitGroup     // receivers
	beating  sync.WaitGroup     // heartbeat
}

var _ queue.Shared = (*Queue)(nil)

// New returns the queue. No request is made before it is used.
func New(ctx context.Context, config Config) (*Queue, error) {
	for name, url := range map[string]string{"main": config.Main, "priority": config.Priority, "dead-letter": config.DeadLetter} {
		if url == "" {
			return nil, fmt.Errorf("SQS: the URL of the %s queue is missing", name)
		}
	}
	codec, err := task.NewCodec()
	if err != nil {
		return nil, err
	}
	shared, err := awsconfig.Load(ctx, "SQS")
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(shared, func(o *sqs.Options) {
		o.Retryer = aws.NopRetryer{} // there is one retry layer, ours
		if config.Client != nil {
			config.Client(o)
		}
	})
	q := &Queue{
		client:   client,
		codec:    codec,
		timings:  config.Timings.filled(),
		retry:    config.Retry,
		log:      config.Log,
		receipts: map[string]*held{},
		changed:  make(chan struct{}),
	}
	if q.retry == (retry.Policy{}) {
		q.retry = retry.Default
	}
	if q.log == nil {
		q.log = hclog.NewNullLogger()
	}
	q.life, q.end = context.WithCancel(context.Background())
	q.main = q.newBox("main", config.Main, q.timings.AckLinger)
	q.priority = q.newBox("priority", config.Priority, q.timings.AckLinger)
	q.dead = q.newBox("dead-letter", config.DeadLetter, q.timings.SendLinger) // somebody waits
	q.inboxes = [2]*inbox{
		{box: q.priority, limits: config.PriorityLimits.or(DefaultPriorityLimits)},
		{box: q.main, limits: config.MainLimits.or(DefaultMainLimits)},
	}
	return q, nil
}

func (l Limits) or(other Limits) Limits {
	if l.Messages == 0 {
		l.Messages = other.Messages
	}
	if l.Tasks == 0 {
		l.Tasks = other.Tasks
	}
	return l
}

func (t Timings) filled() Timings {
	for _, each := range []struct {
		value *time.Duration
		other time.Duration
	}{
		{&t.Wait, DefaultTimings.Wait}, {&t.Visibility, DefaultTimings.Visibility}, {&t.Heartbeat, DefaultTimings.Heartbeat},
		{&t.Longest, DefaultTimings.Longest}, {&t.SendLinger, DefaultTimings.SendLinger}, {&t.AckLinger, DefaultTimings.AckLinger},
		{&t.OverLimit, DefaultTimings.OverLimit}, {&t.Close, DefaultTimings.Close},
	} {
		if *each.value == 0 {
			*each.value = each.other
		}
	}
	return t
}

// Send stores one batch durably, in several messages where it is too large for one:
// when it fails, some of them may be stored. Sends at the same time share requests, ten
// messages each, so send from ten goroutines or more.
func (q *Queue) Send(ctx context.Context, batch task.Batch) error {
	return q.SendLater(ctx, batch, 0)
}

// SendLater stores one batch durably that is not delivered before the delay has passed,
// rounded up to seconds. Delays are cut to 15 minutes.
func (q *Queue) SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error {
	texts, err := seal(q.codec, batch)
	if err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	to := q.main
	if len(batch.Parts)+len(batch.Orders) > 0 {
		to = q.priority
	}
	if err := q.post(ctx, to, texts, delay); err != nil {
		return fmt.Errorf("%s: %w", describe(batch), err)
	}
	return nil
}

// describe names a batch in an error.
func describe(batch task.Batch) string {
	switch {
	case len(batch.Tasks) > 0:
		return fmt.Sprintf("%d tasks of run %q from %q", len(batch.Tasks), batch.Run, batch.Tasks[0].Key)
	case len(batch.Parts) > 0:
		return fmt.Sprintf("%d parts from %d of %s", len(batch.Parts), batch.Parts[0].Number, batch.Parts[0].Upload)
	case len(batch.Orders) > 0:
		return fmt.Sprintf("order %s of %s", batch.Orders[0].Kind, batch.Orders[0].Upload)
	}
	return fmt.Sprintf("an empty batch of run %q", batch.Run)
}

// Bury puts a letter into the dead-letter queue, in several messages where its batch is
// too large for one. A foreign body above 700 KB does not fit into a letter; left
// unacknowledged, SQS moves the message itself.
func (q *Queue) Bury(ctx context.Context, letter queue.Letter) error {
	texts, err := sealLetter(q.codec, letter)
	if err != nil {
		return fmt.Errorf("bury: %w", err)
	}
	return q.post(ctx, q.dead, texts, 0)
}

// post sends messages, each until it is stored or fails for good, unless the queue is
// closed.
func (q *Queue) post(ctx context.Context, to *box, texts []string, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return queue.ErrClosed
	}
	q.active.begin()
	q.mu.Unlock()
	defer q.active.end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(q.life, func() { cancel(queue.ErrClosed) })()
	seconds := int32((max(0, min(delay, longestDelay)) + time.Second - 1) / time.Second)
	if len(texts) == 1 {
		return q.deliverOne(ctx, to, entry{texts[0], seconds})
	}
	var sending errgroup.Group
	for _, text := range texts {
		sending.Go(func() error { return q.deliverOne(ctx, to, entry{text, seconds}) })
	}
	return sending.Wait()
}

func (q *Queue) deliverOne(ctx context.Context, to *box, message entry) error {
	if err := to.sends.do(ctx, message); err != nil {
		return fmt.Errorf("send to the %s queue: %w", to.name, err)
	}
	return nil
}

// Depth returns about how many messages are in the main and priority queues. SQS counts
// with a delay of about a minute.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	var sum queue.Depth
	for _, b := range []*box{q.main, q.priority} {
		depth, err := q.depthOf(ctx, b)
		if err != nil {
			return queue.Depth{}, err
		}
		sum.Waiting += depth.Waiting
		sum.Delayed += depth.Delayed
		sum.Held += depth.Held
	}
	return sum, nil
}

func (q *Queue) depthOf(ctx context.Context, b *box) (queue.Depth, error) {
	attributes, err := q.attributes(ctx, b, types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
	if err != nil {
		return queue.Depth{}, err
	}
	number := func(name types.QueueAttributeName) int64 {
		n, parseErr := strconv.ParseInt(attributes[string(name)], 10, 64)
		if parseErr != nil {
			err = errors.Join(err, fmt.Errorf("depth of the %s queue: %s is %q", b.name, name, attributes[string(name)]))
		}
		return n
	}
	depth := queue.Depth{
		Waiting: number(types.QueueAttributeNameApproximateNumberOfMessages),
		Delayed: number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
		Held:    number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
	}
	return depth, err
}

func (q *Queue) attributes(ctx context.Context, b *box, names ...types.QueueAttributeName) (map[string]string, error) {
	var attributes map[string]string
	err := q.retry.Do(ctx, func(int) error {
		bounded, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		out, err := q.client.GetQueueAttributes(bounded, &sqs.GetQueueAttributesInput{QueueUrl: &b.url, AttributeNames: names})
		if err != nil {
			return failed("GetQueueAttributes", err)
		}
		attributes = out.Attributes
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("attributes of the %s queue: %w", b.name, err)
	}
	return attributes, nil
}

// Close says that nothing more will be sent, and waits until what is under way is
// stored and what was acknowledged is deleted, 30 seconds at most. After Stop it also
// ends the hold on whatever was neither acknowledged nor returned: SQS delivers it again
// when its time is over. It returns the first failure of an acknowledgement that no Ack
// has returned.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closed = true
	stopped := q.stopped
	calm := q.calm
	q.mu.Unlock()
	if stopped && calm != nil {
		calm()
		q.beating.Wait()
	}
	for _, b := range []*box{q.main, q.priority, q.dead} {
		b.sends.hurry()
		b.deletes.hurry()
		b.changes.hurry()
	}
	timer := time.NewTimer(q.timings.Close)
	defer timer.Stop()
	select {
	case <-q.active.idle():
	case <-timer.C:
		q.end()
		<-q.active.idle()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.unacked
	q.unacked = nil
	if stopped {
		clear(q.receipts)
	}
	return err
}
