package integration

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/tests/cloud"
)

// TestFinderStartsWorkers: a finder that finds something has the group of the workers
// start one; a finder that finds nothing leaves it asleep. On moto, which has such groups:
// a finder alone asks it for little at once.
func TestFinderStartsWorkers(t *testing.T) {
	t.Parallel()
	server := cloud.StartForTest(t, cloud.Moto)
	queues, err := cloud.CreateQueues(t.Context(), server.SQS(), "dth")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range dynamo.Tables("objects", "parts") {
		if err := cloud.CreateTable(t.Context(), server.DynamoDB(), table, dynamo.Expires); err != nil {
			t.Fatal(err)
		}
	}
	groups := autoscaling.NewFromConfig(server.Config())
	_, err = groups.CreateLaunchConfiguration(t.Context(), &autoscaling.CreateLaunchConfigurationInput{
		LaunchConfigurationName: aws.String("workers"), ImageId: aws.String("ami-12c6146b"), InstanceType: aws.String("t4g.small"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = groups.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("workers"), LaunchConfigurationName: aws.String("workers"), AvailabilityZones: []string{"us-east-1a"},
		MinSize: aws.Int32(0), MaxSize: aws.Int32(20), DesiredCapacity: aws.Int32(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	environment := append(append(source.keys(), destination.keys()...), server.Environment()...)
	p := newProgram(t, append(environment, "AWS_ENDPOINT_URL_AUTO_SCALING="+server.Endpoint,
		"DTH_QUEUE="+queues.Main.URL, "DTH_PRIORITY_QUEUE="+queues.Prio.URL, "DTH_DEAD_LETTER_QUEUE="+queues.DLQ.URL,
		"DTH_OBJECTS_TABLE=objects", "DTH_PARTS_TABLE=parts")...)
	for _, step := range []struct {
		name   string
		object string // to copy; empty for none
		want   int32
	}{{"nothing to do", "", 0}, {"an object to copy", "a", 1}} {
		if step.object != "" {
			source.put(step.object, content(step.object, 100))
		}
		p.must(0, "finder", source.at(""), destination.at(""), "--worker-group=workers")
		got, err := groups.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"workers"}})
		if err != nil || len(got.AutoScalingGroups) != 1 {
			t.Fatalf("%s: the group is %+v, %v", step.name, got, err)
		}
		if desired := aws.ToInt32(got.AutoScalingGroups[0].DesiredCapacity); desired != step.want {
			t.Errorf("%s: the group wants %d workers, want %d", step.name, desired, step.want)
		}
	}
}
