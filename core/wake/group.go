// Package wake starts the workers of a fleet: the first instance of their Auto Scaling
// group, which grows by itself from there on.
package wake

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/awsconfig"
)

// API is what a Group needs of *autoscaling.Client.
type API interface {
	DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, options ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, options ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error)
}

// Group is an Auto Scaling group of workers. It is safe for concurrent use.
type Group struct {
	api  API
	name string
	log  hclog.Logger
}

// Open returns the group of that name, with the settings and credentials of the
// environment, as every AWS SDK finds them. No request is made before it is used.
func Open(ctx context.Context, name string, log hclog.Logger) (*Group, error) {
	settings, err := awsconfig.Load(ctx, "Auto Scaling")
	if err != nil {
		return nil, err
	}
	return New(autoscaling.NewFromConfig(settings), name, log), nil
}

// New returns the group of that name. The API's own retries are all there are.
func New(api API, name string, log hclog.Logger) *Group {
	return &Group{api: api, name: name, log: log}
}

// Wake has the group start an instance where it wants none. It never asks for fewer
// instances than the group wants, nor for more than it allows: a group that allows none
// is paused by its owner and stays as it is, which is logged. Waking twice is harmless.
//
// The metrics of an idle queue lag by up to 15 minutes, so that a group which grows by
// them alone would begin so late:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func (g *Group) Wake(ctx context.Context) error {
	described, err := g.api.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{g.name}})
	if err != nil {
		return fmt.Errorf("start workers: look at Auto Scaling group %q: %w", g.name, err)
	}
	if len(described.AutoScalingGroups) != 1 {
		return fmt.Errorf("start workers: there is no Auto Scaling group %q in this region: name the group of the workers", g.name)
	}
	group := described.AutoScalingGroups[0]
	switch {
	case aws.ToInt32(group.DesiredCapacity) > 0:
		return nil
	case aws.ToInt32(group.MaxSize) < 1:
		g.log.Warn("the group of the workers allows no instance: nobody works on what is found", "group", g.name)
		return nil
	}
	// A policy that raises it at the same instant is undone for a moment: its alarm still
	// holds and raises it again.
	_, err = g.api.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &g.name, DesiredCapacity: aws.Int32(1)})
	if err != nil {
		return fmt.Errorf("start workers: set the desired capacity of Auto Scaling group %q: %w", g.name, err)
	}
	g.log.Info("the first worker is started", "group", g.name)
	return nil
}
