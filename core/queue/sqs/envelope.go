package sqs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/dth-dev/dth/core/task"
)

const (
	// mark begins every message of ours that holds a batch. SQS refuses many characters
	// that keys may hold, so what follows is the encoded batch in base64:
	// docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
	mark = "dth1:"

	// mostText and mostTasks bound a message, but for one task alone. 48 KB stay within
	// the 64 KB that SQS bills as one.
	mostText  = 48 << 10
	mostTasks = 100

	// largest is what SQS takes in one message.
	largest = 1 << 20
)

// seal returns batch as the texts of one message, or of several where it is too large.
func seal(codec *task.Codec, batch task.Batch) ([]string, error) {
	var texts []string
	err := split(batch, func(piece task.Batch, count int) (fits bool, err error) {
		text, err := sealOne(codec, piece)
		if err == nil && (len(text) <= mostText || count == 1 && len(text) <= largest) {
			texts = append(texts, text)
			return true, nil
		}
		if count > 1 {
			return false, nil
		}
		if err == nil {
			err = fmt.Errorf("one task takes %d bytes, more than the %d of a message", len(text), largest)
		}
		return false, err
	})
	return texts, err
}

func sealOne(codec *task.Codec, batch task.Batch) (string, error) {
	encoded, err := codec.Encode(batch)
	if err != nil {
		return "", err
	}
	text := make([]byte, 0, len(mark)+base64.StdEncoding.EncodedLen(len(encoded)))
	return string(base64.StdEncoding.AppendEncode(append(text, mark...), encoded)), nil
}

// split offers pieces of batch in order, each at most mostTasks large, and halves those
// that do not fit.
func split(batch task.Batch, offer func(piece task.Batch, count int) (fits bool, err error)) error {
	count := len(batch.Tasks) + len(batch.Parts) + len(batch.Orders)
	at := mostTasks
	if count <= mostTasks {
		fits, err := offer(batch, count)
		if fits || err != nil {
			return err
		}
		at = count / 2
	}
	first, rest := cut(batch, at)
	if err := split(first, offer); err != nil {
		return err
	}
	return split(rest, offer)
}

// cut returns the first tasks, parts and orders of batch, so many together, and the rest.
func cut(batch task.Batch, count int) (first, rest task.Batch) {
	tasks := min(count, len(batch.Tasks))
	parts := min(count-tasks, len(batch.Parts))
	orders := count - tasks - parts
	first = task.Batch{Run: batch.Run, Pair: batch.Pair, Tasks: batch.Tasks[:tasks], Parts: batch.Parts[:parts], Orders: batch.Orders[:orders]}
	rest = task.Batch{Run: batch.Run, Pair: batch.Pair, Tasks: batch.Tasks[tasks:], Parts: batch.Parts[parts:], Orders: batch.Orders[orders:]}
	return first, rest
}

// open returns the batch in a message, and whether there is one. Otherwise dth did not
// send it, or a newer version did.
func open(codec *task.Codec, text string) (task.Batch, bool) {
	if inside, ok := strings.CutPrefix(text, mark); ok {
		encoded, err := base64.StdEncoding.DecodeString(inside)
		if err != nil {
			return task.Batch{}, false
		}
		batch, err := codec.Decode(encoded)
		return batch, err == nil
	}
	order, ok := openOrder(text)
	if !ok {
		return task.Batch{}, false
	}
	return task.Batch{Orders: []task.Order{order}}, true
}

// openOrder reads a message of the state machine. It is known by the values of its
// outermost fields alone: a key may hold any text.
func openOrder(text string) (task.Order, bool) {
	var message struct {
		Version int     `json:"v"`
		Kind    string  `json:"t"`
		Upload  string  `json:"uploadId"`
		Token   string  `json:"token"`
		RollAt  float64 `json:"rollAt"` // the state machine's arithmetic may write 3000.0
	}
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &message) != nil || message.Version != 1 || message.Upload == "" {
		return task.Order{}, false
	}
	kind := task.OrderKind(message.Kind)
	switch kind {
	case task.OrderComplete, task.OrderAbort, task.OrderWatch:
	default:
		return task.Order{}, false
	}
	if message.RollAt < 0 || message.RollAt > math.MaxInt32 || message.RollAt != math.Trunc(message.RollAt) {
		return task.Order{}, false
	}
	return task.Order{Kind: kind, Upload: message.Upload, Token: message.Token, RollAt: int(message.RollAt)}, true
}
