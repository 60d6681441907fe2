package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dth-dev/dth/sdk/driver"
)

// Write is one write of one item. In its expressions every attribute is written with #
// before its name, because many short names are reserved words of DynamoDB.
type Write struct {
	Table     string
	Item      Item   // to put; nil for an update or a deletion
	Key       Item   // of the item to update or delete
	Update    string // the update; empty for a deletion
	Condition string // empty for none
	Values    Item   // of the placeholders in both, by name with a colon
}

// names returns the attributes that expressions name.
func names(expressions ...string) map[string]string {
	var found map[string]string
	for _, expression := range expressions {
		for i := 0; i < len(expression); i++ {
			if expression[i] != '#' {
				continue
			}
			end := i + 1
			for end < len(expression) && (expression[end] >= 'a' && expression[end] <= 'z') {
				end++
			}
			if found == nil {
				found = map[string]string{}
			}
			found[expression[i:end]] = expression[i+1 : end]
			i = end - 1
		}
	}
	return found
}

// optional returns nil for an empty text: DynamoDB refuses empty expressions.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Put writes a whole item. A *ConditionError tells what is there instead of what the
// condition wants.
func (c *Client) Put(ctx context.Context, w Write) error {
	_, err := c.put(ctx, w, types.ReturnValueNone)
	return err
}

// Replace is Put that also returns the item before.
func (c *Client) Replace(ctx context.Context, w Write) (Item, error) {
	return c.put(ctx, w, types.ReturnValueAllOld)
}

func (c *Client) put(ctx context.Context, w Write, want types.ReturnValue) (Item, error) {
	var before Item
	request := &dynamodb.PutItemInput{
		TableName: &w.Table, Item: w.Item, ConditionExpression: optional(w.Condition),
		ExpressionAttributeNames: names(w.Condition), ExpressionAttributeValues: w.Values, ReturnValues: want,
	}
	if w.Condition != "" {
		request.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	err := c.do(ctx, "PutItem", func(ctx context.Context) error {
		answer, err := c.api.PutItem(ctx, request)
		if err == nil {
			before = answer.Attributes
		}
		return err
	})
	return before, err
}

// Update changes attributes of an item and returns all of them as they are then. A
// *ConditionError tells what is there instead of what the condition wants.
func (c *Client) Update(ctx context.Context, w Write) (Item, error) {
	var after Item
	request := &dynamodb.UpdateItemInput{
		TableName: &w.Table, Key: w.Key, UpdateExpression: &w.Update, ConditionExpression: optional(w.Condition),
		ExpressionAttributeNames: names(w.Update, w.Condition), ExpressionAttributeValues: w.Values, ReturnValues: types.ReturnValueAllNew,
	}
	if w.Condition != "" {
		request.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	err := c.do(ctx, "UpdateItem", func(ctx context.Context) error {
		answer, err := c.api.UpdateItem(ctx, request)
		if err == nil {
			after = answer.Attributes
		}
		return err
	})
	return after, err
}

// Delete removes an item; harmless where there is none and no condition.
func (c *Client) Delete(ctx context.Context, w Write) error {
	request := &dynamodb.DeleteItemInput{
		TableName: &w.Table, Key: w.Key, ConditionExpression: optional(w.Condition),
		ExpressionAttributeNames: names(w.Condition), ExpressionAttributeValues: w.Values,
	}
	if w.Condition != "" {
		request.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return c.do(ctx, "DeleteItem", func(ctx context.Context) error {
		_, err := c.api.DeleteItem(ctx, request)
		return err
	})
}

// Transact makes up to 100 writes of different items or none. token makes a repetition
// within ten minutes the same transaction. A *CancelledError tells which conditions do not hold.
func (c *Client) Transact(ctx context.Context, token string, writes ...Write) error {
	request := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(token)}
	for _, w := range writes {
		var one types.TransactWriteItem
		switch condition, named := optional(w.Condition), names(w.Update, w.Condition); {
		case w.Item != nil:
			one.Put = &types.Put{TableName: &w.Table, Item: w.Item, ConditionExpression: condition,
				ExpressionAttributeNames: named, ExpressionAttributeValues: w.Values}
		case w.Update != "":
			one.Update = &types.Update{TableName: &w.Table, Key: w.Key, UpdateExpression: &w.Update, ConditionExpression: condition,
				ExpressionAttributeNames: named, ExpressionAttributeValues: w.Values}
		default:
			one.Delete = &types.Delete{TableName: &w.Table, Key: w.Key, ConditionExpression: condition,
				ExpressionAttributeNames: named, ExpressionAttributeValues: w.Values}
		}
		request.TransactItems = append(request.TransactItems, one)
	}
	return c.do(ctx, "TransactWriteItems", func(ctx context.Context) error {
		_, err := c.api.TransactWriteItems(ctx, request)
		return err
	})
}

// DeleteAll removes items without a condition, many a request.
func (c *Client) DeleteAll(ctx context.Context, table string, keys []Item) error {
	for len(keys) > 0 {
		count := min(len(keys), 25) // the most that BatchWriteItem takes
		writes := make([]types.WriteRequest, count)
		for i, key := range keys[:count] {
			writes[i].DeleteRequest = &types.DeleteRequest{Key: key}
		}
		keys = keys[count:]
		err := c.do(ctx, "BatchWriteItem", func(ctx context.Context) error {
			answer, err := c.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}})
			if err != nil {
				return err
			}
			if writes = answer.UnprocessedItems[table]; len(writes) > 0 {
				return errUnprocessed
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errUnprocessed says that DynamoDB left some of a batch for later, as it does when it
// is short of capacity.
var errUnprocessed = &driver.Error{Op: "DynamoDB batch", Kind: driver.KindThrottled, Message: "some items are not processed yet"}

// Unmet returns the item that a failed condition found, and whether err is one.
func Unmet(err error) (Item, bool) {
	var unmet *ConditionError
	if errors.As(err, &unmet) {
		return unmet.Item, true
	}
	return nil, false
}
