package dynamo

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// batchKeys is how many keys BatchGetItem takes.
const batchKeys = 100

// Get returns an item as it is now, nil where there is none.
func (c *Client) Get(ctx context.Context, table string, key Item) (Item, error) {
	var item Item
	err := c.do(ctx, "GetItem", func(ctx context.Context) error {
		answer, err := c.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(true)})
		if err == nil {
			item = answer.Item
		}
		return err
	})
	return item, err
}

// GetAll returns the items of different keys as they are now, in no order and without
// those that are not there. A request asks for up to 100.
func (c *Client) GetAll(ctx context.Context, table string, keys []Item) ([]Item, error) {
	var items []Item
	for len(keys) > 0 {
		count := min(len(keys), batchKeys)
		wanted := keys[:count]
		keys = keys[count:]
		for len(wanted) > 0 {
			var err error
			if wanted, err = c.getSome(ctx, table, wanted, &items); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}

// getSome appends what one request brings and returns the keys that are left. Where it
// brings nothing at all, the retry layer waits before the next.
func (c *Client) getSome(ctx context.Context, table string, keys []Item, items *[]Item) ([]Item, error) {
	var left []Item
	err := c.do(ctx, "BatchGetItem", func(ctx context.Context) error {
		answer, err := c.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return err
		}
		*items = append(*items, answer.Responses[table]...)
		left = answer.UnprocessedKeys[table].Keys
		if len(left) == len(keys) {
			return errUnprocessed
		}
		return nil
	})
	return left, err
}

// Query names the items of one partition of a table, or of an index.
type Query struct {
	Table      string
	Index      string // empty for the table itself, which is read as it is now; an index lags
	Attribute  string // name of the partition key
	Partition  string
	Descending bool
}

// Query yields items by their sort key. A yielded error ends it.
func (c *Client) Query(ctx context.Context, q Query) iter.Seq2[Item, error] {
	request := &dynamodb.QueryInput{
		TableName: &q.Table, IndexName: optional(q.Index), ScanIndexForward: aws.Bool(!q.Descending),
		KeyConditionExpression:    aws.String("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": q.Attribute},
		ExpressionAttributeValues: Item{":p": Text(q.Partition)},
		ConsistentRead:            aws.Bool(q.Index == ""),
	}
	return c.pages(ctx, "Query", func(ctx context.Context, start Item) ([]Item, Item, error) {
		page := *request
		page.ExclusiveStartKey = start
		answer, err := c.api.Query(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.Items, answer.LastEvaluatedKey, nil
	})
}

// Scan yields all items of a table, in no order. A yielded error ends it.
func (c *Client) Scan(ctx context.Context, table string) iter.Seq2[Item, error] {
	return c.pages(ctx, "Scan", func(ctx context.Context, start Item) ([]Item, Item, error) {
		answer, err := c.api.Scan(ctx, &dynamodb.ScanInput{TableName: &table, ExclusiveStartKey: start, ConsistentRead: aws.Bool(true)})
		if err != nil {
			return nil, nil, err
		}
		return answer.Items, answer.LastEvaluatedKey, nil
	})
}

// ScanIndex yields all items of an index, in no order. It lags behind the table. A yielded
// error ends it.
func (c *Client) ScanIndex(ctx context.Context, table, index string) iter.Seq2[Item, error] {
	return c.pages(ctx, "Scan", func(ctx context.Context, start Item) ([]Item, Item, error) {
		answer, err := c.api.Scan(ctx, &dynamodb.ScanInput{TableName: &table, IndexName: &index, ExclusiveStartKey: start})
		if err != nil {
			return nil, nil, err
		}
		return answer.Items, answer.LastEvaluatedKey, nil
	})
}

// pages yields the items of one page after the other.
func (c *Client) pages(ctx context.Context, doing string, read func(context.Context, Item) ([]Item, Item, error)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var start Item
		for {
			var items []Item
			var next Item
			err := c.do(ctx, doing, func(ctx context.Context) (err error) {
				items, next, err = read(ctx, start)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if start = next; len(start) == 0 {
				return
			}
		}
	}
}
