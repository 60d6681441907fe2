package proxy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// batch is what fails of a request for several things: the others go on without it.
type batch struct {
	service string
	code    string
	// rest is the body with the entries that go on, nil if there are none.
	rest []byte
	// SQS: ids of the entries that fail.
	ids []string
	// DynamoDB: the field of the answer, and what it gets, by table.
	field       string
	unprocessed map[string]json.RawMessage
	items       int
}

// newBatch takes the entries out that choose draws, given how many there are. It
// returns nil if the call has no entries, or none was drawn.
func newBatch(call request, code string, choose func(entries int) []bool) *batch {
	switch call.Operation {
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return queueBatch(call, code, choose)
	case "BatchGetItem":
		return tableBatch(call, "UnprocessedKeys", choose)
	case "BatchWriteItem":
		return tableBatch(call, "UnprocessedItems", choose)
	}
	return nil
}

func queueBatch(call request, code string, choose func(entries int) []bool) *batch {
	if code == "" {
		code = "InternalError"
	}
	made := &batch{service: "sqs", code: code}
	entries := listOf(call.fields["Entries"])
	chosen := choose(len(entries))
	var rest []json.RawMessage
	for i, entry := range entries {
		if chosen[i] {
			made.ids = append(made.ids, text(objectOf(entry)["Id"]))
		} else {
			rest = append(rest, entry)
		}
	}
	if len(made.ids) == 0 {
		return nil
	}
	if len(rest) > 0 {
		made.rest = with(call.fields, "Entries", rest)
	}
	return made
}

func tableBatch(call request, field string, choose func(entries int) []bool) *batch {
	made := &batch{service: "dynamodb", field: field, unprocessed: map[string]json.RawMessage{}}
	tables := objectOf(call.fields["RequestItems"])
	rest := map[string]json.RawMessage{}
	for _, table := range slices.Sorted(maps.Keys(tables)) { // the same draw for the same request
		about := objectOf(tables[table]) // of a read: Keys, and how to read them
		items := listOf(tables[table])   // of a write
		if about != nil {
			items = listOf(about["Keys"])
		}
		chosen := choose(len(items))
		var failed, kept []json.RawMessage
		for i, item := range items {
			if chosen[i] {
				failed = append(failed, item)
			} else {
				kept = append(kept, item)
			}
		}
		made.items += len(failed)
		for _, part := range []struct {
			items []json.RawMessage
			to    map[string]json.RawMessage
		}{{failed, made.unprocessed}, {kept, rest}} {
			switch {
			case len(part.items) == 0:
			case about != nil:
				part.to[table] = with(about, "Keys", part.items)
			default:
				part.to[table] = encode(part.items)
			}
		}
	}
	if made.items == 0 {
		return nil
	}
	if len(rest) > 0 {
		made.rest = with(call.fields, "RequestItems", rest)
	}
	return made
}

// failed returns how many entries do not go on.
func (b *batch) failed() int { return len(b.ids) + b.items }

// starved says that DynamoDB could not do anything at all: it answers that with an
// error. API reference of BatchGetItem and BatchWriteItem.
func (b *batch) starved() bool { return b.service == "dynamodb" && b.rest == nil }

// merge adds what failed to the answer about the rest.
func (b *batch) merge(answer reply) reply {
	fields := objectOf(answer.body)
	if b.service == "dynamodb" {
		left := objectOf(fields[b.field])
		for table, failed := range b.unprocessed {
			left = both(left, table, failed)
		}
		answer.body = with(fields, b.field, left)
		return answer
	}
	failed := listOf(fields["Failed"])
	for _, id := range b.ids {
		failed = append(failed, encode(map[string]any{
			"Id": id, "Code": b.code, "Message": "injected by the proxy", "SenderFault": b.code == StaleHandle,
		}))
	}
	answer.body = with(fields, "Failed", failed)
	if fields["Successful"] == nil {
		answer.body = with(objectOf(answer.body), "Successful", []any{})
	}
	return answer
}

// both adds the items of a table to those that the service itself left.
func both(left map[string]json.RawMessage, table string, failed json.RawMessage) map[string]json.RawMessage {
	if left == nil {
		left = map[string]json.RawMessage{}
	}
	switch there, about := left[table], objectOf(failed); {
	case there == nil:
		left[table] = failed
	case about != nil:
		left[table] = with(about, "Keys", append(listOf(objectOf(there)["Keys"]), listOf(about["Keys"])...))
	default:
		left[table] = encode(append(listOf(there), listOf(failed)...))
	}
	return left
}

// with returns an object with one field set.
func with(fields map[string]json.RawMessage, name string, value any) json.RawMessage {
	changed := maps.Clone(fields)
	if changed == nil {
		changed = map[string]json.RawMessage{}
	}
	changed[name] = encode(value)
	return encode(changed)
}

func encode(value any) json.RawMessage {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came from JSON
	}
	return encoded
}

// rewrite returns the body that goes on, nil if nothing does.
func (p plan) rewrite(call request) []byte {
	if p.batch != nil {
		return p.batch.rest
	}
	delay := json.RawMessage(strconv.Itoa(int(p.delay.Seconds())))
	entries := listOf(call.fields["Entries"])
	if entries == nil {
		return with(call.fields, "DelaySeconds", delay)
	}
	for i, entry := range entries {
		if p.delayed[i] {
			entries[i] = with(objectOf(entry), "DelaySeconds", delay)
		}
	}
	return with(call.fields, "Entries", entries)
}
