package cloud_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/dth-dev/dth/tests/cloud"
)

func TestQueueFacts(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto, cloud.FauxQS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			compare(t, kind, &queues{client: cloud.StartForTest(t, kind).SQS()}, queueFacts())
		})
	}
}

// queues makes a fresh queue for every question.
type queues struct {
	client *sqs.Client
	serial int
}

func (q *queues) create(t *testing.T, attributes map[string]string) cloud.Queue {
	t.Helper()
	q.serial++
	queue, err := cloud.CreateQueue(t.Context(), q.client, fmt.Sprintf("q%d", q.serial), attributes)
	if err != nil {
		t.Fatal(err)
	}
	return queue
}

func (q *queues) send(t *testing.T, queue cloud.Queue, body string, delay int32) error {
	_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue.URL, MessageBody: &body, DelaySeconds: delay})
	return err
}

// holding makes a queue with one message.
func (q *queues) holding(t *testing.T, attributes map[string]string) cloud.Queue {
	t.Helper()
	queue := q.create(t, attributes)
	if err := q.send(t, queue, "m", 0); err != nil {
		t.Fatal(err)
	}
	return queue
}

// receive waits up to the given seconds for messages, which are invisible for others.
func (q *queues) receive(t *testing.T, queue cloud.Queue, invisible, wait int32) []types.Message {
	t.Helper()
	got, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &queue.URL, MaxNumberOfMessages: 10, VisibilityTimeout: invisible, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got.Messages
}

func (q *queues) visible(t *testing.T, queue cloud.Queue, message types.Message) error {
	_, err := q.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &queue.URL, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0,
	})
	return err
}

func (q *queues) remove(t *testing.T, queue cloud.Queue, message types.Message) error {
	_, err := q.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue.URL, ReceiptHandle: message.ReceiptHandle})
	return err
}

// most is how long a receive waits for what has to come.
const most = 20

func queueFacts() []fact[*queues] {
	return []fact[*queues]{
		{"VisibilityTimeout of one receive", func(t *testing.T, q *queues) string {
			queue := q.holding(t, nil)
			q.receive(t, queue, 1, most)
			return tell(len(q.receive(t, queue, 60, most)) == 1, "ignored")
		}},
		{"ChangeMessageVisibilityBatch to 0", func(t *testing.T, q *queues) string {
			queue := q.holding(t, nil)
			message := q.receive(t, queue, 600, most)[0]
			changed, err := q.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{
				QueueUrl: &queue.URL, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
					{Id: aws.String("good"), ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0},
					{Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense"), VisibilityTimeout: 0},
				},
			})
			if err != nil {
				return refused(err)
			}
			return tell(len(changed.Failed) == 1 && len(changed.Successful) == 1 && len(q.receive(t, queue, 60, most)) == 1,
				"%d failed, %d succeeded", len(changed.Failed), len(changed.Successful))
		}},
		{"ApproximateReceiveCount", func(t *testing.T, q *queues) string {
			queue := q.holding(t, nil)
			if err := q.visible(t, queue, q.receive(t, queue, 600, most)[0]); err != nil {
				return refused(err)
			}
			count := q.receive(t, queue, 600, most)[0].Attributes["ApproximateReceiveCount"]
			return tell(count == "2", "says %s", count)
		}},
		{"DelaySeconds of one message", func(t *testing.T, q *queues) string {
			queue := q.create(t, nil)
			if err := q.send(t, queue, "late", 900); err != nil {
				return refused(err)
			}
			early := len(q.receive(t, queue, 600, 0))
			if err := q.send(t, queue, "soon", 1); err != nil {
				return refused(err)
			}
			return tell(early == 0 && len(q.receive(t, queue, 600, most)) == 1, "ignored")
		}},
		{"dead letter after maxReceiveCount", func(t *testing.T, q *queues) string {
			dead := q.create(t, nil)
			queue := q.holding(t, map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, dead.ARN)})
			for range 2 {
				if err := q.visible(t, queue, q.receive(t, queue, 600, most)[0]); err != nil {
					return refused(err)
				}
			}
			again := len(q.receive(t, queue, 600, 0))
			return tell(again == 0 && len(q.receive(t, dead, 600, most)) == 1, "received %d times", 2+again)
		}},
		{"message of 300 KiB", func(t *testing.T, q *queues) string {
			queue := q.create(t, nil)
			if err := q.send(t, queue, strings.Repeat("x", 300<<10), 0); err != nil {
				return refused(err)
			}
			return tell(len(*q.receive(t, queue, 600, most)[0].Body) == 300<<10, "another came")
		}},
		{"message above 1 MiB refused", func(t *testing.T, q *queues) string {
			return refused(q.send(t, q.create(t, nil), strings.Repeat("x", 1<<20+1), 0), "InvalidParameterValue", "InvalidMessageContents")
		}},
		{"batch above 1 MiB refused", func(t *testing.T, q *queues) string {
			queue := q.create(t, nil)
			half := strings.Repeat("x", 1<<19+1)
			_, err := q.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queue.URL, Entries: []types.SendMessageBatchRequestEntry{
				{Id: aws.String("a"), MessageBody: &half}, {Id: aws.String("b"), MessageBody: &half},
			}})
			return refused(err, "BatchRequestTooLong")
		}},
		{"character U+0001 refused", func(t *testing.T, q *queues) string {
			return refused(q.send(t, q.create(t, nil), "a\x01b", 0), "InvalidMessageContents")
		}},
		{"handle that is nonsense refused", func(t *testing.T, q *queues) string {
			return refused(q.remove(t, q.holding(t, nil), types.Message{ReceiptHandle: aws.String("nonsense")}), "ReceiptHandleIsInvalid")
		}},
		{"deleting twice allowed", func(t *testing.T, q *queues) string {
			queue := q.holding(t, nil)
			message := q.receive(t, queue, 600, most)[0]
			if err := q.remove(t, queue, message); err != nil {
				return refused(err)
			}
			err := q.remove(t, queue, message)
			return tell(err == nil, "%s", strings.Trim(refused(err), "*"))
		}},
		{"old handle after a redelivery", func(t *testing.T, q *queues) string {
			queue := q.holding(t, nil)
			first := q.receive(t, queue, 600, most)[0]
			if err := q.visible(t, queue, first); err != nil {
				return refused(err)
			}
			q.receive(t, queue, 600, most)
			if err := q.remove(t, queue, first); err != nil {
				return "delete: " + strings.Trim(refused(err), "*")
			}
			about, err := q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue.URL, AttributeNames: []types.QueueAttributeName{"All"}})
			if err != nil {
				return refused(err)
			}
			return map[string]string{"0": "deletes", "1": "accepted, without effect"}[about.Attributes["ApproximateNumberOfMessagesNotVisible"]]
		}},
		{"StartMessageMoveTask", func(t *testing.T, q *queues) string {
			dead := q.holding(t, nil)
			queue := q.create(t, map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, dead.ARN)})
			if _, err := q.client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: &dead.ARN, DestinationArn: &queue.ARN}); err != nil {
				return "**" + strings.Trim(refused(err), "*") + "**"
			}
			return tell(len(q.receive(t, queue, 600, most)) == 1, "moves nothing")
		}},
	}
}
