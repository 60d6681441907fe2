package event

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dth-dev/dth/sdk/driver"
)

// MaxBody is how many bytes a message may have. No queue that brings notifications
// takes larger ones: Amazon SQS ends at 1 MiB,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const MaxBody = 1 << 20

// maxReason bounds the reason that goes with a message to the dead-letter queue, bytes.
const maxReason = 512

// Unreadable says that a whole message is no notification of the source's store. To
// read it again would not help: it goes to the dead-letter queue with its Reason.
type Unreadable struct {
	Reason string // printable, at most maxReason bytes
	Err    error  // the plugin's; nil where the message was not even shown to it
}

// Error returns the reason.
func (u *Unreadable) Error() string {
	return "the message is no notification that can be read: " + u.Reason
}

// Unwrap returns the plugin's error.
func (u *Unreadable) Unwrap() error { return u.Err }

// Reader reads the messages of one job. It may be used by many goroutines at once.
// Which store a message comes from, what carried it and how its keys are encoded is the
// plugin's knowledge alone.
type Reader struct {
	Parser driver.EventParser // of the source's bucket
	Bucket string             // the source's, as notifications name it
	Prefix string             // keys that do not begin so are foreign
	Mode   Mode               // in any mode but CreateAndDelete nothing is deleted
}

// Read returns what a message tells. A message that tells of no object, such as the
// test that a store sends when its notifications are set up, is an empty Reading.
// An error that is no *Unreadable says that the plugin could not be asked: the message
// stays where it is and is read again.
func (r *Reader) Read(ctx context.Context, body []byte) (Reading, error) {
	switch {
	case len(body) > MaxBody:
		return Reading{}, &Unreadable{Reason: fmt.Sprintf("it has %d bytes, more than the %d that a notification may have", len(body), MaxBody)}
	case !utf8.Valid(body): // a JSON decoder would replace what it cannot read in a key, in silence
		return Reading{}, &Unreadable{Reason: "it is no UTF-8 text"}
	}
	events, err := r.Parser.ParseEvents(ctx, body)
	switch driver.KindOf(err) {
	case driver.KindInvalidArgument, driver.KindUnsupported:
		return Reading{}, &Unreadable{Reason: printable(err.Error()), Err: err}
	}
	if err != nil {
		return Reading{}, fmt.Errorf("read a notification: %w", err)
	}
	return r.sort(events), nil
}

// sort tells events that concern the job from others and collapses them.
func (r *Reader) sort(events []driver.Event) Reading {
	reading := Reading{Events: len(events)}
	var keys []string
	ofKey := map[string][]driver.Event{}
	for _, event := range events {
		if r.foreign(event) {
			reading.Foreign++
			continue
		}
		if reason := problem(event); reason != "" {
			reading.Problems = append(reading.Problems, Problem{Name: event.Name, Bucket: event.Bucket, Key: event.Key, Reason: printable(reason)})
			continue
		}
		if _, seen := ofKey[event.Key]; !seen {
			keys = append(keys, event.Key)
		}
		ofKey[event.Key] = append(ofKey[event.Key], event)
	}
	for _, key := range keys {
		change, wanted := r.collapse(ofKey[key])
		if !wanted {
			reading.Kept += len(ofKey[key])
			continue
		}
		reading.Changes = append(reading.Changes, change)
	}
	return reading
}

// foreign reports whether the event is known to concern another job.
func (r *Reader) foreign(event driver.Event) bool {
	if event.Bucket != "" && event.Bucket != r.Bucket {
		return true
	}
	return event.Key != "" && !strings.HasPrefix(event.Key, r.Prefix)
}

// problem returns why an event cannot be carried out, or nothing.
func problem(event driver.Event) string {
	switch {
	case event.Problem != "":
		return event.Problem
	case event.Bucket == "" || event.Key == "":
		return "the event names no bucket or no key"
	}
	switch event.Kind {
	case driver.EventCreated, driver.EventDeleted, driver.EventRestored:
		return ""
	}
	return fmt.Sprintf("the plugin tells of an event of kind %d, which this version of dth does not know: use a newer one", event.Kind)
}

// printable makes a text that any queue takes and any terminal shows.
func printable(reason string) string {
	reason = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, reason)
	for len(reason) > maxReason {
		_, size := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-size]
	}
	return reason
}
