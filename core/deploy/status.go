package deploy

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dth-dev/dth/core/job"
)

// Status is how a stack is at the moment.
type Status struct {
	Stack      string            `json:"stack"`
	ID         string            `json:"id"`
	Region     string            `json:"region"`
	State      string            `json:"state"`
	Reason     string            `json:"reason,omitempty"`
	Dashboard  string            `json:"dashboard,omitempty"`
	Outputs    map[string]string `json:"outputs"`
	Parameters map[string]string `json:"parameters"`
	Groups     []Group           `json:"groups,omitempty"`
	Queues     []Depth           `json:"queues,omitempty"`
}

// Group is how many instances a group has and wants.
type Group struct {
	Name      string `json:"name"` // workers or finder
	InService int    `json:"in_service"`
	Desired   int    `json:"desired"`
	Least     int    `json:"least"`
	Most      int    `json:"most"`
}

// Depth is about how many messages a queue holds, whoever holds them.
type Depth struct {
	Name     string `json:"name"` // objects, parts or dead letters
	Messages int64  `json:"messages"`
}

// Queued returns about how many messages wait for work or are with workers.
func (s Status) Queued() int64 {
	var queued int64
	for _, queue := range s.Queues {
		if queue.Name != deadLetters {
			queued += queue.Messages
		}
	}
	return queued
}

const deadLetters = "dead letters"

// Status looks at a stack, its groups and its queues. A group or queue that the credentials
// may not see is left out.
func (c *Cloud) Status(ctx context.Context, name string) (Status, error) {
	stack, exists, err := c.find(ctx, name)
	if err != nil {
		return Status{}, err
	}
	if !exists {
		return Status{}, &job.Error{What: fmt.Sprintf("there is no stack %s in %s", name, c.Region), Do: "correct its name, or name another region with --stack-region"}
	}
	status := Status{
		Stack: aws.ToString(stack.StackName), ID: aws.ToString(stack.StackId), Region: c.Region, State: string(stack.StackStatus),
		Reason: aws.ToString(stack.StackStatusReason), Outputs: map[string]string{}, Parameters: parametersOf(stack),
	}
	for _, output := range stack.Outputs {
		status.Outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	if dashboard := status.Outputs["DashboardName"]; dashboard != "" {
		status.Dashboard = DashboardURL(c.Region, dashboard)
	}
	c.addGroups(ctx, &status)
	c.addQueues(ctx, &status)
	return status, nil
}

func (c *Cloud) addGroups(ctx context.Context, status *Status) {
	for _, group := range []struct{ name, output string }{{"workers", "WorkerASGName"}, {"finder", "FinderASGName"}} {
		if status.Outputs[group.output] == "" {
			continue
		}
		described, err := c.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{status.Outputs[group.output]}})
		if err != nil || len(described.AutoScalingGroups) != 1 {
			continue
		}
		is := described.AutoScalingGroups[0]
		shown := Group{
			Name: group.name, Desired: int(aws.ToInt32(is.DesiredCapacity)), Least: int(aws.ToInt32(is.MinSize)), Most: int(aws.ToInt32(is.MaxSize)),
		}
		for _, instance := range is.Instances {
			if instance.LifecycleState == "InService" {
				shown.InService++
			}
		}
		status.Groups = append(status.Groups, shown)
	}
}

func (c *Cloud) addQueues(ctx context.Context, status *Status) {
	for _, queue := range []struct{ name, output string }{{"objects", "QueueUrl"}, {"parts", "PriorityQueueUrl"}, {deadLetters, "DeadLetterQueueUrl"}} {
		url := status.Outputs[queue.output]
		if url == "" {
			continue
		}
		attributes, err := c.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		}})
		if err != nil {
			continue
		}
		depth := Depth{Name: queue.name}
		for _, text := range attributes.Attributes {
			n, _ := strconv.ParseInt(text, 10, 64)
			depth.Messages += n
		}
		status.Queues = append(status.Queues, depth)
	}
}
