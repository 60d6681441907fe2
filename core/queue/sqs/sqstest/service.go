// Package sqstest is a strict Amazon SQS in memory, for tests and to measure what dth's
// own side of a message costs.
package sqstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// The limits of SQS:
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	mostEntries   = 10
	mostBytes     = 256 << 10 // of a batch; 1 MiB in some regions
	longestHold   = 12 * time.Hour
	mostDelay     = 900
	mostWait      = 20
	defaultFlight = 120_000
)

// Service holds standard queues. It serves the JSON protocol as an http.Handler, and
// without a network as an http.RoundTripper. Messages come in the order in which they
// became visible; SQS promises no order.
type Service struct {
	// Fault is asked before a request (Index -1) and before each entry of a batch. What it
	// returns is answered instead. It may be nil, and is called by one goroutine at a time.
	Fault func(Call) *Fault
	// Lose is asked after a request was served whether its answer is lost, likewise.
	Lose func(op string) bool
	// Hasty services answer ReceiveMessage at once, as some emulators do.
	Hasty bool

	mu      sync.Mutex
	queues  map[string]*Queue
	counts  map[string]int
	changed chan struct{} // closed and replaced when a message may have become visible
	serial  int
}

// Call is a request, or one entry of it.
type Call struct {
	Op    string // such as "SendMessageBatch"
	Queue string // its name
	Index int    // of the entry; -1 for the whole request
	Text  string // of the entry: the body or the receipt handle
}

// Fault is a failure of a request or of an entry.
type Fault struct {
	Code   string
	Server bool // the service's fault
}

// Error returns the code.
func (f *Fault) Error() string { return f.Code }

// Queue is one queue of the service.
type Queue struct {
	Name     string
	Most     int    // in flight; 120,000 where it is 0
	Dead     *Queue // where messages go that were received too often; may be nil
	Receives int    // maxReceiveCount of the redrive policy

	messages []*message
}

type message struct {
	id, body string
	sent     time.Time
	visible  time.Time
	received time.Time // last
	receipt  string    // of the last receive; empty while visible
	count    int
	source   string // ARN of the queue it was moved from
}

// New returns a service without queues.
func New() *Service {
	return &Service{queues: map[string]*Queue{}, counts: map[string]int{}, changed: make(chan struct{})}
}

// Add makes a queue and returns its URL on a server that listens at address.
func (s *Service) Add(address string, q *Queue) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[q.Name] = q
	return address + "/000000000000/" + q.Name
}

// Counts returns how many requests of each operation were served, and how many of
// ReceiveMessage brought nothing as "empty".
func (s *Service) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Bodies returns the bodies of all messages in the queue, also those in flight.
func (s *Service) Bodies(q *Queue) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bodies []string
	for _, m := range q.messages {
		bodies = append(bodies, m.body)
	}
	return bodies
}

// Put stores a message as a store's notification or the state machine does.
func (s *Service) Put(q *Queue, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(q, body, 0)
}

// Expire makes all messages of the queue that are in flight visible, as if the time of
// those who received them were over.
func (s *Service) Expire(q *Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range q.messages {
		if m.receipt != "" {
			m.visible = time.Now()
		}
	}
	s.wake()
}

// RoundTrip serves a request without a network.
func (s *Service) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	lost := s.serve(recorder, request)
	if request.Body != nil {
		request.Body.Close()
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if lost {
		return nil, errors.New("connection reset by peer")
	}
	response := recorder.Result()
	response.Request = request
	return response, nil
}

// ServeHTTP serves a request.
func (s *Service) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	recorder := httptest.NewRecorder()
	if s.serve(recorder, request) {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes()) // the client may be gone
}

func (s *Service) serve(w http.ResponseWriter, request *http.Request) (lost bool) {
	op := strings.TrimPrefix(request.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in input
	answer, err := any(nil), json.NewDecoder(request.Body).Decode(&in)
	if err != nil {
		err = &Fault{Code: "SerializationException"}
	} else {
		answer, err = s.perform(request.Context(), op, in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	var fault *Fault
	if errors.As(err, &fault) {
		status := http.StatusBadRequest
		if fault.Server {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		answer = map[string]string{"__type": "com.amazonaws.sqs#" + fault.Code, "message": "refused: " + fault.Code}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // a defect of this package
	}
	_, _ = w.Write(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Lose != nil && s.Lose(op)
}

func (s *Service) perform(ctx context.Context, op string, in input) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[op]++
	q := s.queues[in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:]]
	if q == nil {
		return nil, &Fault{Code: "QueueDoesNotExist"}
	}
	if fault := s.fault(Call{Op: op, Queue: q.Name, Index: -1}); fault != nil {
		return nil, fault
	}
	switch op {
	case "SendMessageBatch":
		return s.sendBatch(q, in)
	case "DeleteMessageBatch":
		return s.batch(q, op, in, s.remove)
	case "ChangeMessageVisibilityBatch":
		return s.batch(q, op, in, s.change)
	case "ReceiveMessage":
		return s.receive(ctx, q, in)
	case "GetQueueAttributes":
		return s.attributes(q), nil
	}
	return nil, &Fault{Code: "InvalidAction"}
}

func (s *Service) fault(call Call) *Fault {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(call)
}

// wake tells those who wait for a message to look again; s.mu is held.
func (s *Service) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (q *Queue) arn() string { return "arn:aws:sqs:us-east-1:000000000000:" + q.Name }

func (s *Service) attributes(q *Queue) any {
	now := time.Now()
	var waiting, delayed, held int
	for _, m := range q.messages {
		switch {
		case !m.visible.After(now):
			waiting++
		case m.receipt != "":
			held++
		default:
			delayed++
		}
	}
	attributes := map[string]string{
		"ApproximateNumberOfMessages":           fmt.Sprint(waiting),
		"ApproximateNumberOfMessagesDelayed":    fmt.Sprint(delayed),
		"ApproximateNumberOfMessagesNotVisible": fmt.Sprint(held),
	}
	if q.Dead != nil {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, q.Dead.arn(), q.Receives)
	}
	return map[string]any{"Attributes": attributes}
}
