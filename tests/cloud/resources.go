package cloud

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Queue is one queue.
type Queue struct {
	Name string
	URL  string
	ARN  string
}

// Queues are the three queues of a fleet.
type Queues struct {
	Main Queue
	Prio Queue
	DLQ  Queue // dead letters of the other two
}

// Receives is how often a message is received before it becomes a dead letter.
const Receives = 10

// CreateQueues creates the queues NAME-main, NAME-prio and NAME-dlq as a fleet has
// them: standard queues, 15 minutes of invisibility, 14 days kept, 1 MiB a message,
// dead after [Receives] receives.
func CreateQueues(ctx context.Context, client *sqs.Client, name string) (Queues, error) {
	var queues Queues
	for _, queue := range []struct {
		to     *Queue
		suffix string
	}{{&queues.DLQ, "dlq"}, {&queues.Main, "main"}, {&queues.Prio, "prio"}} {
		attributes := map[string]string{
			"MessageRetentionPeriod": seconds(14 * 24 * time.Hour),
			"VisibilityTimeout":      seconds(15 * time.Minute),
			"MaximumMessageSize":     strconv.Itoa(1 << 20),
		}
		if queue.to != &queues.DLQ {
			attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, queues.DLQ.ARN, Receives)
		}
		created, err := CreateQueue(ctx, client, name+"-"+queue.suffix, attributes)
		if err != nil {
			return Queues{}, err
		}
		*queue.to = created
	}
	return queues, nil
}

// CreateQueue creates a queue with attributes by the names of SQS.
func CreateQueue(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (Queue, error) {
	created, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return Queue{}, fmt.Errorf("create the queue %s: %w", name, err)
	}
	arn := sqstypes.QueueAttributeNameQueueArn
	about, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{arn},
	})
	if err != nil {
		return Queue{}, fmt.Errorf("look at the queue %s: %w", name, err)
	}
	return Queue{Name: name, URL: aws.ToString(created.QueueUrl), ARN: about.Attributes[string(arn)]}, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// CreateTable creates a table and waits until it can be used. An attribute named by
// expires holds the Unix time at which an item may be removed; empty keeps items.
func CreateTable(ctx context.Context, client *dynamodb.Client, table *dynamodb.CreateTableInput, expires string) error {
	name := aws.ToString(table.TableName)
	if _, err := client.CreateTable(ctx, table); err != nil {
		return fmt.Errorf("create the table %s: %w", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(options *dynamodb.TableExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		return fmt.Errorf("wait for the table %s: %w", name, err)
	}
	if expires == "" {
		return nil
	}
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &dynamotypes.TimeToLiveSpecification{AttributeName: &expires, Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("let items of the table %s expire: %w", name, err)
	}
	return nil
}
