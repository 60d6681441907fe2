package emf_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// fault is what happens to one PutLogEvents.
type fault string

const (
	throttled fault = "ThrottlingException"
	refused   fault = "AccessDeniedException"
	rejected  fault = "in an answer of success"
	lost      fault = "stored, but the answer is lost"
	dropped   fault = "the connection breaks before anything is stored"
	stored500 fault = "stored, but the answer is an error"
	failed500 fault = "ServiceUnavailableException"
)

// logs stands for CloudWatch Logs, whose emulators never fail.
type logs struct {
	server *httptest.Server

	mu       sync.Mutex
	group    bool // whether it exists
	streams  map[string][]event
	faults   []fault // of the next puts
	blind    fault   // what GetLogEvents answers, if anything
	puts     int
	lastHead http.Header
}

type event struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func newLogs(t *testing.T, faults ...fault) *logs {
	t.Helper()
	l := &logs{group: true, streams: map[string][]event{}, faults: faults}
	l.server = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.server.Close)
	return l
}

func (l *logs) config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &l.server.URL, HTTPClient: l.server.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
	}
}

func (l *logs) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var in struct {
		LogGroupName, LogStreamName, NextToken string
		StartTime, EndTime                     int64
		LogEvents                              []event
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	events, exists := l.streams[in.LogStreamName]
	switch {
	case !l.group, !exists && operation != "CreateLogStream":
		fail(w, http.StatusBadRequest, "ResourceNotFoundException")
	case operation == "CreateLogStream":
		if exists {
			fail(w, http.StatusBadRequest, "ResourceAlreadyExistsException")
			return
		}
		l.streams[in.LogStreamName] = []event{}
		reply(w, map[string]any{})
	case operation == "GetLogEvents":
		l.read(w, events, in.StartTime, in.EndTime, in.NextToken)
	case operation == "PutLogEvents":
		l.puts++
		l.lastHead = r.Header.Clone()
		next := fault("")
		if len(l.faults) > 0 {
			next, l.faults = l.faults[0], l.faults[1:]
		}
		l.put(w, next, func() { l.streams[in.LogStreamName] = append(events, in.LogEvents...) })
	default:
		fail(w, http.StatusBadRequest, "UnknownOperationException")
	}
}

func (l *logs) put(w http.ResponseWriter, next fault, store func()) {
	switch next {
	case throttled, refused:
		fail(w, http.StatusBadRequest, string(next))
	case failed500:
		fail(w, http.StatusInternalServerError, string(next))
	case rejected:
		reply(w, map[string]any{"rejectedLogEventsInfo": map[string]any{"tooNewLogEventStartIndex": 0}})
	case stored500:
		store()
		fail(w, http.StatusInternalServerError, "InternalFailure")
	case lost:
		store()
		panic(http.ErrAbortHandler)
	case dropped:
		panic(http.ErrAbortHandler)
	default:
		store()
		reply(w, map[string]any{})
	}
}

// read answers as CloudWatch may: an empty page first, then the events, then the end.
func (l *logs) read(w http.ResponseWriter, events []event, from, to int64, token string) {
	if l.blind != "" {
		fail(w, http.StatusBadRequest, string(l.blind))
		return
	}
	found := []event{}
	if token == "f/1" {
		for _, e := range events {
			if e.Timestamp >= from && e.Timestamp < to {
				found = append(found, e)
			}
		}
	}
	next := "f/2"
	if token == "" {
		next = "f/1"
	}
	reply(w, map[string]any{"events": found, "nextForwardToken": next})
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type": %q, "message": "no"}`, code)
}

func reply(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "%s", text)
}

// sum adds up a metric over everything that was stored.
func (l *logs) sum(t *testing.T, metric string) (total int64, documents int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, events := range l.streams {
		for _, e := range events {
			d := parse(t, []byte(e.Message))
			checkSpecification(t, d)
			if d.AWS.Timestamp != e.Timestamp {
				t.Errorf("the event's time is %d, the document's %d", e.Timestamp, d.AWS.Timestamp)
			}
			total += d.number(t, metric)
			documents++
		}
	}
	return total, documents
}

// set changes the service.
func (l *logs) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}
