package proxy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/google/go-cmp/cmp"
)

// line is a queue behind a proxy of its own.
type line struct {
	*proxy.Proxy

	t      *testing.T
	client *sqs.Client
	queue  cloud.Queue
}

// onQueues runs a test on a fresh queue of every emulator of SQS.
func onQueues(t *testing.T, tests map[string]func(t *testing.T, l line)) {
	t.Helper()
	for _, kind := range []cloud.Kind{cloud.FauxQS, cloud.MiniStack} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := cloud.StartForTest(t, kind)
			serial := 0
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					serial++
					queue, err := cloud.CreateQueue(t.Context(), server.SQS(), fmt.Sprintf("q%d", serial), nil)
					if err != nil {
						t.Fatal(err)
					}
					front, endpoint := proxy.StartForTest(t, proxy.Config{Services: map[string]string{"sqs": server.Endpoint}, Seed: 1, Record: true})
					test(t, line{Proxy: front, t: t, client: sqs.NewFromConfig(cloud.ConfigAt(endpoint)), queue: queue})
				})
			}
		})
	}
}

// send sends messages "0", "1", … in one batch and returns the ids that failed.
func (l line) send(messages int) []string {
	l.t.Helper()
	var entries []sqstypes.SendMessageBatchRequestEntry
	for i := range messages {
		name := fmt.Sprint(i)
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: &name, MessageBody: &name})
	}
	sent, err := l.client.SendMessageBatch(l.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &l.queue.URL, Entries: entries})
	if err != nil {
		l.t.Fatal(err)
	}
	if len(sent.Successful)+len(sent.Failed) != messages {
		l.t.Errorf("of %d entries %d are sent and %d failed", messages, len(sent.Successful), len(sent.Failed))
	}
	return failedIDs(sent.Failed)
}

func failedIDs(failed []sqstypes.BatchResultErrorEntry) []string {
	var ids []string
	for _, entry := range failed {
		ids = append(ids, aws.ToString(entry.Id))
	}
	slices.Sort(ids)
	return ids
}

// receive receives once, up to 10 messages.
func (l line) receive() []sqstypes.Message {
	l.t.Helper()
	received, err := l.client.ReceiveMessage(l.t.Context(), l.receiving())
	if err != nil {
		l.t.Fatal(err)
	}
	return received.Messages
}

func (l line) receiving() *sqs.ReceiveMessageInput {
	return &sqs.ReceiveMessageInput{
		QueueUrl: &l.queue.URL, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"ApproximateReceiveCount"},
	}
}

// drain receives until a receive comes back empty.
func (l line) drain() []sqstypes.Message {
	l.t.Helper()
	var all []sqstypes.Message
	for {
		messages := l.receive()
		if len(messages) == 0 {
			return all
		}
		all = append(all, messages...)
	}
}

func bodies(messages []sqstypes.Message) []string {
	var all []string
	for _, message := range messages {
		all = append(all, aws.ToString(message.Body))
	}
	slices.Sort(all)
	return all
}

func code(err error) string {
	var failure smithy.APIError
	if errors.As(err, &failure) {
		return failure.ErrorCode()
	}
	return fmt.Sprintf("%v", err)
}

