package sqstest

import (
	"context"
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// input holds the members of all requests that the service knows.
type input struct {
	QueueURL            string `json:"QueueUrl"`
	Entries             []inputEntry
	MaxNumberOfMessages int
	WaitTimeSeconds     int
	VisibilityTimeout   int
}

type inputEntry struct {
	ID                string `json:"Id"`
	MessageBody       string
	DelaySeconds      int
	ReceiptHandle     string
	VisibilityTimeout int
}

type outcome struct {
	ID               string `json:"Id"`
	MessageID        string `json:"MessageId,omitempty"`
	MD5OfMessageBody string `json:",omitempty"`
	Code             string `json:",omitempty"`
	Message          string `json:",omitempty"`
	SenderFault      bool
}

type outcomes struct{ Successful, Failed []outcome }

func sum(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// check refuses what SQS refuses of a whole batch.
func check(entries []inputEntry) *Fault {
	switch {
	case len(entries) == 0:
		return &Fault{Code: "EmptyBatchRequest"}
	case len(entries) > mostEntries:
		return &Fault{Code: "TooManyEntriesInBatchRequest"}
	}
	size, ids := 0, map[string]bool{}
	for _, entry := range entries {
		size += len(entry.MessageBody)
		ids[entry.ID] = true
	}
	switch {
	case len(ids) < len(entries):
		return &Fault{Code: "BatchEntryIdsNotDistinct"}
	case size > mostBytes:
		return &Fault{Code: "BatchRequestTooLong"}
	}
	return nil
}

// batch serves each entry by itself.
func (s *Service) batch(q *Queue, op string, in input, serve func(*Queue, inputEntry) *Fault) (any, error) {
	if fault := check(in.Entries); fault != nil {
		return nil, fault
	}
	out := outcomes{Successful: []outcome{}, Failed: []outcome{}}
	for i, entry := range in.Entries {
		fault := s.fault(Call{Op: op, Queue: q.Name, Index: i, Text: entry.MessageBody + entry.ReceiptHandle})
		if fault == nil {
			fault = serve(q, entry)
		}
		if fault != nil {
			out.Failed = append(out.Failed, outcome{ID: entry.ID, Code: fault.Code, Message: "refused: " + fault.Code, SenderFault: !fault.Server})
			continue
		}
		out.Successful = append(out.Successful, outcome{ID: entry.ID})
	}
	return out, nil
}

func (s *Service) sendBatch(q *Queue, in input) (any, error) {
	var stored []*message
	answer, err := s.batch(q, "SendMessageBatch", in, func(q *Queue, entry inputEntry) *Fault {
		if entry.DelaySeconds < 0 || entry.DelaySeconds > mostDelay {
			return &Fault{Code: "InvalidParameterValue"}
		}
		if !utf8.ValidString(entry.MessageBody) || slices.ContainsFunc([]rune(entry.MessageBody), forbidden) {
			return &Fault{Code: "InvalidMessageContents"}
		}
		stored = append(stored, s.store(q, entry.MessageBody, time.Duration(entry.DelaySeconds)*time.Second))
		return nil
	})
	if out, ok := answer.(outcomes); ok {
		for i := range out.Successful {
			out.Successful[i].MessageID, out.Successful[i].MD5OfMessageBody = stored[i].id, sum(stored[i].body)
		}
	}
	return answer, err
}

// forbidden says whether SQS refuses the character:
// docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func forbidden(r rune) bool {
	return r != 0x9 && r != 0xa && r != 0xd && (r < 0x20 || r > 0xd7ff && r < 0xe000 || r == 0xfffe || r == 0xffff)
}

// store adds a message; s.mu is held.
func (s *Service) store(q *Queue, body string, delay time.Duration) *message {
	s.serial++
	now := time.Now()
	m := &message{id: fmt.Sprintf("message-%d", s.serial), body: body, sent: now, visible: now.Add(delay)}
	q.messages = append(q.messages, m)
	s.wake()
	return m
}

// remove deletes a message. A receipt of an earlier receive is accepted and does nothing,
// as in SQS.
func (s *Service) remove(q *Queue, entry inputEntry) *Fault {
	for i, m := range q.messages {
		if m.receipt != "" && m.receipt == entry.ReceiptHandle {
			q.messages = slices.Delete(q.messages, i, i+1)
			return nil
		}
	}
	if len(entry.ReceiptHandle) == 0 {
		return &Fault{Code: "ReceiptHandleIsInvalid"}
	}
	return nil
}

// change moves the end of a hold.
func (s *Service) change(q *Queue, entry inputEntry) *Fault {
	now := time.Now()
	for _, m := range q.messages {
		if m.receipt == "" || m.receipt != entry.ReceiptHandle {
			continue
		}
		until := now.Add(time.Duration(entry.VisibilityTimeout) * time.Second)
		switch {
		case !m.visible.After(now):
			return &Fault{Code: "MessageNotInflight"}
		case until.Sub(m.received) > longestHold:
			return &Fault{Code: "InvalidParameterValue"}
		}
		m.visible = until
		s.wake()
		return nil
	}
	return &Fault{Code: "InvalidParameterValue"}
}

func (s *Service) receive(ctx context.Context, q *Queue, in input) (any, error) {
	if in.MaxNumberOfMessages < 1 || in.MaxNumberOfMessages > mostEntries || in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > mostWait {
		return nil, &Fault{Code: "InvalidParameterValue"}
	}
	deadline := time.NewTimer(time.Duration(in.WaitTimeSeconds) * time.Second)
	defer deadline.Stop()
	for {
		found, next, fault := s.deliver(q, in)
		if fault != nil {
			return nil, fault
		}
		if len(found) > 0 {
			return map[string]any{"Messages": found}, nil
		}
		if s.Hasty {
			s.counts["empty"]++
			return map[string]any{}, nil
		}
		visible := time.NewTimer(next)
		changed := s.changed
		s.mu.Unlock()
		over := false
		select {
		case <-changed:
		case <-visible.C:
		case <-deadline.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		visible.Stop()
		s.mu.Lock()
		if over {
			s.counts["empty"]++
			return map[string]any{}, nil
		}
	}
}

type delivered struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	MD5OfBody     string
	Body          string
	Attributes    map[string]string
}

// deliver receives what is visible, and says when the next message becomes visible.
func (s *Service) deliver(q *Queue, in input) (found []delivered, next time.Duration, fault *Fault) {
	now := time.Now()
	next = time.Hour
	flying := 0
	for _, m := range slices.Clone(q.messages) {
		if m.visible.After(now) {
			next = min(next, m.visible.Sub(now))
			if m.receipt != "" {
				flying++
			}
		}
	}
	most := q.Most
	if most == 0 {
		most = defaultFlight
	}
	if flying >= most {
		return nil, 0, &Fault{Code: "OverLimit"}
	}
	slices.SortStableFunc(q.messages, func(a, b *message) int { return a.visible.Compare(b.visible) })
	for _, m := range slices.Clone(q.messages) {
		if len(found) == in.MaxNumberOfMessages || flying+len(found) == most || m.visible.After(now) {
			break
		}
		if q.Dead != nil && m.count >= q.Receives {
			s.move(q, m)
			continue
		}
		found = append(found, s.hand(m, in, now))
	}
	return found, next, nil
}

func (s *Service) hand(m *message, in input, now time.Time) delivered {
	s.serial++
	m.count++
	m.received, m.visible = now, now.Add(time.Duration(in.VisibilityTimeout)*time.Second)
	m.receipt = fmt.Sprintf("receipt-%d", s.serial)
	attributes := map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(m.count), "SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10),
	}
	if m.source != "" {
		attributes["DeadLetterQueueSourceArn"] = m.source
	}
	return delivered{MessageID: m.id, ReceiptHandle: m.receipt, MD5OfBody: sum(m.body), Body: m.body, Attributes: attributes}
}

// move puts a message into the dead-letter queue under its own ID.
func (s *Service) move(q *Queue, m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
	m.source, m.receipt, m.count = q.arn(), "", 0
	q.Dead.messages = append(q.Dead.messages, m)
	s.wake()
}
