package cloud

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/tests/servers"
)

// Fleet is what the machines of one fleet share in an emulated cloud.
type Fleet struct {
	Queues       Queues
	Objects      string // table
	Parts        string // table
	StateMachine string // ARN
}

// CreateFleet makes the queues, tables and state machine of a fleet.
func (s *Server) CreateFleet(ctx context.Context, name string) (Fleet, error) {
	fleet := Fleet{Objects: name + "-objects", Parts: name + "-parts"}
	var err error
	if fleet.Queues, err = CreateQueues(ctx, s.SQS(), name); err != nil {
		return Fleet{}, err
	}
	for _, table := range dynamo.Tables(fleet.Objects, fleet.Parts) {
		if err := CreateTable(ctx, s.DynamoDB(), table, dynamo.Expires); err != nil {
			return Fleet{}, err
		}
	}
	definition, err := machineOf(fleet)
	if err != nil {
		return Fleet{}, err
	}
	created, err := s.StepFunctions().CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(name + "-giant"), Definition: &definition, RoleArn: aws.String("arn:aws:iam::000000000000:role/" + name),
	})
	if err != nil {
		return Fleet{}, fmt.Errorf("create the state machine: %w", err)
	}
	fleet.StateMachine = aws.ToString(created.StateMachineArn)
	return fleet, nil
}

// machineOf returns the state machine's definition as CloudFormation fills it in.
func machineOf(fleet Fleet) (string, error) {
	root, err := servers.Root()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "infra", "cloudformation", "giant.asl.json"))
	if err != nil {
		return "", err
	}
	fill := strings.NewReplacer("${Partition}", "aws", "${PartsTable}", fleet.Parts, "${PriorityQueueUrl}", fleet.Queues.Prio.URL)
	return fill.Replace(string(text)), nil
}

// Environment returns the variables by which dth finds all of it, as "NAME=value".
func (f Fleet) Environment() []string {
	return []string{
		"DTH_QUEUE=" + f.Queues.Main.URL, "DTH_PRIORITY_QUEUE=" + f.Queues.Prio.URL, "DTH_DEAD_LETTER_QUEUE=" + f.Queues.DLQ.URL,
		"DTH_OBJECTS_TABLE=" + f.Objects, "DTH_PARTS_TABLE=" + f.Parts, "DTH_STATE_MACHINE=" + f.StateMachine,
		"AWS_EC2_METADATA_DISABLED=true", // it is no EC2 instance
	}
}
