package integration

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// TestFleetKeepsItsTerms: the state machine looks at a giant object as often as it is said,
// and what came of messages is kept for as long.
func TestFleetKeepsItsTerms(t *testing.T) {
	t.Parallel()
	f, began := startFleet(t), time.Now()
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	fillFleet(source, 3, 1)
	p := newProgram(t, slices.Concat(source.keys(), destination.keys(), f.env)...)
	flags := slices.Concat([]string{source.at(""), destination.at("")}, giantSized, []string{"--check-every=11s", "--status-days=90"})
	worker := startWorker(t, p, flags...)
	p.must(0, append([]string{"finder", "--wait"}, flags...)...)
	stopWorker(t, worker)

	machine := f.cloud.StepFunctions()
	executions, err := machine.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &f.StateMachine})
	if err != nil || len(executions.Executions) != 1 {
		t.Fatalf("executions %+v, %v", executions, err)
	}
	execution, err := machine.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: executions.Executions[0].ExecutionArn})
	if err != nil || !strings.Contains(aws.ToString(execution.Input), `"waitSeconds":11,`) {
		t.Errorf("the state machine was told %q, %v", aws.ToString(execution.Input), err)
	}
	kept, err := f.cloud.DynamoDB().Scan(t.Context(), &dynamodb.ScanInput{
		TableName: &f.Parts, FilterExpression: aws.String("begins_with(pk, :m)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":m": &types.AttributeValueMemberS{Value: "M#"}},
	})
	if err != nil || len(kept.Items) == 0 {
		t.Fatalf("tallies %+v, %v", kept, err)
	}
	for _, item := range kept.Items {
		number, _ := item["x"].(*types.AttributeValueMemberN)
		if number == nil {
			t.Fatalf("tally %v never goes", item)
		}
		until, err := strconv.ParseInt(number.Value, 10, 64)
		if days := time.Unix(until, 0).Sub(began).Hours() / 24; err != nil || days < 89.9 || days > 91 {
			t.Errorf("a tally is kept for %.1f days, %v", days, err)
		}
	}
}
