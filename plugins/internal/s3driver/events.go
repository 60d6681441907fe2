package s3driver

import (
	"context"
	"encoding/json"
	"fmt"
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
	Records  *[]json.RawMessage // of S3, or of a function's call: each a carried
	Messages *[]message         // of SQS, as ReceiveMessage returns them
	Body     string             // of one message of SQS
	Type     string             // of SNS: "Notification"
	Message  string             // of SNS
	Event    string             // "s3:TestEvent"
	Source   string             `json:"source"` // of EventBridge: "aws.s3"
	Detail   *detail            `json:"detail"`
	Kind     string             `json:"detail-type"`
	Time     time.Time          `json:"time"`
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

// record is one event of S3, versions 2.0 to 2.6. The minor version grows with fields
// that are new, the major version with what an older reader would misread; a new event
// needs no new version.
type record struct {
	Version string    `json:"eventVersion"`
	Source  string    `json:"eventSource"` // "aws:s3"; other stores write their own name before ":s3"
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
			VersionID string `json:"versionId"` // null or absent without versioning
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// detail is an event of S3 as EventBridge carries it.
type detail struct {
	Version string `json:"event-version"` // absent in older ones, 1.x
	Bucket  struct {
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
		var events []driver.Event
		for i, each := range *given.Records {
			events = append(events, parseRecord(i, each, depth)...)
		}
		return events, nil
	case given.Messages != nil:
		var events []driver.Event
		for i, each := range *given.Messages {
			events = append(events, parseCarried(i, each.Body, depth)...)
		}
		return events, nil
	case given.Body != "":
		return parseEvents([]byte(given.Body), depth-1)
	case given.Type == "Notification" && given.Message != "":
		return parseEvents([]byte(given.Message), depth-1)
	case given.Source == "aws.s3" && given.Detail != nil:
		return parseDetail(given), nil
	case given.Event == "s3:TestEvent":
		return nil, nil
	}
	return nil, control.Invalid("the notification has neither Records, as those of S3, nor Message (SNS), Body (SQS) or detail of aws.s3 (EventBridge)")
}

// parseCarried reads message i of several. One that cannot be read hinders no other.
func parseCarried(i int, body string, depth int) []driver.Event {
	events, err := parseEvents([]byte(body), depth-1)
	if err != nil {
		return []driver.Event{{Problem: fmt.Sprintf("message %d: %s", i, control.Message(err))}}
	}
	return events
}

// parseRecord reads record i of several. One that cannot be read hinders no other.
func parseRecord(i int, raw json.RawMessage, depth int) []driver.Event {
	var given carried
	err := json.Unmarshal(raw, &given)
	switch {
	case err == nil && given.Body != nil:
		return parseCarried(i, *given.Body, depth)
	case err == nil && given.SNS != nil:
		return parseCarried(i, given.SNS.Message, depth)
	}
	event := given.event()
	problem := ""
	if err != nil {
		problem = control.Misfit(err)
	} else {
		problem = given.fill(&event)
	}
	switch {
	case problem != "":
		event.Kind, event.Problem = 0, fmt.Sprintf("record %d: %s", i, problem)
	case event.Kind == 0:
		return nil
	}
	return []driver.Event{event}
}

// event returns what the record tells, without its kind and its key.
func (r record) event() driver.Event {
	object := r.S3.Object
	return driver.Event{
		Name: r.Name, Bucket: r.S3.Bucket.Name, VersionID: object.VersionID, Size: object.Size,
		ETag: control.Unquote(object.ETag), Sequencer: object.Sequencer, Time: r.Time.UTC(),
	}
}

// fill adds kind and key to the event and returns why the record cannot be read, or
// nothing. The kind remains 0 for what concerns no copy.
func (r record) fill(event *driver.Event) (problem string) {
	switch {
	case !strings.HasPrefix(r.Version, "2."):
		return fmt.Sprintf("its eventVersion is %q, but only versions 2.x are known", r.Version)
	case r.Source != "" && !strings.HasSuffix(r.Source, ":s3"):
		return fmt.Sprintf("its eventSource is %q, which is not S3", r.Source)
	case r.Name == "" || r.S3.Bucket.Name == "":
		return "it lacks eventName or s3.bucket.name"
	}
	name := strings.TrimPrefix(r.Name, "s3:") // MinIO writes the prefix, Amazon does not
	kind, known := kindOf(name)
	if known && kind == 0 {
		return "" // some of these name no key
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil || key == "" {
		return fmt.Sprintf("s3.object.key %q is no URL-encoded key", r.S3.Object.Key)
	}
	event.Kind, event.Key = kind, key
	if !known {
		return fmt.Sprintf("an event %q is not known", r.Name)
	}
	return ""
}

// details are the events of EventBridge; 0 stands for what concerns no copy. Source:
// Amazon S3 user guide, "Using EventBridge".
var details = map[string]driver.EventKind{
	"Object Created": driver.EventCreated, "Object Deleted": driver.EventDeleted, "Object Restore Completed": driver.EventRestored,
	"Object Restore Initiated": 0, "Object Restore Expired": 0, "Object Storage Class Changed": 0, "Object Access Tier Changed": 0,
	"Object ACL Updated": 0, "Object Tags Added": 0, "Object Tags Deleted": 0,
}

// parseDetail reads an event of EventBridge, whose keys are not URL-encoded.
func parseDetail(given envelope) []driver.Event {
	object := given.Detail.Object
	kind, known := details[given.Kind]
	event := driver.Event{
		Kind: kind, Name: given.Kind, Bucket: given.Detail.Bucket.Name, Key: object.Key, VersionID: object.VersionID, Size: object.Size,
		ETag: control.Unquote(object.ETag), Sequencer: object.Sequencer, Time: given.Time.UTC(),
	}
	version := given.Detail.Version
	switch {
	case known && kind == 0:
		return nil
	case !known:
		event.Problem = fmt.Sprintf("an event %q of EventBridge is not known", given.Kind)
	case version != "" && !strings.HasPrefix(version, "1."):
		event.Kind, event.Problem = 0, fmt.Sprintf("detail.event-version is %q, but only versions 1.x are known", version)
	case event.Key == "" || event.Bucket == "":
		event.Kind, event.Problem = 0, "the event lacks detail.object.key or detail.bucket.name"
	}
	return []driver.Event{event}
}

// silent are the first words of events that concern no copy: of Amazon S3, and of
// MinIO, which tells of reads and of buckets, too.
var silent = []string{
	"ReducedRedundancyLostObject", "ObjectRestore:", "Replication:", "LifecycleTransition", "IntelligentTiering", "ObjectTagging:",
	"ObjectAcl:", "ObjectAccessed:", "ObjectRetention:", "ObjectLegalHold:", "ObjectTransition:", "BucketCreated:", "BucketRemoved:", "Scanner:",
}

// kindOf returns what an event of S3 means; 0 for what concerns no copy. Sources: Amazon
// S3 user guide, "Supported event types for SQS, SNS, and Lambda";
// https://docs.min.io/community/minio-object-store/administration/monitoring/bucket-notifications.html.
func kindOf(name string) (kind driver.EventKind, known bool) {
	switch {
	case strings.HasPrefix(name, "ObjectCreated:"):
		return driver.EventCreated, true
	case strings.HasPrefix(name, "ObjectRemoved:"), strings.HasPrefix(name, "LifecycleExpiration:"):
		return driver.EventDeleted, true
	case name == "ObjectRestore:Completed":
		return driver.EventRestored, true
	}
	for _, opening := range silent {
		if strings.HasPrefix(name, opening) {
			return 0, true
		}
	}
	return 0, false
}
