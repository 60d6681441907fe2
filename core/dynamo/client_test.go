package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

// script is a DynamoDB that answers what it is told, one request after the other.
type script struct {
	t       *testing.T
	answers []string // "STATUS BODY"; "" never answers

	mu    sync.Mutex
	asked []map[string]any
	held  chan struct{} // closed to let requests without an answer go
	mute  chan struct{} // receives when one of them is there
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var asked map[string]any
	if err = errors.Join(err, json.Unmarshal(body, &asked)); err != nil {
		s.t.Errorf("request: %v", err)
	}
	s.mu.Lock()
	s.asked = append(s.asked, asked)
	if len(s.answers) == 0 {
		s.mu.Unlock()
		s.t.Errorf("a request more than expected: %s", body)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	s.mu.Unlock()
	if answer == "" {
		s.mute <- struct{}{}
		<-s.held
		return
	}
	status := map[string]int{"200": 200, "400": 400, "500": 500, "503": 503}[answer[:3]]
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", "REQUEST")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer[4:])
}

// play returns a client that is answered so, and all that was asked afterwards.
func play(t *testing.T, answers ...string) (*Client, *script) {
	t.Helper()
	s := &script{t: t, answers: answers, held: make(chan struct{}), mute: make(chan struct{}, 1)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(s.held) })
	settings := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("tester", "tester-secret", ""),
	}
	return New(settings, Options{Objects: "objects", Parts: "parts", Retry: retry.Policy{Attempts: 4, Base: time.Millisecond, Cap: time.Millisecond}}), s
}

func refused(code string) string {
	return `400 {"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"why"}`
}

func cancelled(codes ...string) string {
	reasons := make([]string, len(codes))
	for i, code := range codes {
		reasons[i] = `{"Code":"` + code + `"}`
	}
	return `400 {"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[` + strings.Join(reasons, ",") + `]}`
}

// TestWhatIsTriedAgain: what passes is tried again by the one retry layer, and what does
// not is told at once.
func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	const done = "200 {}"
	for name, test := range map[string]struct {
		answers []string
		kind    driver.Kind
		code    string
	}{
		"throttled":           {answers: []string{refused("ThrottlingException"), refused("ProvisionedThroughputExceededException"), done}},
		"over the limit":      {answers: []string{refused("RequestLimitExceeded"), refused("LimitExceededException"), done}},
		"failing":             {answers: []string{"500 {}", `503 <html>`, `500 {"__type":"InternalServerError"}`, done}},
		"in a transaction":    {answers: []string{refused("TransactionConflictException"), refused("TransactionInProgressException"), done}},
		"cut short":           {answers: []string{`200 {"Attr`, done}},
		"with an old token":   {answers: []string{refused("ExpiredTokenException"), done}},
		"throttled for ever":  {answers: []string{refused("ThrottlingException"), refused("ThrottlingException"), refused("ThrottlingException"), refused("ThrottlingException")}, kind: driver.KindThrottled, code: "ThrottlingException"},
		"denied":              {answers: []string{refused("AccessDeniedException")}, kind: driver.KindDenied, code: "AccessDeniedException"},
		"of a stranger":       {answers: []string{refused("UnrecognizedClientException")}, kind: driver.KindDenied, code: "UnrecognizedClientException"},
		"on no table":         {answers: []string{refused("ResourceNotFoundException")}, kind: driver.KindNotFound, code: "ResourceNotFoundException"},
		"malformed":           {answers: []string{refused("ValidationException")}, kind: driver.KindInvalidArgument, code: "ValidationException"},
		"larger than allowed": {answers: []string{refused("ItemCollectionSizeLimitExceededException")}, kind: driver.KindInvalidArgument, code: "ItemCollectionSizeLimitExceededException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, played := play(t, test.answers...)
			err := client.Put(t.Context(), Write{Table: "objects", Item: Item{"k": Text("k")}})
			if (err == nil) != (test.kind == driver.KindUnknown) || driver.KindOf(err) != test.kind {
				t.Errorf("a request that is %s returned %v, want %v", name, err, test.kind)
			}
			var failed *driver.Error
			if errors.As(err, &failed) && (failed.Code != test.code || failed.RequestID != "REQUEST") {
				t.Errorf("the error names %q, request %q; want %q and DynamoDB's request", failed.Code, failed.RequestID, test.code)
			}
			if len(played.answers) > 0 {
				t.Errorf("%d answers were not asked for", len(played.answers))
			}
		})
	}
}

