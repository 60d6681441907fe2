package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// notification is what carries OSS's events: a message of a queue of SMQ (formerly
// MNS) or Function Compute has Events, one of EventBridge, a CloudEvent, has Data, and
// one that a topic of SMQ passed on has Message. Keys stand in all of them as they are.
// Sources: https://www.alibabacloud.com/help/en/mns/user-guide/create-a-rule-to-generate-oss-event-notifications,
// https://www.alibabacloud.com/help/en/eventbridge/user-guide/oss-events,
// https://help.aliyun.com/zh/functioncompute/fc-3-0/user-guide/trigger-event-format.
type notification struct {
	Events  []json.RawMessage `json:"events"` // each an event
	Source  string            `json:"source"` // of a CloudEvent
	Data    json.RawMessage   `json:"data"`   // of a CloudEvent: an event
	Message string            `json:"Message"`
}

type event struct {
	Name   string    `json:"eventName"`
	Source string    `json:"eventSource"`
	Time   time.Time `json:"eventTime"`
	OSS    struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
			ETag string `json:"eTag"`
		} `json:"object"`
	} `json:"oss"`
}

// eventKinds say what of an object's life an event tells; 0 stands for what concerns no
// copy, such as parts, begun uploads and reads.
var eventKinds = map[string]driver.EventKind{
	"ObjectCreated:PutObject": driver.EventCreated, "ObjectCreated:PostObject": driver.EventCreated,
	"ObjectCreated:CopyObject": driver.EventCreated, "ObjectCreated:AppendObject": driver.EventCreated,
	"ObjectCreated:PutSymlink": driver.EventCreated, "ObjectCreated:CompleteMultipartUpload": driver.EventCreated,
	"ObjectReplication:ObjectCreated": driver.EventCreated, "ObjectReplication:ObjectModified": driver.EventCreated,
	"ObjectRemoved:DeleteObject": driver.EventDeleted, "ObjectRemoved:DeleteObjects": driver.EventDeleted,
	"ObjectReplication:ObjectRemoved": driver.EventDeleted, "ObjectRestore:FinishRestore": driver.EventRestored,
	"ObjectCreated:InitiateMultipartUpload": 0, "ObjectCreated:UploadPart": 0, "ObjectCreated:UploadPartCopy": 0,
	"ObjectRemoved:AbortMultipartUpload": 0, "ObjectDownloaded:GetObject": 0, "ObjectModified:UpdateObjectMeta": 0,
}

// ParseEvents reads a notification of SMQ, with its base64 or without, of Function
// Compute, or of EventBridge, one or a list of them.
func (b *bucket) ParseEvents(_ context.Context, payload []byte) ([]driver.Event, error) {
	events, err := parseEvents(payload, 2)
	return events, b.reporter.Fail("ParseEvents", "", err)
}

// parseEvents opens up to so many envelopes.
func parseEvents(payload []byte, envelopes int) ([]driver.Event, error) {
	payload = bytes.TrimSpace(payload)
	if decoded, err := base64.StdEncoding.DecodeString(string(payload)); err == nil {
		payload = bytes.TrimSpace(decoded)
	}
	if len(payload) == 0 {
		return nil, control.Invalid("the notification is empty")
	}
	alone := payload[0] != '['
	if alone {
		payload = slices.Concat([]byte("["), payload, []byte("]"))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(payload, &list); err != nil {
		return nil, control.Invalid("the notification is no JSON of OSS: %v", err)
	}
	if len(list) == 0 {
		return nil, control.Invalid("the notification is an empty list")
	}
	found := []driver.Event{}
	for i, raw := range list {
		events, err := parseNotification(raw, envelopes)
		switch {
		case err != nil && alone:
			return nil, err
		case err != nil: // one of several hinders no other
			events = []driver.Event{{Problem: fmt.Sprintf("notification %d of the list: %s", i, control.Message(err))}}
		}
		found = append(found, events...)
	}
	return found, nil
}

func parseNotification(raw json.RawMessage, envelopes int) ([]driver.Event, error) {
	var given notification
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, control.Invalid("the notification is no JSON of OSS: %s", control.Misfit(err))
	}
	switch {
	case given.Message != "" && envelopes > 0:
		return parseEvents([]byte(given.Message), envelopes-1)
	case len(given.Data) > 0 && given.Source != "acs.oss" && given.Source != "":
		return nil, control.Invalid("the event is not OSS's: its source is %q, not acs.oss", given.Source)
	case len(given.Data) > 0:
		given.Events = []json.RawMessage{given.Data}
	case given.Events == nil:
		return nil, control.Invalid("the notification has neither events, nor data, nor a Message")
	}
	var found []driver.Event
	for i, each := range given.Events {
		if read, concerns := parseEvent(i, each, given.Source); concerns {
			found = append(found, read)
		}
	}
	return found, nil
}

// parseEvent reads event i of a notification. One that cannot be read hinders no other.
func parseEvent(i int, raw json.RawMessage, source string) (read driver.Event, concerns bool) {
	var given event
	err := json.Unmarshal(raw, &given)
	kind, known := eventKinds[strings.TrimPrefix(given.Name, "oss:")]
	read = driver.Event{
		Kind: kind, Name: given.Name, Bucket: given.OSS.Bucket.Name, Key: given.OSS.Object.Key, Size: given.OSS.Object.Size,
		ETag: control.Unquote(given.OSS.Object.ETag), Time: given.Time.UTC(),
	}
	problem := ""
	switch {
	case err != nil:
		problem = control.Misfit(err)
	case source == "" && given.Source != "acs:oss":
		problem = fmt.Sprintf("its eventSource is %q, not acs:oss", given.Source)
	case known && kind == 0, !known && read.Key == "": // of a bucket, say
		return driver.Event{}, false
	case !known:
		problem = fmt.Sprintf("its eventName %q is not known", given.Name)
	case read.Key == "" || read.Bucket == "":
		problem = "it lacks oss.object.key or oss.bucket.name"
	}
	if problem != "" {
		read.Kind, read.Problem = 0, fmt.Sprintf("event %d of the notification: %s", i, problem)
	}
	return read, true
}
