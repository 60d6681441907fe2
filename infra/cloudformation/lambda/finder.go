package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// groups is what a finder needs of *autoscaling.Client.
type groups interface {
	DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, options ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, options ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error)
}

// finder is the group of the finder, of one instance at most.
type finder struct {
	api   groups
	group string
}

// start has the group start its instance. It says whether it did: a finder that is still
// at work is left alone, and so is a group that allows none.
func (f finder) start(ctx context.Context) (bool, error) {
	described, err := f.api.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{f.group}})
	if err != nil {
		return false, fmt.Errorf("start the finder: look at Auto Scaling group %q: %w", f.group, err)
	}
	if len(described.AutoScalingGroups) != 1 {
		return false, fmt.Errorf("start the finder: there is no Auto Scaling group %q in this region", f.group)
	}
	group := described.AutoScalingGroups[0]
	if aws.ToInt32(group.DesiredCapacity) > 0 || aws.ToInt32(group.MaxSize) < 1 {
		return false, nil
	}
	_, err = f.api.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &f.group, DesiredCapacity: aws.Int32(1)})
	if err != nil {
		return false, fmt.Errorf("start the finder: set the desired capacity of Auto Scaling group %q: %w", f.group, err)
	}
	return true, nil
}
