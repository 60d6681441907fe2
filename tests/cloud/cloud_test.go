package cloud_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/dth-dev/dth/tests/cloud"
)

func TestQueuesOfEveryEmulator(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto, cloud.FauxQS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			client := cloud.StartForTest(t, kind).SQS()
			queues, err := cloud.CreateQueues(t.Context(), client, "fleet")
			if err != nil {
				t.Fatal(err)
			}
			for _, queue := range []cloud.Queue{queues.Main, queues.Prio} {
				about, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
					QueueUrl: &queue.URL, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
				})
				if err != nil {
					t.Fatal(err)
				}
				if about.Attributes["VisibilityTimeout"] != "900" || about.Attributes["MessageRetentionPeriod"] != "1209600" ||
					!strings.Contains(about.Attributes["RedrivePolicy"], queues.DLQ.ARN) {
					t.Errorf("%s has attributes %v", queue.Name, about.Attributes)
				}
				if got := sendAndReceive(t, client, queue.URL, queue.Name); got != queue.Name {
					t.Errorf("%s handed out %q", queue.Name, got)
				}
			}
		})
	}
}

func sendAndReceive(t *testing.T, client *sqs.Client, url, body string) string {
	t.Helper()
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
	received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 5})
	if err != nil || len(received.Messages) != 1 {
		t.Fatalf("received %+v, %v", received, err)
	}
	return aws.ToString(received.Messages[0].Body)
}

func TestTableOfEveryEmulator(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			client := cloud.StartForTest(t, kind).DynamoDB()
			if err := cloud.CreateTable(t.Context(), client, objects(), "x"); err != nil {
				t.Fatal(err)
			}
			key := map[string]dynamotypes.AttributeValue{"k": &dynamotypes.AttributeValueMemberS{Value: "a/b"}}
			if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("objects"), Item: key}); err != nil {
				t.Fatal(err)
			}
			got, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("objects"), Key: key})
			if err != nil || len(got.Item) != 1 {
				t.Errorf("the item is %+v, %v", got, err)
			}
			ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("objects")})
			if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "x" {
				t.Errorf("items expire by %+v, %v", ttl, err)
			}
		})
	}
}

// objects is a table keyed by k, with an index of the items that have fs.
func objects() *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:   aws.String("objects"),
		BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: aws.String("k"), AttributeType: dynamotypes.ScalarAttributeTypeS},
			{AttributeName: aws.String("fs"), AttributeType: dynamotypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamotypes.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: dynamotypes.KeyTypeHash}},
		GlobalSecondaryIndexes: []dynamotypes.GlobalSecondaryIndex{{
			IndexName:  aws.String("failed"),
			KeySchema:  []dynamotypes.KeySchemaElement{{AttributeName: aws.String("fs"), KeyType: dynamotypes.KeyTypeHash}},
			Projection: &dynamotypes.Projection{ProjectionType: dynamotypes.ProjectionTypeKeysOnly},
		}},
	}
}

func TestStateMachineOfEveryEmulator(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			client := cloud.StartConfigured(t, cloud.Config{Kind: kind, WaitScale: 0.001}).StepFunctions()
			machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
				Name: aws.String("m"), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"),
				Definition: aws.String(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"P"},"P":{"Type":"Pass","Result":{"did":"run"},"End":true}}}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			execution, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{
				StateMachineArn: machine.StateMachineArn, Name: aws.String("e"), Input: aws.String("{}"),
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := output(t, client, execution.ExecutionArn); !strings.Contains(got, "run") {
				t.Errorf("the state machine ended with %s", got)
			}
		})
	}
}

// output waits until the execution ends, and returns what it ended with.
func output(t *testing.T, client *sfn.Client, arn *string) string {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		about, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
		if err != nil {
			t.Fatal(err)
		}
		if about.Status != "RUNNING" {
			return string(about.Status) + " " + aws.ToString(about.Output)
		}
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal(context.Cause(t.Context()))
		}
	}
}

// An emulator holds what anybody may read: only this machine may reach it, and only
// while its test runs.
func TestEmulatorsListenOnLoopbackAndEnd(t *testing.T) {
	t.Parallel()
	outside := outsideAddress(t)
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto, cloud.FauxQS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := cloud.StartForTest(t, kind)
			address := strings.TrimPrefix(server.Endpoint, "http://")
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			if answers(net.JoinHostPort(outside, port)) {
				t.Errorf("%s answers on %s", kind, outside)
			}
			server.Stop()
			server.Stop()
			if answers(address) {
				t.Errorf("%s still answers after Stop", address)
			}
		})
	}
}

func answers(address string) bool {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// outsideAddress returns an address of this machine that is not loopback's; where there
// is none, another one of loopback tells a server that binds every interface as well.
func outsideAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return "127.0.0.2"
}
