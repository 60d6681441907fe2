package proxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Action is what a fault does.
type Action string

// What can be done to a request.
const (
	// Fail answers with an error and does not forward.
	Fail Action = "fail"
	// Lose forwards, and closes the connection instead of answering.
	Lose Action = "lose"
	// Drop closes the connection and does not forward.
	Drop Action = "drop"
	// Entries fails some entries of a batch and forwards the others: Failed of SQS,
	// UnprocessedKeys and UnprocessedItems of DynamoDB.
	Entries Action = "entries"
	// Conflict cancels a transaction because of TransactionConflict of some items.
	Conflict Action = "conflict"
	// Duplicate hands received messages out once more, to the next receive of the
	// queue, with another receipt handle; both handles delete the message.
	Duplicate Action = "duplicate"
	// Delay lets the queue hand sent messages out only after Fault.Delay.
	Delay Action = "delay"
)

// Fault is a rule: which requests, what happens to them, how often. The first one
// that chooses a request or one of its entries decides alone.
type Fault struct {
	Operation string // such as "sqs.SendMessageBatch"; "sqs.*" and "*" mean all
	Resource  string // queue or table; empty means all
	Do        Action

	Skip  int     // so many matching requests are left alone first
	Times int     // so many requests are met; 0 means 1, and below 0 all
	Share float64 // chance of a request, or of an entry where the action has those; 0 means 1
	Most  int     // so many entries of a request at most; 0 means all

	Status int           // of Fail; 0 means 400
	Code   string        // of the error; empty means ThrottlingException, InternalServerError from status 500 on, InternalError of an entry
	Delay  time.Duration // of Delay: whole seconds, up to 900
}

// Inject adds faults.
func (p *Proxy) Inject(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range faults {
		if fault.Times == 0 {
			fault.Times = 1
		}
		if fault.Share == 0 {
			fault.Share = 1
		}
		p.faults = append(p.faults, &fault)
	}
}

// Heal drops all faults. Messages that are to be handed out once more still are.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// plan is what happens to one request.
type plan struct {
	fired     bool
	answer    *reply // instead of the service's
	lose      bool
	batch     *batch // entries that fail
	delay     time.Duration
	duplicate func(messages int) []bool // which received messages are handed out again
	delayed   []bool                    // which entries are sent with delay
}

// plan asks the faults in turn.
func (p *Proxy) plan(call request) plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		if !fault.matches(call.Call) || fault.Times == 0 {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		made := p.apply(fault, call)
		if made.fired && fault.Times > 0 {
			fault.Times--
		}
		if made.fired || made.duplicate != nil {
			return made
		}
	}
	return plan{}
}

func (f *Fault) matches(call Call) bool {
	service, name := split(f.Operation)
	return (f.Operation == "*" || service == call.Service && (name == "*" || name == call.Operation)) &&
		(f.Resource == "" || slices.Contains(call.Resources, f.Resource))
}

// split takes "sqs.SendMessage" apart.
func split(operation string) (service, name string) {
	service, name, _ = strings.Cut(operation, ".")
	return service, name
}

// apply says what a fault does to a request; a plan that did not fire does nothing.
func (p *Proxy) apply(fault *Fault, call request) plan {
	switch fault.Do {
	case Entries:
		failing := newBatch(call, fault.Code, func(entries int) []bool { return p.choose(fault, entries) })
		if failing == nil {
			return plan{}
		}
		if failing.starved() { // DynamoDB's way to say that no item at all got through
			answer := answerError("dynamodb", http.StatusBadRequest, Throttled, "The level of configured provisioned throughput for the table was exceeded.")
			return plan{fired: true, answer: &answer}
		}
		return plan{fired: true, batch: failing}
	case Conflict:
		chosen := p.choose(fault, len(call.items()))
		if !slices.Contains(chosen, true) {
			return plan{}
		}
		answer := answerConflict(chosen)
		return plan{fired: true, answer: &answer}
	case Duplicate:
		return plan{duplicate: func(messages int) []bool { return p.duplicates(fault, messages) }}
	case Delay:
		chosen := p.choose(fault, max(1, len(listOf(call.fields["Entries"]))))
		if !slices.Contains(chosen, true) {
			return plan{}
		}
		return plan{fired: true, delay: fault.Delay, delayed: chosen}
	}
	if p.random.Float64() >= fault.Share {
		return plan{}
	}
	switch fault.Do {
	case Lose:
		return plan{fired: true, lose: true}
	case Drop:
		return plan{fired: true, lose: true, answer: &reply{}}
	default:
		answer := fault.answer(call.Service)
		return plan{fired: true, answer: &answer}
	}
}