// TestTransactionsCancelled: a conflict passes, a condition that does not hold is told,
// with a conflict beside it or not, and every attempt is the same transaction.
func TestTransactionsCancelled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []string
		unmet   []bool
		kind    driver.Kind
	}{
		"conflicts":                 {answers: []string{cancelled("TransactionConflict", "None"), cancelled("None", "TransactionConflict"), "200 {}"}},
		"throttling":                {answers: []string{cancelled("ThrottlingError", "None"), cancelled("None", "ProvisionedThroughputExceeded"), "200 {}"}},
		"a condition":               {answers: []string{cancelled("None", "ConditionalCheckFailed")}, unmet: []bool{false, true}},
		"a condition in a conflict": {answers: []string{cancelled("ConditionalCheckFailed", "TransactionConflict")}, unmet: []bool{true, false}},
		"a mistake":                 {answers: []string{cancelled("ValidationError", "None")}, kind: driver.KindInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, played := play(t, test.answers...)
			err := client.Transact(t.Context(), "token", Write{Table: "parts", Item: Item{"pk": Text("a")}}, Write{Table: "parts", Key: Item{"pk": Text("b")}})
			var unmet *CancelledError
			switch {
			case errors.As(err, &unmet):
				if diff := cmp.Diff(test.unmet, unmet.Unmet); diff != "" {
					t.Errorf("unmet conditions differ (-want +got):\n%s", diff)
				}
			case test.unmet != nil, driver.KindOf(err) != test.kind, err != nil && test.kind == driver.KindUnknown:
				t.Errorf("a transaction with %s returned %v", name, err)
			}
			for _, asked := range played.asked {
				if asked["ClientRequestToken"] != "token" {
					t.Errorf("an attempt has the token %v", asked["ClientRequestToken"])
				}
			}
			if len(played.answers) > 0 {
				t.Errorf("%d answers were not asked for", len(played.answers))
			}
		})
	}
}

func TestUnmetConditionTellsTheItem(t *testing.T) {
	t.Parallel()
	client, played := play(t, `400 {"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"v":{"N":"7"}}}`)
	err := client.Put(t.Context(), Write{Table: "objects", Item: Item{"k": Text("k")}, Condition: "#v = :v", Values: Item{":v": Int(1)}})
	item, unmet := Unmet(err)
	if !unmet || Read(item).Int("v") != 7 {
		t.Errorf("Put returned %v with %v, want the item there", err, item)
	}
	if got := played.asked[0]["ReturnValuesOnConditionCheckFailure"]; got != "ALL_OLD" {
		t.Errorf("the item was asked for by %v", got)
	}
}