func TestQueueFaults(t *testing.T) {
	t.Parallel()
	onQueues(t, map[string]func(t *testing.T, l line){
		"some entries are not sent": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Entries, Most: 2})
			if failed := l.send(5); !cmp.Equal(failed, []string{"0", "1"}) {
				t.Errorf("entries %v failed", failed)
			}
			if got := bodies(l.drain()); !cmp.Equal(got, []string{"2", "3", "4"}) {
				t.Errorf("the queue holds %v", got)
			}
			if got := l.Totals(); got.Sent != 3 || got.Received != 3 || got.EmptyReceives != 1 || got.QueueRequests != 2 {
				t.Errorf("counted %+v", got)
			}
		},
		"no entry is sent": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "sqs.*", Resource: l.queue.Name, Do: proxy.Entries})
			if failed := l.send(3); len(failed) != 3 {
				t.Errorf("entries %v failed", failed)
			}
			if failed := l.send(3); len(failed) != 0 {
				t.Errorf("entries %v failed after the fault", failed)
			}
		},
		"some messages are not deleted": func(t *testing.T, l line) {
			l.send(4)
			l.Inject(proxy.Fault{Operation: "sqs.DeleteMessageBatch", Do: proxy.Entries, Most: 1, Code: proxy.StaleHandle})
			messages := l.drain()
			deleted, err := l.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &l.queue.URL, Entries: deletions(messages)})
			if err != nil || len(deleted.Successful) != 3 || len(deleted.Failed) != 1 || aws.ToString(deleted.Failed[0].Code) != proxy.StaleHandle || !deleted.Failed[0].SenderFault {
				t.Errorf("deleted %+v, %v", deleted, err)
			}
			if got := l.Totals().Deleted; got != 3 {
				t.Errorf("%d deletions were counted", got)
			}
		},
		"some messages are not extended": func(t *testing.T, l line) {
			l.send(2)
			l.Inject(proxy.Fault{Operation: "sqs.ChangeMessageVisibilityBatch", Do: proxy.Entries, Most: 1})
			var entries []sqstypes.ChangeMessageVisibilityBatchRequestEntry
			for i, message := range l.drain() {
				entries = append(entries, sqstypes.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle})
			}
			// The one that goes through makes its message visible at once.
			changed, err := l.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &l.queue.URL, Entries: entries})
			if err != nil || len(changed.Successful) != 1 || len(changed.Failed) != 1 {
				t.Errorf("changed %+v, %v", changed, err)
			}
			if got := l.drain(); len(got) != 1 {
				t.Errorf("%d messages are visible", len(got))
			}
		},
		"a stale handle of a single call": func(t *testing.T, l line) {
			l.send(1)
			message := l.drain()[0]
			l.Inject(proxy.Fault{Operation: "sqs.ChangeMessageVisibility", Do: proxy.Fail, Code: proxy.StaleHandle})
			_, err := l.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &l.queue.URL, ReceiptHandle: message.ReceiptHandle})
			var stale *sqstypes.ReceiptHandleIsInvalid
			if !errors.As(err, &stale) {
				t.Errorf("the error is %v", err)
			}
		},
		"too many in flight": func(t *testing.T, l line) {
			l.send(1)
			l.Inject(proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Fail, Code: proxy.OverLimit, Skip: 1, Times: 2})
			if got := l.receive(); len(got) != 1 {
				t.Errorf("the first receive gave %d messages", len(got))
			}
			for range 2 {
				var over *sqstypes.OverLimit
				if _, err := l.client.ReceiveMessage(t.Context(), l.receiving()); !errors.As(err, &over) {
					t.Errorf("the error is %v", err)
				}
			}
			if got := l.receive(); len(got) != 0 {
				t.Errorf("the last receive gave %d messages", len(got))
			}
			want := proxy.Count{Requests: 4, Empty: 1, Failed: 2, Injected: 2, Items: 1}
			if diff := cmp.Diff(want, l.Counts()["sqs.ReceiveMessage"]); diff != "" {
				t.Error(diff)
			}
		},
		"a lost answer": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "sqs.SendMessage", Do: proxy.Lose}, proxy.Fault{Operation: "sqs.SendMessage", Do: proxy.Drop})
			for range 2 {
				if _, err := l.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &l.queue.URL, MessageBody: aws.String("kept")}); err == nil {
					t.Error("an answer came")
				}
			}
			if got := bodies(l.drain()); !cmp.Equal(got, []string{"kept"}) {
				t.Errorf("the queue holds %v, want the message of the lost answer alone", got)
			}
		},
		"a failing service": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "*", Do: proxy.Fail, Status: 503, Code: "ServiceUnavailable", Times: -1})
			for range 3 {
				if _, err := l.client.ReceiveMessage(t.Context(), l.receiving()); code(err) != "ServiceUnavailable" {
					t.Errorf("the error is %v", err)
				}
			}
			l.Heal()
			l.receive()
		},
		"a delayed delivery": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Delay, Delay: 900e9, Most: 1})
			l.send(3)
			if got := bodies(l.drain()); !cmp.Equal(got, []string{"1", "2"}) {
				t.Errorf("the queue hands out %v", got)
			}
			about, err := l.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
				QueueUrl: &l.queue.URL, AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessagesDelayed"},
			})
			if err != nil || about.Attributes["ApproximateNumberOfMessagesDelayed"] != "1" {
				t.Errorf("the queue says %+v, %v", about, err)
			}
		},
	})
}

func deletions(messages []sqstypes.Message) []sqstypes.DeleteMessageBatchRequestEntry {
	var entries []sqstypes.DeleteMessageBatchRequestEntry
	for i, message := range messages {
		entries = append(entries, sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle})
	}
	return entries
}

