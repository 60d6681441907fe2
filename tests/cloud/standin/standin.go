// Package standin is an Amazon SQS and DynamoDB in memory that cost little and count what
// they are asked for the way AWS bills it. They know what dth's small objects need:
// no transactions, no indexes.
package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
)

// The queues and tables that are there from the beginning.
const (
	MainQueue       = "main"
	PriorityQueue   = "priority"
	DeadLetterQueue = "dead"
	ObjectsTable    = "objects"
	PartsTable      = "parts"
)

// Variables returns the settings of a fleet on the stand-ins at an endpoint.
func Variables(endpoint string) []string {
	queue := func(name string) string { return endpoint + "/000000000000/" + name }
	return []string{
		"DTH_QUEUE=" + queue(MainQueue), "DTH_PRIORITY_QUEUE=" + queue(PriorityQueue), "DTH_DEAD_LETTER_QUEUE=" + queue(DeadLetterQueue),
		"DTH_OBJECTS_TABLE=" + ObjectsTable, "DTH_PARTS_TABLE=" + PartsTable,
	}
}

// Counts is what the stand-ins were asked for since they began.
type Counts struct {
	Queues   map[string]int    // requests to SQS by operation; receives without a message are "empty" too
	Chunks   int64             // of 64 KB in the answered requests to SQS, which it bills for
	Messages map[string]int    // that are in each queue, whatever their state
	Tables   map[string]Volume // by name
}

// Requests returns how many requests SQS served, those to the dead-letter queue included
// and receives without a message not.
func (c Counts) Requests() int {
	sum := -2 * c.Queues["empty"] // "empty" and "ReceiveMessage" both count them
	for _, count := range c.Queues {
		sum += count
	}
	return sum
}

// Left returns how many messages are in the queues of work.
func (c Counts) Left() int { return c.Messages[MainQueue] + c.Messages[PriorityQueue] }

// Volume is what a table was asked for and holds.
type Volume struct {
	Requests   int64
	Writes     int64 // items put, updated and deleted, one each
	WriteUnits int64 // of 1 KB
	Reads      int64 // items asked for
	ReadUnits  int64 // of 4 KB, strongly consistent
	Items      int64 // there now
	Bytes      int64 // of them, as DynamoDB counts an item
}

// Service serves both services' JSON protocols.
type Service struct {
	queues  *sqstest.Service
	boxes   []*sqstest.Queue
	mu      sync.Mutex
	tables  map[string]*table
	chunks  int64
	counted map[string]*Volume
}

// New returns the stand-ins, with empty queues and tables.
func New() *Service {
	s := &Service{queues: sqstest.New(), tables: map[string]*table{}, counted: map[string]*Volume{}}
	dead := &sqstest.Queue{Name: DeadLetterQueue}
	s.boxes = []*sqstest.Queue{
		{Name: MainQueue, Dead: dead, Receives: 5}, {Name: PriorityQueue, Dead: dead, Receives: 5}, dead,
	}
	for _, box := range s.boxes {
		s.queues.Add("", box)
	}
	s.tables[ObjectsTable] = &table{partition: "k", items: map[string]entry{}, order: map[string][]string{}}
	s.tables[PartsTable] = &table{partition: "pk", sort: "sk", items: map[string]entry{}, order: map[string][]string{}}
	for name := range s.tables {
		s.counted[name] = &Volume{}
	}
	return s
}

// Counts returns what was counted so far.
func (s *Service) Counts() Counts {
	counts := Counts{Queues: s.queues.Counts(), Messages: map[string]int{}, Tables: map[string]Volume{}}
	for _, box := range s.boxes {
		counts.Messages[box.Name] = len(s.queues.Bodies(box))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	counts.Chunks = s.chunks
	for name, volume := range s.counted {
		counts.Tables[name] = *volume
	}
	return counts
}

// ServeHTTP serves a request; GET answers with the Counts.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(s.Counts()) // the client may be gone
		return
	}
	service, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if service == "AmazonSQS" {
		s.serveQueue(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	answer, err := s.perform(op, body)
	status := http.StatusOK
	var refused *refusal
	if errors.As(err, &refused) {
		status, answer = http.StatusBadRequest, refused
	} else if err != nil {
		status, answer = http.StatusBadRequest, &refusal{Type: "ValidationException", Message: err.Error()}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // a defect of this package
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10)) // the SDK checks it
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

const chunk = 64 << 10

func chunksOf(bytes int) int64 { return int64(max(1, (bytes+chunk-1)/chunk)) }

// serveQueue counts what SQS bills: the larger of what is sent and what is answered.
func (s *Service) serveQueue(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	recorded := httptest.NewRecorder()
	s.queues.ServeHTTP(recorded, r)
	s.mu.Lock()
	s.chunks += chunksOf(max(len(body), recorded.Body.Len()))
	s.mu.Unlock()
	maps.Copy(w.Header(), recorded.Header())
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes())
}