// TestUnprocessedIsAskedForAgain: DynamoDB leaves out of a batch what it has no capacity
// for. What came is kept, what is left is asked for, and when nothing came that is throttling.
func TestUnprocessedIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const (
		some = `200 {"Responses":{"objects":[{"k":{"S":"a"}}]},"UnprocessedKeys":{"objects":{"Keys":[{"k":{"S":"b"}},{"k":{"S":"c"}}]}}}`
		none = `200 {"Responses":{"objects":[]},"UnprocessedKeys":{"objects":{"Keys":[{"k":{"S":"b"}},{"k":{"S":"c"}}]}}}`
		rest = `200 {"Responses":{"objects":[{"k":{"S":"c"}}]}}`
	)
	client, played := play(t, some, none, none, rest)
	items, err := client.GetAll(t.Context(), "objects", []Item{{"k": Text("a")}, {"k": Text("b")}, {"k": Text("c")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range items {
		got = append(got, Read(item).Text("k"))
	}
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Errorf("items differ (-want +got):\n%s", diff)
	}
	keys := played.asked[3]["RequestItems"].(map[string]any)["objects"].(map[string]any)["Keys"].([]any)
	if len(keys) != 2 {
		t.Errorf("%d keys were asked for again, want the 2 that are left", len(keys))
	}

	const undone = `200 {"UnprocessedItems":{"parts":[{"DeleteRequest":{"Key":{"pk":{"S":"b"}}}}]}}`
	client, played = play(t, undone, undone, "200 {}")
	if err := client.DeleteAll(t.Context(), "parts", []Item{{"pk": Text("a")}, {"pk": Text("b")}}); err != nil {
		t.Fatal(err)
	}
	if writes := played.asked[2]["RequestItems"].(map[string]any)["parts"].([]any); len(writes) != 1 {
		t.Errorf("%d deletions were asked for again, want the 1 that is left", len(writes))
	}

	client, _ = play(t, none, none, none, none)
	if _, err := client.GetAll(t.Context(), "objects", []Item{{"k": Text("b")}, {"k": Text("c")}}); driver.KindOf(err) != driver.KindThrottled {
		t.Errorf("a batch of which nothing is ever processed returned %v, want KindThrottled", err)
	}
}

// TestSilenceEndsAnAttempt: a request without an answer is made again.
func TestSilenceEndsAnAttempt(t *testing.T) {
	t.Parallel()
	client, played := play(t, "", "200 {}")
	client.options.Timeout = 50 * time.Millisecond
	// Under load the second attempt may also take longer than that: then it is made again.
	for range 20 {
		played.answers = append(played.answers, "200 {}")
	}
	client.options.Retry.Attempts = 20
	if err := client.Put(t.Context(), Write{Table: "objects", Item: Item{"k": Text("k")}}); err != nil {
		t.Errorf("Put returned %v", err)
	}
}

func TestCallerEndsTheWait(t *testing.T) {
	t.Parallel()
	client, played := play(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-played.mute
		cancel()
	}()
	if err := client.Put(ctx, Write{Table: "objects", Item: Item{"k": Text("k")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put returned %v, want context.Canceled", err)
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	client, played := play(t, `200 {"Items":[{"sk":{"S":"a"}}],"LastEvaluatedKey":{"sk":{"S":"a"}}}`, refused("ThrottlingException"),
		`200 {"Items":[],"LastEvaluatedKey":{"sk":{"S":"b"}}}`, `200 {"Items":[{"sk":{"S":"c"}}]}`)
	var got []string
	for item, err := range client.Query(t.Context(), Query{Table: "parts", Attribute: "pk", Partition: "p"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, Read(item).Text("sk"))
	}
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Errorf("items differ (-want +got):\n%s", diff)
	}
	starts := make([]any, len(played.asked))
	for i, asked := range played.asked {
		starts[i] = asked["ExclusiveStartKey"]
	}
	after := func(key string) any { return map[string]any{"sk": map[string]any{"S": key}} }
	if diff := cmp.Diff([]any{nil, after("a"), after("a"), after("b")}, starts); diff != "" {
		t.Errorf("starts differ (-want +got):\n%s", diff)
	}
}

func TestNamesOfExpressions(t *testing.T) {
	t.Parallel()
	want := map[string]string{"#pk": "pk", "#st": "st", "#o": "o", "#l": "l"}
	if diff := cmp.Diff(want, names("SET #st = :st, #o=:o", "attribute_exists(#pk) AND (#o = :o OR #l<:ended)", "")); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	if got := names("", "no name"); got != nil { // DynamoDB refuses an empty map
		t.Errorf("expressions without names have %v", got)
	}
}
