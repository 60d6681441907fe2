package cloudformation

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/drain"
)

// rendered returns the properties of a resource of a stack.
func rendered(t *testing.T, stack Stack, resource string) map[string]any {
	t.Helper()
	found, ok := read(t).RenderResources(stack)[resource].(map[string]any)
	if !ok {
		t.Fatalf("the stack has no %s", resource)
	}
	return found["Properties"].(map[string]any)
}

func TestQueuesKeepWhatNobodyCanWorkOn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Queue", "PriorityQueue"} {
		queue := rendered(t, smallest, name)
		want := map[string]any{"deadLetterTargetArn": "small-DeadLetterQueue.Arn", "maxReceiveCount": uint64(10)}
		if diff := cmp.Diff(want, queue["RedrivePolicy"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if fmt.Sprint(queue["MessageRetentionPeriod"]) != "1209600" {
			t.Errorf("%s keeps messages for %v s", name, queue["MessageRetentionPeriod"])
		}
	}
	for _, name := range []string{"FinderLogGroup", "WorkerLogGroup", "FunctionLogGroup"} {
		if days := rendered(t, smallest, name)["RetentionInDays"]; days != uint64(14) {
			t.Errorf("%s keeps logs for %v days", name, days)
		}
	}
}

// A worker finds the hook that it completes by a tag of its instance.
func TestWorkersFindTheirHook(t *testing.T) {
	t.Parallel()
	group := rendered(t, smallest, "WorkerGroup")
	hook := group["LifecycleHookSpecificationList"].([]any)[0].(map[string]any)
	tags := map[any]any{}
	for _, tag := range group["Tags"].([]any) {
		if tag := tag.(map[string]any); tag["PropagateAtLaunch"] == true {
			tags[tag["Key"]] = tag["Value"]
		}
	}
	if hook["LifecycleHookName"] != tags[drain.HookTag] || hook["LifecycleTransition"] != "autoscaling:EC2_INSTANCE_TERMINATING" {
		t.Errorf("hook %v, tag %v", hook, tags)
	}
	for _, name := range []string{"WorkerTemplate", "FinderTemplate"} {
		data := rendered(t, smallest, name)["LaunchTemplateData"].(map[string]any)
		want := map[string]any{"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": uint64(1), "InstanceMetadataTags": "enabled"}
		if diff := cmp.Diff(want, data["MetadataOptions"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if data["KeyName"] != nil {
			t.Errorf("%s lets somebody log in", name)
		}
		disk := data["BlockDeviceMappings"].([]any)[0].(map[string]any)["Ebs"].(map[string]any)
		if disk["VolumeType"] != "gp3" || disk["Encrypted"] != true {
			t.Errorf("%s has disk %v", name, disk)
		}
	}
	if rendered(t, smallest, "InstanceSecurityGroup")["SecurityGroupIngress"] != nil {
		t.Error("somebody may connect to instances")
	}
}

func TestGroupsAreAsTheFormSays(t *testing.T) {
	t.Parallel()
	sizes := func(stack Stack, name string) string {
		group := rendered(t, stack, name)
		return fmt.Sprint(group["MinSize"], " ", group["DesiredCapacity"], " ", group["MaxSize"])
	}
	for _, test := range []struct {
		stack Stack
		group string
		want  string
	}{{smallest, "FinderGroup", "0 1 1"}, {smallest, "WorkerGroup", "1 1 20"}, {fullest, "WorkerGroup", "0 2 40"}} {
		if got := sizes(test.stack, test.group); got != test.want {
			t.Errorf("%s of %s: %s, want %s", test.group, test.stack.Name, got, test.want)
		}
	}
	mixed := rendered(t, fullest, "WorkerGroup")["MixedInstancesPolicy"].(map[string]any)
	if share := mixed["InstancesDistribution"].(map[string]any)["OnDemandPercentageAboveBaseCapacity"]; share != uint64(0) {
		t.Errorf("of a fleet of Spot %v %% are on demand", share)
	}
	var kinds []any
	for _, override := range mixed["LaunchTemplate"].(map[string]any)["Overrides"].([]any) {
		kinds = append(kinds, override.(map[string]any)["InstanceType"])
	}
	if diff := cmp.Diff([]any{"c8gn.medium", "c7gn.medium", "c6gn.medium", "t4g.small"}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The steps of data-transfer-hub v2.6: 100 messages add one worker, 500 two, 2,000 five
// and 10,000 ten. A step counts from the alarm's threshold.
func TestScalingIsTheReferences(t *testing.T) {
	t.Parallel()
	threshold := rendered(t, smallest, "ScaleOutAlarm")["Threshold"].(uint64)
	got := map[uint64]any{}
	for _, step := range rendered(t, smallest, "ScaleOutPolicy")["StepAdjustments"].([]any) {
		step := step.(map[string]any)
		got[threshold+step["MetricIntervalLowerBound"].(uint64)] = step["ScalingAdjustment"]
	}
	if diff := cmp.Diff(map[uint64]any{100: uint64(1), 500: uint64(2), 2000: uint64(5), 10000: uint64(10)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in := rendered(t, fullest, "ScaleInPolicy")
	if in["AdjustmentType"] != "ExactCapacity" || in["StepAdjustments"].([]any)[0].(map[string]any)["ScalingAdjustment"] != "0" {
		t.Errorf("an idle fleet is scaled by %v", in)
	}
}

// What a stack does not ask for is not there.
func TestStackHasWhatItAsksFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stack    Stack
		resource string
		want     bool
	}{
		"compares by the hour": {smallest, "Schedule", true},
		"compares once":        {smallest.with("ec2CronExpression", ""), "Schedule", false},
		"no events":            {smallest, "Notification", false},
		"events":               {smallest.with("srcEvent", "Create"), "Notification", true},
		"events of no S3":      {smallest.with("srcEvent", "Create", "srcType", "Aliyun_OSS"), "Notification", false},
		"events of a plugin":   {smallest.with("srcEvent", "Create", "srcPlugin", "tiny"), "Notification", false},
		"waits for a worker":   {smallest, "WorkersUp", true},
		"begins with none":     {smallest.with("desiredCapacity", "0"), "WorkersUp", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := read(t).RenderResources(test.stack)[test.resource]; got != test.want {
				t.Errorf("%s is there: %t", test.resource, got)
			}
		})
	}
}
