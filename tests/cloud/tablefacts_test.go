package cloud_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/dth-dev/dth/tests/cloud"
)

func TestTableFacts(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			client := cloud.StartForTest(t, kind).DynamoDB()
			if err := cloud.CreateTable(t.Context(), client, objects(), ""); err != nil {
				t.Fatal(err)
			}
			compare(t, kind, client, tableFacts())
		})
	}
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(value)}
}

type attributes = map[string]types.AttributeValue

func tableFacts() []fact[*dynamodb.Client] {
	return []fact[*dynamodb.Client]{
		{"failed condition returns ALL_OLD", failedCondition},
		{"TransactWriteItems of 16 at once", countParts},
		{"BatchGetItem of 100 keys, not 101", hundredKeys},
		{"sparse index", sparseIndex},
		{"time to live can be set", expiry},
	}
}

func failedCondition(t *testing.T, c *dynamodb.Client) string {
	key := attributes{"k": text("conditional")}
	_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("objects"), Item: attributes{"k": key["k"], "rev": number(7)}})
	if err != nil {
		return refused(err)
	}
	_, err = c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String("objects"), Key: key, UpdateExpression: aws.String("SET rev = :n"), ConditionExpression: aws.String("rev = :r"),
		ExpressionAttributeValues:           attributes{":n": number(9), ":r": number(8)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return refused(err)
	}
	old, _ := failed.Item["rev"].(*types.AttributeValueMemberN)
	return tell(old != nil && old.Value == "7", "without the item")
}

// countParts finishes 100 parts three times each, 16 at once: each must count once.
func countParts(t *testing.T, c *dynamodb.Client) string {
	var group sync.WaitGroup
	var conflicts, failures atomic.Int64
	parts := make(chan int)
	for range 16 {
		group.Go(func() {
			for part := range parts {
				for {
					err := countPart(t, c, part)
					if err == nil {
						break
					}
					var cancelled *types.TransactionCanceledException
					if !errors.As(err, &cancelled) {
						failures.Add(1)
						break
					}
					if aws.ToString(cancelled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
						break // counted before
					}
					conflicts.Add(1)
				}
			}
		})
	}
	for i := range 300 {
		parts <- i / 3
	}
	close(parts)
	group.Wait()
	got, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("objects"), Key: attributes{"k": text("upload")}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return refused(err)
	}
	done, _ := got.Item["done"].(*types.AttributeValueMemberN)
	t.Logf("%d conflicts", conflicts.Load())
	return tell(done != nil && done.Value == "100" && failures.Load() == 0, "counts %v, %d failures", got.Item["done"], failures.Load())
}

func countPart(t *testing.T, c *dynamodb.Client, part int) error {
	_, err := c.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: aws.String("objects"), Key: attributes{"k": text(fmt.Sprintf("part %d", part))},
			UpdateExpression: aws.String("SET et = :e"), ConditionExpression: aws.String("attribute_not_exists(et)"),
			ExpressionAttributeValues: attributes{":e": text("etag")},
		}},
		{Update: &types.Update{
			TableName: aws.String("objects"), Key: attributes{"k": text("upload")},
			UpdateExpression: aws.String("ADD done :one"), ExpressionAttributeValues: attributes{":one": number(1)},
		}},
	}})
	return err
}

func hundredKeys(t *testing.T, c *dynamodb.Client) string {
	var keys []attributes
	for i := range 101 {
		keys = append(keys, attributes{"k": text(fmt.Sprintf("batch %d", i))})
	}
	for _, key := range keys[:100] {
		if _, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("objects"), Item: key}); err != nil {
			return refused(err)
		}
	}
	read := func(n int) (*dynamodb.BatchGetItemOutput, error) {
		return c.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"objects": {Keys: keys[:n]}}})
	}
	got, err := read(100)
	if err != nil {
		return refused(err)
	}
	_, err = read(101)
	return tell(len(got.Responses["objects"]) == 100 && err != nil, "%d items, 101 keys: %v", len(got.Responses["objects"]), err)
}

func sparseIndex(t *testing.T, c *dynamodb.Client) string {
	key := attributes{"k": text("sparse")}
	find := func() int {
		found, err := c.Query(t.Context(), &dynamodb.QueryInput{
			TableName: aws.String("objects"), IndexName: aws.String("failed"), KeyConditionExpression: aws.String("fs = :f"),
			ExpressionAttributeValues: attributes{":f": text("F#1")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(found.Items)
	}
	var counts []int
	for _, expression := range []string{"SET sz = :f", "SET fs = :f", "REMOVE fs"} {
		update := &dynamodb.UpdateItemInput{TableName: aws.String("objects"), Key: key, UpdateExpression: &expression}
		if expression != "REMOVE fs" {
			update.ExpressionAttributeValues = attributes{":f": text("F#1")}
		}
		if _, err := c.UpdateItem(t.Context(), update); err != nil {
			return refused(err)
		}
		counts = append(counts, find())
	}
	return tell(fmt.Sprint(counts) == "[0 1 0]", "%v", counts)
}

func expiry(t *testing.T, c *dynamodb.Client) string {
	_, err := c.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName:               aws.String("objects"),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("x"), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return refused(err)
	}
	about, err := c.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("objects")})
	if err != nil {
		return refused(err)
	}
	return tell(aws.ToString(about.TimeToLiveDescription.AttributeName) == "x", "forgotten")
}
