package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// notification is what Kodo sends to the address of a rule. Its message is JSON in a
// JSON string. Source: https://developer.qiniu.com/kodo/8610/dev-event-notification.
type notification struct {
	Message *string `json:"Message"`
}

type message struct {
	Event      string `json:"event"`
	Time       int64  `json:"time"` // ns since 1970
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	Size       int64  `json:"fsize"`
	Hash       string `json:"hash"`
	DestBucket string `json:"dest_bucket"`
	DestKey    string `json:"dest_key"`
}

// kinds say what an event means; 0 stands for what concerns no copy. A disabled object
// cannot be read until it is enabled, which is why that counts as written; disabling
// deletes nothing, nor does what precedes a deletion.
var kinds = map[string]driver.EventKind{
	"put": driver.EventCreated, "mkfile": driver.EventCreated, "append": driver.EventCreated, "copy": driver.EventCreated,
	"move": driver.EventDeleted, "delete": driver.EventDeleted, "deleteMarkerCreate": driver.EventDeleted,
	"enable": driver.EventCreated, "restore:completed": driver.EventRestored,
	"disable": 0, "predelete": 0,
}

// ParseEvents reads a notification.
func (b *bucket) ParseEvents(_ context.Context, payload []byte) (events []driver.Event, err error) {
	defer b.blame("ParseEvents", "", &err)
	return parse(payload)
}

// parse reads a notification. A copy is of its destination; a move is a deletion and a
// creation.
func parse(payload []byte) ([]driver.Event, error) {
	var given notification
	if err := json.Unmarshal(payload, &given); err != nil || given.Message == nil {
		return nil, control.Invalid(`the notification is no JSON object with a text "Message", as Kodo sends it`)
	}
	var told message
	if err := json.Unmarshal([]byte(*given.Message), &told); err != nil || told.Event == "" || told.Bucket == "" || told.Key == "" {
		return nil, control.Invalid(`the "Message" of the notification is no JSON object with "event" and "bucket" and "key", as Kodo sends it`)
	}
	kind, known := kinds[told.Event]
	event := driver.Event{
		Kind: kind, Name: told.Event, Bucket: told.Bucket, Key: told.Key,
		Size: told.Size, ETag: told.Hash,
	}
	if told.Time != 0 {
		event.Time = time.Unix(0, told.Time).UTC()
	}
	arrived := event
	arrived.Kind, arrived.Bucket, arrived.Key = driver.EventCreated, told.DestBucket, told.DestKey
	switch {
	case !known:
		event.Problem = fmt.Sprintf("the event %q is not known", told.Event)
	case kind == 0:
		return nil, nil
	case told.DestKey == "" || told.DestBucket == "":
	case told.Event == "copy":
		return []driver.Event{arrived}, nil
	case told.Event == "move":
		event.Size, event.ETag = 0, ""
		return []driver.Event{event, arrived}, nil
	}
	return []driver.Event{event}, nil
}
