package proxy_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/google/go-cmp/cmp"
)

// tableOf is a table keyed by k, with an index of the items that have fs.
func tableOf(name string) *dynamodb.CreateTableInput {
	text := types.ScalarAttributeTypeS
	return &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: text}, {AttributeName: aws.String("fs"), AttributeType: text}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("failed"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("fs"), KeyType: types.KeyTypeHash}},
		}},
	}
}

// store is a table behind a proxy of its own.
type store struct {
	*proxy.Proxy

	t      *testing.T
	client *dynamodb.Client
	table  string
}

// onTables runs a test on a fresh table of every emulator of DynamoDB.
func onTables(t *testing.T, tests map[string]func(t *testing.T, s store)) {
	t.Helper()
	for _, kind := range []cloud.Kind{cloud.MiniStack, cloud.Moto} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := cloud.StartForTest(t, kind)
			serial := 0
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					serial++
					table := fmt.Sprintf("table%d", serial)
					if err := cloud.CreateTable(t.Context(), server.DynamoDB(), tableOf(table), ""); err != nil {
						t.Fatal(err)
					}
					front, endpoint := proxy.StartForTest(t, proxy.Config{Default: server.Endpoint, Seed: 1})
					test(t, store{Proxy: front, t: t, client: dynamodb.NewFromConfig(cloud.ConfigAt(endpoint)), table: table})
				})
			}
		})
	}
}

func item(key string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: key}}
}

func (s store) put(key string) error {
	_, err := s.client.PutItem(s.t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item(key)})
	return err
}

// items scans the table for how many items it holds.
func (s store) items() int {
	s.t.Helper()
	found, err := s.client.Scan(s.t.Context(), &dynamodb.ScanInput{TableName: &s.table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(found.Items)
}

func (s store) writes(items int) map[string][]types.WriteRequest {
	var requests []types.WriteRequest
	for i := range items {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item(fmt.Sprint(i))}})
	}
	return map[string][]types.WriteRequest{s.table: requests}
}

func (s store) reads(items int) map[string]types.KeysAndAttributes {
	var keys []map[string]types.AttributeValue
	for i := range items {
		keys = append(keys, item(fmt.Sprint(i)))
	}
	return map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}}
}