func TestDuplicateDelivery(t *testing.T) {
	t.Parallel()
	onQueues(t, map[string]func(t *testing.T, l line){
		"the first handle deletes": func(t *testing.T, l line) { deleteDuplicate(t, l, false) },
		"the later handle deletes": func(t *testing.T, l line) { deleteDuplicate(t, l, true) },
	})
}

func deleteDuplicate(t *testing.T, l line, later bool) {
	l.send(3)
	l.Inject(proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Duplicate, Most: 1, Times: 1})
	messages := l.drain()
	if len(messages) != 4 {
		t.Fatalf("received %v, want one of three twice", bodies(messages))
	}
	twice := messages[3]
	first := slices.IndexFunc(messages, func(m sqstypes.Message) bool { return *m.MessageId == *twice.MessageId })
	if first == 3 || *messages[first].Body != *twice.Body || *messages[first].ReceiptHandle == *twice.ReceiptHandle {
		t.Errorf("the duplicate is %+v of %+v", twice, messages[:3])
	}
	if got := twice.Attributes["ApproximateReceiveCount"]; got != "2" {
		t.Errorf("the duplicate was received %s times", got)
	}
	order := []sqstypes.Message{messages[first], twice}
	if later {
		slices.Reverse(order)
	}
	for i, message := range order { // deleting what is deleted is no error
		if _, err := l.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &l.queue.URL, ReceiptHandle: message.ReceiptHandle}); err != nil {
			t.Errorf("deletion %d: %v", i+1, err)
		}
	}
	rest := deletions(messages)
	deleted, err := l.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &l.queue.URL, Entries: rest})
	if err != nil || len(deleted.Failed) != 0 {
		t.Errorf("deleting all of them answers %+v, %v", deleted, err)
	}
	about, err := l.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &l.queue.URL, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil || about.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0" || about.Attributes["ApproximateNumberOfMessages"] != "0" {
		t.Errorf("the queue says %+v, %v", about, err)
	}
}

func TestShareIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	onQueues(t, map[string]func(t *testing.T, l line){
		"half": func(t *testing.T, l line) {
			l.Inject(proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Entries, Share: 0.5, Times: -1})
			var all []string
			for range 4 {
				all = append(all, strings.Join(l.send(10), ""))
			}
			if want := []string{"049", "01279", "123689", "124567"}; !cmp.Equal(all, want) {
				t.Errorf("entries %q failed, want %q", all, want)
			}
		},
	})
}

func TestCallsSayWhatIAMHasToAllow(t *testing.T) {
	t.Parallel()
	table := aws.String("objects")
	item := map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "a"}}
	server := cloud.StartForTest(t, cloud.MiniStack)
	front, endpoint := proxy.StartForTest(t, proxy.Config{Default: server.Endpoint, Record: true})
	client := dynamodb.NewFromConfig(cloud.ConfigAt(endpoint))
	if err := cloud.CreateTable(t.Context(), server.DynamoDB(), tableOf("objects"), ""); err != nil {
		t.Fatal(err)
	}
	_, err := client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: table, Item: item}},
		{ConditionCheck: &types.ConditionCheck{
			TableName: aws.String("absent"), ConditionExpression: aws.String("attribute_exists(k)"), Key: item,
		}},
	}})
	if err == nil {
		t.Error("a table that is not there is no error")
	}
	_, err = client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: table, IndexName: aws.String("failed"), KeyConditionExpression: aws.String("fs = :f"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":f": &types.AttributeValueMemberS{Value: "x"}},
	})
	if err != nil {
		t.Error(err)
	}
	queues := sqs.NewFromConfig(cloud.ConfigAt(endpoint))
	if _, err := queues.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: aws.String("http://x/000000000000/absent"), Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: table, MessageBody: table}},
	}); err == nil {
		t.Error("a queue that is not there is no error")
	}
	got := front.Calls()
	for i := range got {
		got[i].Status, got[i].Code = 0, ""
	}
	want := []proxy.Call{
		{Service: "dynamodb", Operation: "TransactWriteItems", Actions: []string{"ConditionCheckItem", "PutItem"}, Resources: []string{"absent", "objects"}, AccessKey: "tester"},
		{Service: "dynamodb", Operation: "Query", Actions: []string{"Query"}, Resources: []string{"objects/index/failed"}, AccessKey: "tester"},
		{Service: "sqs", Operation: "SendMessageBatch", Actions: []string{"SendMessage"}, Resources: []string{"absent"}, AccessKey: "tester"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	front.Reset()
	if len(front.Calls()) != 0 || len(front.Counts()) != 0 {
		t.Error("calls or counts are left after Reset")
	}
}
