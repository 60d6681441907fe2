package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// maxLog bounds the log behind one notification, which is compressed; a notification
// has 128 KiB at most.
const maxLog = 16 << 20

// notification is what a function of SCF is called with: by COS itself,
// https://www.tencentcloud.com/document/product/583/9707, or by the log service CLS,
// https://www.tencentcloud.com/document/product/583/38845, which collects the access
// log of COS.
type notification struct {
	Records []json.RawMessage // each a record
	CLS     *struct {
		Data string `json:"data"` // base64 of a gzipped logDocument
	} `json:"clslogs"`
}

type record struct {
	COS struct {
		Object struct {
			URL  string `json:"url"`
			Key  string `json:"key"`
			VID  string `json:"vid"`
			Size int64  `json:"size"`
		} `json:"cosObject"`
		Bucket struct {
			Name  string `json:"name"`
			AppID string `json:"appid"`
		} `json:"cosBucket"`
	} `json:"cos"`
	Event struct {
		Name string `json:"eventName"`
		Time int64  `json:"eventTime"`
	} `json:"event"`
}

type logDocument struct {
	Records []struct {
		Content string `json:"content"`
	} `json:"records"`
}

// logLine is https://www.tencentcloud.com/document/product/436/16920.
type logLine struct {
	Bucket string      `json:"bucketName"`
	Time   time.Time   `json:"eventTime"`
	Name   string      `json:"eventName"`
	Path   string      `json:"reqPath"`
	Status json.Number `json:"resHttpCode"`
}

// ParseEvents reads a notification of COS or a log that CLS delivers.
func (b *bucket) ParseEvents(_ context.Context, payload []byte) (events []driver.Event, err error) {
	defer b.blame("ParseEvents", "", &err)
	var given notification
	switch err := json.Unmarshal(payload, &given); {
	case err != nil:
		return nil, control.Invalid("the notification is not JSON as COS and CLS send it: %v", err)
	case given.CLS != nil:
		return parseLog(given.CLS.Data)
	case given.Records == nil:
		return nil, control.Invalid("the notification has neither Records, as those of COS, nor clslogs, as those of CLS")
	}
	for i, raw := range given.Records {
		if event, concerns := parseRecord(i, raw); concerns {
			events = append(events, event)
		}
	}
	return events, nil
}

// parseRecord reads record i of COS. One that cannot be read hinders no other.
func parseRecord(i int, raw json.RawMessage) (event driver.Event, concerns bool) {
	var given record
	err := json.Unmarshal(raw, &given)
	object, bucket := given.COS.Object, given.COS.Bucket
	kind, known := kindOf(given.Event.Name)
	event = driver.Event{
		Kind: kind, Name: given.Event.Name, VersionID: object.VID, Size: object.Size,
	}
	if given.Event.Time != 0 {
		event.Time = time.Unix(given.Event.Time, 0).UTC()
	}
	problem := ""
	switch {
	case err != nil:
		problem = control.Misfit(err)
	case given.Event.Name == "" || bucket.Name == "":
		problem = "it lacks event.eventName or cos.cosBucket.name"
	case known && kind == 0:
		return driver.Event{}, false
	default:
		event.Bucket = bucket.Name + "-" + bucket.AppID
		event.Key = strings.TrimPrefix(object.Key, "/"+bucket.AppID+"/"+bucket.Name+"/")
		// Whether key is URL-encoded is not documented, that url is lies in its nature: where
		// they agree, both are.
		if target, err := url.Parse(object.URL); err == nil && event.Key != "" && target.EscapedPath() == "/"+event.Key {
			event.Key = target.Path[1:]
		}
		switch {
		case !known:
			problem = fmt.Sprintf("its eventName %q is not known", given.Event.Name)
		case event.Key == "":
			problem = "it lacks cos.cosObject.key"
		}
	}
	if problem != "" {
		event.Kind, event.Problem = 0, fmt.Sprintf("record %d of the notification: %s", i, problem)
	}
	return event, true
}

// kindOf returns what an event of COS means; 0 for what concerns no copy.
func kindOf(name string) (kind driver.EventKind, known bool) {
	switch {
	case strings.HasPrefix(name, "cos:ObjectCreated:"):
		return driver.EventCreated, true
	case strings.HasPrefix(name, "cos:ObjectRemove:"):
		return driver.EventDeleted, true
	case name == "cos:ObjectRestore:Completed":
		return driver.EventRestored, true
	}
	return 0, strings.HasPrefix(name, "cos:ObjectRestore:") // begun
}

// operations are the requests in an access log that write or delete one object.
var operations = map[string]driver.EventKind{
	"PutObject": driver.EventCreated, "PostObject": driver.EventCreated, "PutObjectCopy": driver.EventCreated,
	"AppendObject": driver.EventCreated, "CompleteMultipartUpload": driver.EventCreated, "DeleteObject": driver.EventDeleted,
}

// manyDeleted is the request that deletes several objects, whose keys stand in its body
// and in no log.
const manyDeleted = "DeleteMultipleObjects"

// parseLog reads what CLS delivers.
func parseLog(data string) ([]driver.Event, error) {
	document, err := unpack(data)
	if err != nil {
		return nil, control.Invalid("clslogs.data of the notification: %v", err)
	}
	var log logDocument
	if err := json.Unmarshal(document, &log); err != nil || log.Records == nil {
		return nil, control.Invalid("clslogs.data of the notification holds no records (%v)", err)
	}
	var events []driver.Event
	for i, record := range log.Records {
		if event, concerns := parseLine(i, record.Content); concerns {
			events = append(events, event)
		}
	}
	return events, nil
}

// parseLine reads line i of a log, which tells of all requests. One that cannot be read
// hinders no other.
func parseLine(i int, content string) (event driver.Event, concerns bool) {
	var line logLine
	err := json.Unmarshal([]byte(content), &line)
	problem := ""
	switch {
	case err != nil:
		problem = "it is no access log of COS in JSON: " + control.Misfit(err)
	case line.Bucket == "" || line.Name == "":
		problem = "it is no access log of COS: it lacks bucketName or eventName"
	case !strings.HasPrefix(line.Status.String(), "2"):
		return driver.Event{}, false
	case line.Name == manyDeleted:
		problem = "it tells of the deletion of several objects and names none: only a comparison of both sides finds them"
	}
	event = driver.Event{Kind: operations[line.Name], Name: line.Name, Bucket: line.Bucket, Time: line.Time.UTC()}
	if problem == "" && event.Kind != 0 {
		if event.Key, err = url.PathUnescape(strings.TrimPrefix(line.Path, "/")); err != nil {
			problem = fmt.Sprintf("reqPath: %v", err)
		}
	}
	if problem != "" {
		event.Kind, event.Key, event.Problem = 0, "", fmt.Sprintf("record %d of the log: %s", i, problem)
		return event, true
	}
	return event, event.Kind != 0 && event.Key != ""
}

func unpack(data string) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, fmt.Errorf("it is no base64: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(reader, maxLog))
}
