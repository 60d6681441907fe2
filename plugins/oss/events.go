package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
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
	Events  []event `json:"events"`
	Source  string  `json:"source"` // of a CloudEvent
	Data    *event  `json:"data"`
	Message string  `json:"Message"`
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

// eventKinds say what of an object's life an event tells. Parts and begun uploads
// concern nobody.
var eventKinds = map[string]driver.EventKind{
	"ObjectCreated:PutObject": driver.EventCreated, "ObjectCreated:PostObject": driver.EventCreated,
	"ObjectCreated:CopyObject": driver.EventCreated, "ObjectCreated:AppendObject": driver.EventCreated,
	"ObjectCreated:PutSymlink": driver.EventCreated, "ObjectCreated:CompleteMultipartUpload": driver.EventCreated,
	"ObjectReplication:ObjectCreated": driver.EventCreated, "ObjectReplication:ObjectModified": driver.EventCreated,
	"ObjectRemoved:DeleteObject": driver.EventDeleted, "ObjectRemoved:DeleteObjects": driver.EventDeleted,
	"ObjectReplication:ObjectRemoved": driver.EventDeleted, "ObjectRestore:FinishRestore": driver.EventRestored,
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
	if payload[0] != '[' {
		payload = slices.Concat([]byte("["), payload, []byte("]"))
	}
	var list []notification
	if err := json.Unmarshal(payload, &list); err != nil {
		return nil, control.Invalid("the notification is no JSON of OSS: %v", err)
	}
	if len(list) == 0 {
		return nil, control.Invalid("the notification is an empty list")
	}
	found := []driver.Event{}
	for _, told := range list {
		events, err := told.read(envelopes)
		if err != nil {
			return nil, err
		}
		found = append(found, events...)
	}
	return found, nil
}

func (n notification) read(envelopes int) ([]driver.Event, error) {
	switch {
	case n.Message != "" && envelopes > 0:
		return parseEvents([]byte(n.Message), envelopes-1)
	case n.Data != nil:
		n.Events = append(n.Events, *n.Data)
	case n.Events == nil:
		return nil, control.Invalid("the notification has neither events, nor data, nor a Message")
	}
	var found []driver.Event
	for _, e := range n.Events {
		if e.Source != "acs:oss" && n.Source != "acs.oss" {
			return nil, control.Invalid("an event of the notification is not OSS's: its eventSource is %q, not acs:oss", e.Source)
		}
		kind, concerns := eventKinds[strings.TrimPrefix(e.Name, "oss:")]
		if !concerns || e.OSS.Object.Key == "" {
			continue
		}
		found = append(found, driver.Event{
			Kind: kind, Name: e.Name, Bucket: e.OSS.Bucket.Name, Key: e.OSS.Object.Key, Size: e.OSS.Object.Size,
			ETag: control.Unquote(e.OSS.Object.ETag), Time: e.Time.UTC(),
		})
	}
	return found, nil
}
