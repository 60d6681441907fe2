package proxy

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// deliveries remembers what queues hand out more than once, and what was deleted.
type deliveries struct {
	again  map[string][]message // by queue: for its next receive
	serial int
	gone   map[string]bool // receipt handles of deleted messages
}

// message is one received message, by the fields of its JSON form.
type message map[string]json.RawMessage

// A second handle is the first one behind this and a number.
const secondHandle = "again-"

func messagesOf(answer reply) []message {
	var content struct{ Messages []message }
	_ = json.Unmarshal(answer.body, &content) // an error has none
	return content.Messages
}

func answerMessages(messages []message) reply {
	return answerJSON(http.StatusOK, map[string]any{"Messages": messages})
}

// remember keeps the messages of an answer that are to be handed out again.
func (p *Proxy) remember(call request, answer reply, choose func(messages int) []bool) {
	messages := messagesOf(answer)
	chosen := choose(len(messages))
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, again := range chosen {
		if again {
			p.queues.remember(call.text("QueueUrl"), messages[i])
		}
	}
}

// remember makes the message that the next receive gets: received once more, with a
// handle of its own.
func (d *deliveries) remember(queue string, first message) {
	again := maps.Clone(first)
	d.serial++
	again["ReceiptHandle"] = encode(secondHandle + strconv.Itoa(d.serial) + "-" + text(first["ReceiptHandle"]))
	const received = "ApproximateReceiveCount"
	if attributes := objectOf(first["Attributes"]); attributes[received] != nil {
		if count, err := strconv.Atoi(text(attributes[received])); err == nil {
			again["Attributes"] = with(attributes, received, strconv.Itoa(count+1))
		}
	}
	d.again[queue] = append(d.again[queue], again)
}

// takeAgain returns the messages that this receive gets instead of new ones.
func (p *Proxy) takeAgain(call request) []message {
	most := 1
	_ = json.Unmarshal(call.fields["MaxNumberOfMessages"], &most) // absent means 1
	queue := call.text("QueueUrl")
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.queues.again[queue]
	taken := min(most, len(waiting))
	p.queues.again[queue] = waiting[taken:]
	return waiting[:taken]
}

// deletion is a request to delete messages, as far as they are still there. SQS deletes
// what is deleted without complaint (API reference of DeleteMessage), where emulators
// refuse a handle that they gave away.
type deletion struct {
	handles map[string]string // of the entries that go on, by id; "" is the id of a single deletion
	gone    []string          // ids of the entries that do not have to
	body    []byte            // what goes on, nil if nothing does
}

// deletion returns nil for a request that deletes nothing.
func (p *Proxy) deletion(call request, body []byte) *deletion {
	made := &deletion{handles: map[string]string{}, body: body}
	fields := objectOf(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch call.operation() {
	case "sqs.DeleteMessage":
		made.handles[""] = text(fields["ReceiptHandle"])
		if p.queues.gone[made.handles[""]] {
			made.body, made.gone = nil, []string{""}
		}
		return made
	case "sqs.DeleteMessageBatch":
		var rest []json.RawMessage
		for _, entry := range listOf(fields["Entries"]) {
			about := objectOf(entry)
			id, handle := text(about["Id"]), text(about["ReceiptHandle"])
			if p.queues.gone[handle] {
				made.gone = append(made.gone, id)
				continue
			}
			made.handles[id] = handle
			rest = append(rest, entry)
		}
		switch {
		case len(rest) == 0:
			made.body = nil
		case len(made.gone) > 0:
			made.body = with(fields, "Entries", rest)
		}
		return made
	}
	return nil
}

// merge remembers what the service deleted, and says of the rest that it is.
func (p *Proxy) merge(made *deletion, answer reply) reply {
	if answer.status != http.StatusOK {
		return answer
	}
	fields := objectOf(answer.body)
	deleted := listOf(fields["Successful"])
	p.mu.Lock()
	defer p.mu.Unlock()
	if handle, single := made.handles[""]; single {
		p.queues.gone[handle] = true
		return answer
	}
	for _, entry := range deleted {
		p.queues.gone[made.handles[text(objectOf(entry)["Id"])]] = true
	}
	if len(made.gone) == 0 {
		return answer
	}
	for _, id := range made.gone {
		deleted = append(deleted, encode(map[string]string{"Id": id}))
	}
	answer.body = with(fields, "Successful", deleted)
	return answer
}

// plain puts first handles where second ones are: the service knows no others.
func (p *Proxy) plain(call request, body []byte) []byte {
	if call.Service != "sqs" || !strings.Contains(string(body), secondHandle) {
		return body
	}
	fields := objectOf(body)
	if handle, ok := first(fields["ReceiptHandle"]); ok {
		return with(fields, "ReceiptHandle", handle)
	}
	entries := listOf(fields["Entries"])
	for i, entry := range entries {
		about := objectOf(entry)
		if handle, ok := first(about["ReceiptHandle"]); ok {
			entries[i] = with(about, "ReceiptHandle", handle)
		}
	}
	return with(fields, "Entries", entries)
}

// first returns the first handle of a message, if this is a later one.
func first(handle json.RawMessage) (string, bool) {
	rest, found := strings.CutPrefix(text(handle), secondHandle)
	if !found {
		return "", false
	}
	_, handed, _ := strings.Cut(rest, "-")
	return handed, true
}
