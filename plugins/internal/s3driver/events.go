package s3driver

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// envelope is what carries a notification: S3 itself, SNS, SQS, a function that is
// called by one of these, or EventBridge. Sources: Amazon S3 user guide, "Event message
// structure" and "EventBridge event message structure"; Amazon SNS developer guide,
// "Amazon SNS message and JSON formats"; AWS Lambda developer guide, the events of SQS
// and SNS.
type envelope struct {
	Records  *[]carried // of S3, or of a function's call
	Messages *[]message // of SQS, as ReceiveMessage returns them
	Body     string     // of one message of SQS
	Type     string     // of SNS: "Notification"
	Message  string     // of SNS
	Event    string     // "s3:TestEvent"
	Source   string     `json:"source"` // of EventBridge: "aws.s3"
	Detail   *detail    `json:"detail"`
	Kind     string     `json:"detail-type"`
	Time     time.Time  `json:"time"`
}

type message struct {
	Body string
}

// carried is one record: an event of S3, or a message that carries some.
type carried struct {
	record
	Body *string `json:"body"` // SQS
	SNS  *struct {
		Message string
	} `json:"Sns"`
}

// record is one event of S3, versions 2.0 to 2.5.
type record struct {
	Version string    `json:"eventVersion"`
	Name    string    `json:"eventName"`
	Time    time.Time `json:"eventTime"`
	S3      struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// detail is an event of S3 as EventBridge carries it.
type detail struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		Size      int64  `json:"size"`
		ETag      string `json:"etag"`
		VersionID string `json:"version-id"`
		Sequencer string `json:"sequencer"`
	} `json:"object"`
}

// maxCarriers is how many messages may stand in each other: a function is called with a
// message of SQS that holds one of SNS that holds the notification.
const maxCarriers = 4

// ParseEvents reads a notification, whatever carried it.
func (b *Bucket) ParseEvents(_ context.Context, payload []byte) ([]driver.Event, error) {
	events, err := parseEvents(payload, maxCarriers)
	return events, b.reporter.Fail("ParseEvents", "", err)
}

func parseEvents(payload []byte, depth int) ([]driver.Event, error) {
	if depth == 0 {
		return nil, control.Invalid("the notification stands in more than %d messages", maxCarriers)
	}
	var given envelope
	if err := json.Unmarshal(payload, &given); err != nil {
		return nil, control.Invalid("the notification is no JSON object as S3, SNS, SQS and EventBridge send it: %v", err)
	}
	switch {
	case given.Records != nil:
		return parseRecords(*given.Records, depth)
	case given.Messages != nil:
		var events []driver.Event
		for _, message := range *given.Messages {
			more, err := parseEvents([]byte(message.Body), depth-1)
			if err != nil {
				return nil, err
			}
			events = append(events, more...)
		}
		return events, nil
	case given.Body != "":
		return parseEvents([]byte(given.Body), depth-1)
	case given.Type == "Notification" && given.Message != "":
		return parseEvents([]byte(given.Message), depth-1)
	case given.Source == "aws.s3" && given.Detail != nil:
		return parseDetail(given)
	case given.Event == "s3:TestEvent":
		return nil, nil
	}
	return nil, control.Invalid("the notification has neither Records, as those of S3, nor Message (SNS), Body (SQS) or detail of aws.s3 (EventBridge)")
}

func parseRecords(records []carried, depth int) ([]driver.Event, error) {
	var events []driver.Event
	for i, each := range records {
		var more []driver.Event
		var err error
		switch {
		case each.Body != nil:
			more, err = parseEvents([]byte(*each.Body), depth-1)
		case each.SNS != nil:
			more, err = parseEvents([]byte(each.SNS.Message), depth-1)
		default:
			more, err = each.events(i)
		}
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

// events returns the event of one record, or none where it concerns no copy.
func (r record) events(i int) ([]driver.Event, error) {
	if !strings.HasPrefix(r.Version, "2.") {
		return nil, control.Invalid("record %d of the notification has eventVersion %q: versions 2.0 to 2.5 are known", i, r.Version)
	}
	if r.Name == "" || r.S3.Bucket.Name == "" {
		return nil, control.Invalid("record %d of the notification lacks eventName or s3.bucket.name", i)
	}
	kind := kindOf(strings.TrimPrefix(r.Name, "s3:")) // MinIO writes the prefix, Amazon does not
	if kind == 0 {
		return nil, nil
	}
	object := r.S3.Object
	key, err := url.QueryUnescape(object.Key)
	if err != nil || key == "" {
		return nil, control.Invalid("record %d of the notification: s3.object.key %q is no URL-encoded key", i, object.Key)
	}
	return []driver.Event{{
		Kind: kind, Name: r.Name, Bucket: r.S3.Bucket.Name, Key: key, VersionID: object.VersionID, Size: object.Size,
		ETag: control.Unquote(object.ETag), Sequencer: object.Sequencer, Time: r.Time.UTC(),
	}}, nil
}

// parseDetail reads an event of EventBridge, whose keys are not URL-encoded.
func parseDetail(given envelope) ([]driver.Event, error) {
	kind := map[string]driver.EventKind{
		"Object Created": driver.EventCreated, "Object Deleted": driver.EventDeleted, "Object Restore Completed": driver.EventRestored,
	}[given.Kind]
	if kind == 0 {
		return nil, nil
	}
	object := given.Detail.Object
	if object.Key == "" || given.Detail.Bucket.Name == "" {
		return nil, control.Invalid("the event lacks detail.object.key or detail.bucket.name")
	}
	return []driver.Event{{
		Kind: kind, Name: given.Kind, Bucket: given.Detail.Bucket.Name, Key: object.Key, VersionID: object.VersionID, Size: object.Size,
		ETag: control.Unquote(object.ETag), Sequencer: object.Sequencer, Time: given.Time.UTC(),
	}}, nil
}

// kindOf returns what an event of S3 means; 0 for what concerns no copy. Source: Amazon
// S3 user guide, "Supported event types for SQS, SNS, and Lambda".
func kindOf(name string) driver.EventKind {
	switch {
	case strings.HasPrefix(name, "ObjectCreated:"):
		return driver.EventCreated
	case strings.HasPrefix(name, "ObjectRemoved:"), strings.HasPrefix(name, "LifecycleExpiration:"):
		return driver.EventDeleted
	case name == "ObjectRestore:Completed":
		return driver.EventRestored
	}
	return 0
}
