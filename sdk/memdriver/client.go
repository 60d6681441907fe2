package memdriver

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// send makes one call of the control plane. Where the store refuses our clock it
// signs once more with the store's own.
func send[Response any](ctx context.Context, b *bucket, op, key string, request any) (Response, error) {
	var response Response
	if b.closed.Load() {
		return response, b.failure(op, key, driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"})
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(request); err != nil {
		return response, b.failure(op, key, driver.Error{Kind: driver.KindFatal, Message: "cannot encode the call", Err: err})
	}
	date, err := b.try(ctx, op, key, body.Bytes(), time.Time{}, &response)
	if driver.KindOf(err) == driver.KindExpired && !date.IsZero() {
		_, err = b.try(ctx, op, key, body.Bytes(), date, &response)
	}
	return response, err
}

// try makes one request and decodes its answer into response, a pointer. It
// returns the store's clock where the answer tells it.
func (b *bucket) try(ctx context.Context, op, key string, body []byte, clock time.Time, response any) (time.Time, error) {
	g := grant{length: int64(len(body)), more: "&mem-call=" + op}
	exchange := b.sign(http.MethodPost, key, clock, g, b.getReply)
	request, err := http.NewRequestWithContext(ctx, exchange.Method, exchange.URL, bytes.NewReader(body))
	if err != nil {
		return time.Time{}, b.unreachable(op, key, err)
	}
	answer, err := b.client.Do(request)
	if err != nil {
		return time.Time{}, b.unreachable(op, key, err)
	}
	defer func() { _ = answer.Body.Close() }() // nothing is left to lose
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		date = time.Time{}
	}
	if answer.StatusCode != http.StatusOK {
		return date, b.refused(op, key, answer)
	}
	if err := gob.NewDecoder(answer.Body).Decode(response); err != nil {
		return date, b.unreachable(op, key, err)
	}
	return date, nil
}

// refused reads an error answer.
func (b *bucket) refused(op, key string, answer *http.Response) error {
	var body errorBody
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil && b.replies == repliesXML {
		err = xml.Unmarshal(text, &body)
	} else if err == nil {
		err = json.Unmarshal(text, &body)
	}
	return b.failure(op, key, driver.Error{
		Kind:      driver.Classify(errorRules, answer.StatusCode, body.Code, body.Message),
		Code:      body.Code,
		Status:    answer.StatusCode,
		RequestID: answer.Header.Get("X-Mem-Request-Id"),
		Message:   body.Message,
		Err:       err,
	})
}
