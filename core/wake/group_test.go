package wake_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/wake"
	"github.com/dth-dev/dth/tests/cloud"
)

// counting counts what it is asked to change.
type counting struct {
	*autoscaling.Client
	sets atomic.Int32
}

func (c *counting) SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, options ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	c.sets.Add(1)
	return c.Client.SetDesiredCapacity(ctx, in, options...)
}

// create makes a group whose instances are started by nothing real.
func create(t *testing.T, client *autoscaling.Client, name string, most, desired int32) {
	t.Helper()
	_, err := client.CreateLaunchConfiguration(t.Context(), &autoscaling.CreateLaunchConfigurationInput{
		LaunchConfigurationName: &name, ImageId: aws.String("ami-12c6146b"), InstanceType: aws.String("t4g.small"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &name, LaunchConfigurationName: &name, AvailabilityZones: []string{"us-east-1a"},
		MinSize: aws.Int32(0), MaxSize: &most, DesiredCapacity: &desired,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func desired(t *testing.T, client *autoscaling.Client, name string) int32 {
	t.Helper()
	got, err := client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(got.AutoScalingGroups) != 1 {
		t.Fatalf("the group is %+v, %v", got, err)
	}
	return aws.ToInt32(got.AutoScalingGroups[0].DesiredCapacity)
}

func TestWakeStartsTheFirstWorkerAlone(t *testing.T) {
	t.Parallel()
	client := autoscaling.NewFromConfig(cloud.StartForTest(t, cloud.Moto).Config())
	for name, c := range map[string]struct {
		most, before, after int32
		sets                int32
		logged              string
	}{
		"asleep":    {most: 20, before: 0, after: 1, sets: 1, logged: "the first worker is started"},
		"at-work":   {most: 20, before: 1, after: 1},
		"grown":     {most: 20, before: 3, after: 3},
		"paused":    {most: 0, before: 0, after: 0, logged: "allows no instance"},
		"one-alone": {most: 1, before: 0, after: 1, sets: 1, logged: "the first worker is started"},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: moto loses what comes at once
			create(t, client, name, c.most, c.before)
			var log bytes.Buffer
			api := &counting{Client: client}
			group := wake.New(api, name, hclog.New(&hclog.LoggerOptions{Output: &log}))
			for range 2 { // the second finds it awake
				if err := group.Wake(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := desired(t, client, name); got != c.after || api.sets.Load() != c.sets {
				t.Errorf("the group wants %d after %d requests, want %d after %d", got, api.sets.Load(), c.after, c.sets)
			}
			if !strings.Contains(log.String(), c.logged) || c.logged == "" && log.Len() > 0 {
				t.Errorf("logged %q, want %q", log.String(), c.logged)
			}
		})
	}
}

func TestWakeNamesTheGroupThatIsNotThere(t *testing.T) {
	t.Parallel()
	client := autoscaling.NewFromConfig(cloud.StartForTest(t, cloud.Moto).Config())
	err := wake.New(client, "workers-of-nobody", hclog.NewNullLogger()).Wake(t.Context())
	if err == nil || !strings.Contains(err.Error(), `no Auto Scaling group "workers-of-nobody"`) {
		t.Errorf("an absent group: %v", err)
	}
}

// TestOpenReachesTheGroupOfTheEnvironment: endpoint, region and credentials come from it.
func TestOpenReachesTheGroupOfTheEnvironment(t *testing.T) {
	server := cloud.StartForTest(t, cloud.Moto)
	for _, variable := range append(server.Environment(), "AWS_ENDPOINT_URL_AUTO_SCALING="+server.Endpoint) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	client := autoscaling.NewFromConfig(server.Config())
	create(t, client, "workers", 2, 0)
	group, err := wake.Open(t.Context(), "workers", hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := desired(t, client, "workers"); got != 1 {
		t.Errorf("the group wants %d, want 1", got)
	}
}