// choose draws entries by the fault's share, up to its most.
func (p *Proxy) choose(fault *Fault, entries int) []bool {
	chosen := make([]bool, entries)
	left := fault.Most
	if left == 0 {
		left = entries
	}
	for i := range chosen {
		chosen[i] = p.random.Float64() < fault.Share && left > 0
		if chosen[i] {
			left--
		}
	}
	return chosen
}

// duplicates draws among messages that were received.
func (p *Proxy) duplicates(fault *Fault, messages int) []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fault.Times == 0 {
		return nil // others were quicker
	}
	chosen := p.choose(fault, messages)
	if slices.Contains(chosen, true) && fault.Times > 0 {
		fault.Times--
	}
	return chosen
}

func (f *Fault) answer(service string) reply {
	status, code := f.Status, f.Code
	if status == 0 {
		status = http.StatusBadRequest
	}
	if code == "" {
		code = map[bool]string{true: "InternalServerError", false: "ThrottlingException"}[status >= http.StatusInternalServerError]
	}
	return answerError(service, status, code, "injected by the proxy")
}

// Codes of errors that emulators do not give.
const (
	OverLimit   = "OverLimit"                              // SQS: too many messages in flight
	StaleHandle = "ReceiptHandleIsInvalid"                 // SQS: a receipt handle that is no good any more
	Throttled   = "ProvisionedThroughputExceededException" // DynamoDB
)

// namespaces stand before the code of an error in a body.
var namespaces = map[string]string{
	"sqs": "com.amazonaws.sqs#", "dynamodb": "com.amazonaws.dynamodb.v20120810#",
}

// answerError is an error the way AWS's JSON protocol has it.
func answerError(service string, status int, code, message string) reply {
	answer := answerJSON(status, map[string]any{"__type": namespaces[service] + code, "message": message})
	if service == "sqs" { // clients written for its older protocol read the code here
		answer.header.Set("X-Amzn-Query-Error", code+map[bool]string{true: ";Receiver", false: ";Sender"}[status >= http.StatusInternalServerError])
	}
	return answer
}

// answerConflict cancels a transaction; reasons come in the order of its items.
func answerConflict(chosen []bool) reply {
	var reasons []map[string]string
	var codes []string
	for _, conflict := range chosen {
		reason := map[string]string{"Code": "None"}
		if conflict {
			reason = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
		}
		reasons = append(reasons, reason)
		codes = append(codes, reason["Code"])
	}
	return answerJSON(http.StatusBadRequest, map[string]any{
		"__type":              namespaces["dynamodb"] + "TransactionCanceledException",
		"Message":             "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		"CancellationReasons": reasons,
	})
}

func answerJSON(status int, content map[string]any) reply {
	body, err := json.Marshal(content)
	if err != nil {
		panic(err) // strings, lists and maps of them cannot fail
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}, checksum: {"0"}}
	return reply{status: status, header: header, body: body}
}

// codeOf returns the code of an error.
func codeOf(answer reply) string {
	var content struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(answer.body, &content) // an error without a body has no code
	return content.Type[strings.LastIndex(content.Type, "#")+1:]
}
