package proxy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Call is one request as its service sees it.
type Call struct {
	Service   string   // by its name in IAM: sqs, dynamodb, states, …
	Operation string   // SendMessageBatch, PutItem, …; "GET /path" of services that have no names for them
	Actions   []string // what IAM has to allow: SendMessage, UpdateItem, …, sorted
	Resources []string // queues, tables, log and scaling groups by name, indexes as TABLE/index/NAME, others by ARN, sorted
	Needs     []Need   // of S3 alone, whose one call may need actions on many resources
	AccessKey string   // id of the access key that signed it
	Status    int      // of the answer
	Code      string   // of the answer if it is an error
}

// request is a call with what the proxy needs to answer it.
type request struct {
	Call

	body   []byte
	fields map[string]json.RawMessage // of a JSON body
	form   url.Values                 // of the query protocol
}

func (r request) operation() string { return r.Service + "." + r.Operation }

// parse reads a request. Targets look like "AmazonSQS.SendMessage" or
// "DynamoDB_20120810.PutItem".
func parse(r *http.Request, body []byte) request {
	call := request{body: body}
	call.AccessKey, call.Service = signerOf(r)
	if call.Service == "s3" {
		call.ofBucket(r)
		return call
	}
	if prefix, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		call.Service, call.Operation = serviceOf(prefix, call.Service), operation
		_ = json.Unmarshal(body, &call.fields) // what is no JSON has no fields
	} else if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		call.Operation, call.form = form.Get("Action"), form
	} else {
		call.Operation = r.Method + " " + r.URL.Path
	}
	call.Resources = sortedSet(call.resources())
	call.Actions = sortedSet(call.actions())
	return call
}

func sortedSet(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

var credential = regexp.MustCompile(`Credential=([^/,]+)/\d+/[^/]+/([^/]+)/`)

// signer returns the access key id and the service that a signature is for.
func signer(authorization string) (accessKey, service string) {
	if found := credential.FindStringSubmatch(authorization); found != nil {
		return found[1], found[2]
	}
	return "", ""
}

// serviceOf returns the IAM name of a target's service; most sign by that name.
func serviceOf(prefix, signed string) string {
	switch {
	case prefix == "AmazonSQS":
		return "sqs"
	case strings.HasPrefix(prefix, "DynamoDB_"):
		return "dynamodb"
	case prefix == "AWSStepFunctions":
		return "states"
	}
	return signed
}

// text returns a field that is a string, "" if it is not.
func (r request) text(field string) string { return text(r.fields[field]) }

func text(raw json.RawMessage) string {
	var value string
	_ = json.Unmarshal(raw, &value) // "" says it all
	return value
}

// resources names what the call is about.
func (r request) resources() []string {
	var names []string
	add := func(name string) {
		if name != "" {
			names = append(names, name)
		}
	}
	queue := r.text("QueueUrl")
	add(queue[strings.LastIndex(queue, "/")+1:])
	for _, field := range []string{"QueueName", "SourceArn", "DestinationArn", "stateMachineArn", "executionArn", "SecretId", "logGroupName"} {
		add(r.text(field))
	}
	for _, field := range []string{"AutoScalingGroupName", "RoleArn"} {
		add(r.form.Get(field))
	}
	if r.Service != "dynamodb" {
		return names
	}
	if index := r.text("IndexName"); index != "" {
		add(tableName(r.text("TableName")) + "/index/" + index)
	} else {
		add(tableName(r.text("TableName")))
	}
	for table := range objectOf(r.fields["RequestItems"]) {
		add(tableName(table))
	}
	for _, item := range r.items() {
		for _, operation := range item {
			add(tableName(text(objectOf(operation)["TableName"])))
		}
	}
	return names
}

// tableName accepts the ARN of a table, as DynamoDB does.
func tableName(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// items returns the items of a transaction: operation by Put, Update, Delete,
// ConditionCheck or Get.
func (r request) items() []map[string]json.RawMessage {
	var items []map[string]json.RawMessage
	_ = json.Unmarshal(r.fields["TransactItems"], &items) // none of another operation
	return items
}

func objectOf(raw json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	_ = json.Unmarshal(raw, &object) // what is no object has no fields
	return object
}

// actions names what IAM has to allow. SQS has none for batches, DynamoDB none for
// transactions. Service Authorization Reference, "Actions defined by Amazon SQS",
// "… by Amazon DynamoDB".
func (r request) actions() []string {
	switch {
	case r.Service == "sqs":
		return []string{strings.TrimSuffix(r.Operation, "Batch")}
	case r.Operation == "TransactWriteItems" || r.Operation == "TransactGetItems":
		var actions []string
		for _, item := range r.items() {
			for operation := range item {
				actions = append(actions, operation+"Item") // PutItem, ConditionCheckItem, …
			}
		}
		return actions
	}
	return []string{r.Operation}
}
