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
	Records []struct {
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
	CLS *struct {
		Data string `json:"data"` // base64 of a gzipped logDocument
	} `json:"clslogs"`
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
	for i, record := range given.Records {
		bucket := record.COS.Bucket
		if record.Event.Name == "" || bucket.Name == "" {
			return nil, control.Invalid("record %d of the notification lacks event.eventName or cos.cosBucket.name", i)
		}
		object := record.COS.Object
		key := strings.TrimPrefix(object.Key, "/"+bucket.AppID+"/"+bucket.Name+"/")
		// Whether key is URL-encoded is not documented, that url is lies in its nature: where
		// they agree, both are.
		if target, err := url.Parse(object.URL); err == nil && target.EscapedPath() == "/"+key {
			key = target.Path[1:]
		}
		if kind := kindOf(record.Event.Name); kind != 0 && key != "" {
			events = append(events, driver.Event{
				Kind: kind, Name: record.Event.Name, Bucket: bucket.Name + "-" + bucket.AppID, Key: key,
				VersionID: object.VID, Size: object.Size, Time: time.Unix(record.Event.Time, 0).UTC(),
			})
		}
	}
	return events, nil
}

// kindOf returns what an event of COS means; 0 for what concerns no copy.
func kindOf(name string) driver.EventKind {
	switch {
	case strings.HasPrefix(name, "cos:ObjectCreated:"):
		return driver.EventCreated
	case strings.HasPrefix(name, "cos:ObjectRemove:"):
		return driver.EventDeleted
	case name == "cos:ObjectRestore:Completed":
		return driver.EventRestored
	}
	return 0
}

// operations are the requests in an access log that write or delete one object.
var operations = map[string]driver.EventKind{
	"PutObject": driver.EventCreated, "PostObject": driver.EventCreated, "PutObjectCopy": driver.EventCreated,
	"AppendObject": driver.EventCreated, "CompleteMultipartUpload": driver.EventCreated, "DeleteObject": driver.EventDeleted,
}

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
		var line logLine
		if err := json.Unmarshal([]byte(record.Content), &line); err != nil || line.Bucket == "" || line.Name == "" {
			return nil, control.Invalid("record %d of the log is no access log of COS in JSON (%v)", i, err)
		}
		key, err := url.PathUnescape(strings.TrimPrefix(line.Path, "/"))
		if err != nil {
			return nil, control.Invalid("record %d of the log: reqPath: %v", i, err)
		}
		if kind := operations[line.Name]; kind != 0 && key != "" && strings.HasPrefix(line.Status.String(), "2") {
			events = append(events, driver.Event{Kind: kind, Name: line.Name, Bucket: line.Bucket, Key: key, Time: line.Time.UTC()})
		}
	}
	return events, nil
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
