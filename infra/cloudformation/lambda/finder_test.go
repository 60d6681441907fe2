package main

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// group is the only Auto Scaling group there is, where size is its largest.
type group struct {
	name          string
	desired, size int32
	sets          int
}

func (g *group) DescribeAutoScalingGroups(_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	if in.AutoScalingGroupNames[0] == g.name {
		out.AutoScalingGroups = []types.AutoScalingGroup{{AutoScalingGroupName: &g.name, DesiredCapacity: aws.Int32(g.desired), MaxSize: aws.Int32(g.size)}}
	}
	return out, nil
}

func (g *group) SetDesiredCapacity(_ context.Context, in *autoscaling.SetDesiredCapacityInput, _ ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	g.desired, g.sets = *in.DesiredCapacity, g.sets+1
	return &autoscaling.SetDesiredCapacityOutput{}, nil
}

func TestFinderIsStartedWhereNoneRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		group   group
		started bool
		fails   bool
	}{
		"none runs": {group: group{name: "finder", size: 1}, started: true},
		"one runs":  {group: group{name: "finder", size: 1, desired: 1}},
		"paused":    {group: group{name: "finder"}},
		"no group":  {group: group{name: "other", size: 1}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started, err := finder{api: &test.group, group: "finder"}.start(t.Context())
			if (err != nil) != test.fails {
				t.Fatal(err)
			}
			if started != test.started || (test.group.sets == 1) != test.started {
				t.Errorf("started: %t, capacity set %d times; want started: %t", started, test.group.sets, test.started)
			}
		})
	}
}
