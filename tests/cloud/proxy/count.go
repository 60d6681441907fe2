package proxy

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// Count is what the proxy counts of one operation.
type Count struct {
	Requests int64 // all that came in
	Empty    int64 // of them, receives that handed out nothing, also because the client hung up
	Failed   int64 // of them, answered with status 400 or above
	Injected int64 // of them, met by a fault

	// Items are the messages or items that the service itself was asked for: the
	// entries of a batch, the items of a transaction, the keys of a batch read, the
	// items that a query or scan looked at, the messages that a receive handed out.
	// An item whose condition does not hold counts, as AWS bills it.
	Items int64
}

// Totals adds operations up the way they are billed.
type Totals struct {
	QueueRequests int64 // to SQS, without empty receives
	EmptyReceives int64
	Sent          int64 // messages
	Received      int64 // messages, duplicates included
	Deleted       int64 // messages
	WriteRequests int64 // to DynamoDB
	Writes        int64 // items put, updated or deleted, by themselves, in batches or in transactions
	ReadRequests  int64 // to DynamoDB
	Reads         int64 // items read
	Machine       int64 // requests to Step Functions
}

// Counts returns the counts by operation, such as "sqs.ReceiveMessage".
func (p *Proxy) Counts() map[string]Count {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// Totals returns the sums over all operations.
func (p *Proxy) Totals() Totals {
	var totals Totals
	for operation, count := range p.Counts() {
		totals.add(operation, count)
	}
	return totals
}

func (t *Totals) add(operation string, count Count) {
	service, name := split(operation)
	switch service {
	case "sqs":
		t.QueueRequests += count.Requests - count.Empty
		t.EmptyReceives += count.Empty
	case "states":
		t.Machine += count.Requests
	}
	switch name {
	case "SendMessage", "SendMessageBatch":
		t.Sent += count.Items
	case "ReceiveMessage":
		t.Received += count.Items
	case "DeleteMessage", "DeleteMessageBatch":
		t.Deleted += count.Items
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems":
		t.WriteRequests += count.Requests
		t.Writes += count.Items
	case "GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan":
		t.ReadRequests += count.Requests
		t.Reads += count.Items
	}
}

// Calls returns the calls in the order in which they were answered, if they are
// recorded.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Reset forgets what was counted and recorded; faults stay.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
	clear(p.counts)
}

// account counts a call and records it.
func (p *Proxy) account(call request, plan plan, answer reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := p.counts[call.operation()]
	count.Requests++
	items := itemsOf(call, plan, answer)
	count.Items += items
	if call.operation() == "sqs.ReceiveMessage" && answer.status < http.StatusBadRequest && items == 0 && plan.answer == nil {
		count.Empty++
	}
	if answer.status >= http.StatusBadRequest {
		count.Failed++
	}
	if plan.fired {
		count.Injected++
	}
	p.counts[call.operation()] = count
	if p.config.Record {
		call.Status = answer.status
		if answer.status >= http.StatusBadRequest {
			call.Code = codeOf(answer)
		}
		p.calls = append(p.calls, call.Call)
	}
}

// itemsOf counts the items of a call that reached the service.
func itemsOf(call request, plan plan, answer reply) int64 {
	if plan.answer != nil {
		return 0
	}
	kept := int64(0)
	if plan.batch != nil {
		kept = int64(plan.batch.failed())
	}
	switch call.Operation {
	case "ReceiveMessage":
		return int64(len(messagesOf(answer)))
	case "SendMessage", "DeleteMessage", "ChangeMessageVisibility", "PutItem", "UpdateItem", "DeleteItem", "GetItem":
		return 1
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return int64(len(listOf(call.fields["Entries"]))) - kept
	case "TransactWriteItems", "TransactGetItems":
		return int64(len(call.items()))
	case "BatchWriteItem", "BatchGetItem":
		items := int64(0)
		for _, table := range objectOf(call.fields["RequestItems"]) {
			items += int64(len(listOf(table)) + len(listOf(objectOf(table)["Keys"])))
		}
		return items - kept
	case "Query", "Scan":
		var looked struct{ ScannedCount int64 }
		_ = json.Unmarshal(answer.body, &looked) // an error looked at nothing
		return looked.ScannedCount
	}
	return 0
}

func listOf(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // what is no list has no elements
	return list
}
