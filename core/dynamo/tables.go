package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes that tables and indexes are made of. Short names keep a record of a
// usual key within 1 KB, the size of one write unit.
const (
	Key     = "k"  // Objects: the relative key after one byte, binary: keys are not always UTF-8, and one is empty
	Found   = "fs" // Objects: partition of the index failed; absent where nothing is to be found
	Group   = "pk" // Parts: partition
	Member  = "sk" // Parts: sort key
	Pending = "os" // Parts: partition of the index open; absent where nothing is under way
	Expires = "x"  // both: when DynamoDB may remove the item, in seconds since 1970
)

// The sparse indexes. They hold keys alone, and only of items that have their attribute,
// so that an object that is copied as it is costs one write.
const (
	IndexFailed     = "failed" // of Objects
	IndexUnfinished = "open"   // of Parts
)

// Tables returns what creates the two tables, on demand.
func Tables(objects, parts string) []*dynamodb.CreateTableInput {
	return []*dynamodb.CreateTableInput{
		table(objects, IndexFailed, Found, Key, key(Key, types.ScalarAttributeTypeB, types.KeyTypeHash)),
		table(parts, IndexUnfinished, Pending, Group, key(Group, types.ScalarAttributeTypeS, types.KeyTypeHash), key(Member, types.ScalarAttributeTypeS, types.KeyTypeRange)),
	}
}

type keyPart struct {
	schema     types.KeySchemaElement
	definition types.AttributeDefinition
}

func key(name string, scalar types.ScalarAttributeType, kind types.KeyType) keyPart {
	return keyPart{
		types.KeySchemaElement{AttributeName: aws.String(name), KeyType: kind},
		types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: scalar},
	}
}

// table describes a table with one index, by the attributes partition and sort.
func table(name, index, partition, sort string, keys ...keyPart) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest}
	for _, k := range append(keys, key(partition, types.ScalarAttributeTypeS, "")) {
		input.AttributeDefinitions = append(input.AttributeDefinitions, k.definition)
		if k.schema.KeyType != "" {
			input.KeySchema = append(input.KeySchema, k.schema)
		}
	}
	input.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{
		IndexName:  aws.String(index),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		},
	}}
	return input
}

// tableWait bounds the wait for a new table, which takes seconds.
const tableWait = 5 * time.Minute

// CreateTables creates the tables that are not there and turns their TTL on. The commands
// do not call it: whoever operates a fleet sets its tables up.
func (c *Client) CreateTables(ctx context.Context) error {
	for _, input := range Tables(c.options.Objects, c.options.Parts) {
		if err := c.createTable(ctx, input); err != nil {
			return fmt.Errorf("create table %q: %w", *input.TableName, err)
		}
	}
	return nil
}

func (c *Client) createTable(ctx context.Context, input *dynamodb.CreateTableInput) error {
	err := c.do(ctx, "CreateTable", func(ctx context.Context) error {
		var there *types.ResourceInUseException
		if _, err := c.api.CreateTable(ctx, input); !errors.As(err, &there) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	waiter := dynamodb.NewTableExistsWaiter(c.api, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = time.Second })
	err = c.options.Retry.Do(ctx, func(int) error {
		return failure(ctx, "DescribeTable", waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: input.TableName}, tableWait))
	})
	if err != nil {
		return err
	}
	return c.do(ctx, "UpdateTimeToLive", func(ctx context.Context) error {
		is, err := c.api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: input.TableName})
		if err != nil || is.TimeToLiveDescription != nil && aws.ToString(is.TimeToLiveDescription.AttributeName) == Expires {
			return err // it cannot be set twice within an hour
		}
		_, err = c.api.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               input.TableName,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(Expires), Enabled: aws.Bool(true)},
		})
		return err
	})
}

// DeleteTables removes both tables with all that they hold.
func (c *Client) DeleteTables(ctx context.Context) error {
	for _, name := range []string{c.options.Objects, c.options.Parts} {
		err := c.do(ctx, "DeleteTable", func(ctx context.Context) error {
			var absent *types.ResourceNotFoundException
			if _, err := c.api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(name)}); !errors.As(err, &absent) {
				return err
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("delete table %q: %w", name, err)
		}
	}
	return nil
}