func TestTableFaults(t *testing.T) {
	t.Parallel()
	onTables(t, map[string]func(t *testing.T, s store){
		"throttled": func(t *testing.T, s store) {
			s.Inject(
				proxy.Fault{Operation: "dynamodb.PutItem", Resource: s.table, Do: proxy.Fail, Code: proxy.Throttled},
				proxy.Fault{Operation: "dynamodb.PutItem", Do: proxy.Fail},
			)
			var throttled *types.ProvisionedThroughputExceededException
			if err := s.put("a"); !errors.As(err, &throttled) {
				t.Errorf("the first error is %v", err)
			}
			if err := s.put("a"); code(err) != "ThrottlingException" {
				t.Errorf("the second error is %v", err)
			}
			if got := s.items(); got != 0 {
				t.Errorf("the table holds %d items", got)
			}
			if err := s.put("a"); err != nil {
				t.Error(err)
			}
			if got := s.Totals(); got.Writes != 1 || got.WriteRequests != 3 {
				t.Errorf("counted %+v", got)
			}
		},
		"a failing service": func(t *testing.T, s store) {
			s.Inject(proxy.Fault{Operation: "dynamodb.*", Do: proxy.Fail, Status: 500})
			var internal *types.InternalServerError
			if err := s.put("a"); !errors.As(err, &internal) {
				t.Errorf("the error is %v", err)
			}
		},
		"a lost answer": func(t *testing.T, s store) {
			s.Inject(proxy.Fault{Operation: "dynamodb.PutItem", Do: proxy.Lose})
			if err := s.put("a"); err == nil {
				t.Error("an answer came")
			}
			if got := s.items(); got != 1 {
				t.Errorf("the table holds %d items, want the one of the lost answer", got)
			}
		},
		"a transaction in conflict": func(t *testing.T, s store) {
			s.Inject(proxy.Fault{Operation: "dynamodb.TransactWriteItems", Do: proxy.Conflict, Most: 1})
			var puts []types.TransactWriteItem
			for _, key := range []string{"a", "b"} {
				puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: item(key)}})
			}
			_, err := s.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: puts})
			var cancelled *types.TransactionCanceledException
			if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) != 2 ||
				aws.ToString(cancelled.CancellationReasons[0].Code) != "TransactionConflict" || aws.ToString(cancelled.CancellationReasons[1].Code) != "None" {
				t.Errorf("the error is %v", err)
			}
			if got := s.items(); got != 0 {
				t.Errorf("the table holds %d items", got)
			}
			if _, err := s.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: puts}); err != nil {
				t.Error(err)
			}
			if got := s.Totals(); got.Writes != 2 || got.WriteRequests != 2 {
				t.Errorf("counted %+v", got)
			}
		},
		"items not written": func(t *testing.T, s store) {
			s.Inject(proxy.Fault{Operation: "dynamodb.BatchWriteItem", Do: proxy.Entries, Most: 4})
			written, err := s.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: s.writes(10)})
			if err != nil || len(written.UnprocessedItems[s.table]) != 4 {
				t.Fatalf("written: %+v, %v", written, err)
			}
			if got := s.items(); got != 6 {
				t.Errorf("the table holds %d items", got)
			}
			written, err = s.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: written.UnprocessedItems})
			if err != nil || len(written.UnprocessedItems) != 0 {
				t.Errorf("written again: %+v, %v", written, err)
			}
			if got := s.Totals(); got.Writes != 10 || s.items() != 10 {
				t.Errorf("counted %+v", got)
			}
		},
		"keys not read": func(t *testing.T, s store) {
			if _, err := s.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: s.writes(10)}); err != nil {
				t.Fatal(err)
			}
			s.Inject(proxy.Fault{Operation: "dynamodb.BatchGetItem", Do: proxy.Entries, Share: 0.5})
			read, err := s.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: s.reads(10)})
			if err != nil {
				t.Fatal(err)
			}
			left := read.UnprocessedKeys[s.table]
			if len(read.Responses[s.table])+len(left.Keys) != 10 || len(left.Keys) == 0 || len(left.Keys) == 10 || !aws.ToBool(left.ConsistentRead) {
				t.Errorf("%d items were read, and left is %+v", len(read.Responses[s.table]), left)
			}
			again, err := s.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: read.UnprocessedKeys})
			if err != nil || len(again.Responses[s.table]) != len(left.Keys) {
				t.Errorf("read again: %+v, %v", again, err)
			}
			if got := s.Totals(); got.Reads != 10 || got.ReadRequests != 2 {
				t.Errorf("counted %+v", got)
			}
		},
		"nothing is read at all": func(t *testing.T, s store) {
			s.Inject(proxy.Fault{Operation: "dynamodb.BatchGetItem", Do: proxy.Entries})
			_, err := s.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: s.reads(10)})
			if code(err) != proxy.Throttled {
				t.Errorf("the error is %v", err)
			}
		},
	})
}

func TestTableCounts(t *testing.T) {
	t.Parallel()
	onTables(t, map[string]func(t *testing.T, s store){
		"one of each": func(t *testing.T, s store) {
			if err := s.put("a"); err != nil {
				t.Error(err)
			}
			key := item("a")
			_, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: key, ConditionExpression: aws.String("attribute_not_exists(k)")})
			var failed *types.ConditionalCheckFailedException
			if !errors.As(err, &failed) {
				t.Errorf("the error is %v", err)
			}
			_, errGet := s.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.table, Key: key})
			_, errDelete := s.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.table, Key: key})
			if err := errors.Join(errGet, errDelete); err != nil {
				t.Error(err)
			}
			want := map[string]proxy.Count{
				"dynamodb.PutItem":    {Requests: 2, Failed: 1, Items: 2},
				"dynamodb.GetItem":    {Requests: 1, Items: 1},
				"dynamodb.DeleteItem": {Requests: 1, Items: 1},
			}
			if diff := cmp.Diff(want, s.Counts()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(proxy.Totals{WriteRequests: 3, Writes: 3, ReadRequests: 1, Reads: 1}, s.Totals()); diff != "" {
				t.Error(diff)
			}
		},
	})
}
