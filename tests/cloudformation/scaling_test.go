package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// counted returns the metrics of an alarm over metric math, by their names in it, and the
// expression.
func counted(t *testing.T, stack Stack, alarm string) (expression string, metrics map[string]string) {
	t.Helper()
	metrics = map[string]string{}
	for _, query := range rendered(t, stack, alarm)["Metrics"].([]any) {
		query := query.(map[string]any)
		if stat, ok := query["MetricStat"].(map[string]any); ok {
			metric := stat["Metric"].(map[string]any)
			dimension := metric["Dimensions"].([]any)[0].(map[string]any)
			metrics[query["Id"].(string)] = fmt.Sprint(metric["MetricName"], " of ", dimension["Value"])
		} else {
			expression = query["Expression"].(string)
		}
	}
	return expression, metrics
}

// queued are both queues with what waits and what workers hold.
var queued = map[string]string{
	"m1": "ApproximateNumberOfMessagesVisible of small-Queue.QueueName", "m2": "ApproximateNumberOfMessagesNotVisible of small-Queue.QueueName",
	"m3": "ApproximateNumberOfMessagesVisible of small-PriorityQueue.QueueName", "m4": "ApproximateNumberOfMessagesNotVisible of small-PriorityQueue.QueueName",
}

// More workers come by what stands in both queues; they go only when nothing waits and
// nothing is under way for a quarter of an hour.
func TestScalingLooksAtBothQueues(t *testing.T) {
	t.Parallel()
	out, metrics := counted(t, smallest, "ScaleOutAlarm")
	if diff := cmp.Diff(queued, metrics); diff != "" || out != "SUM([FILL(m1,0),FILL(m2,0),FILL(m3,0),FILL(m4,0)])" {
		t.Errorf("out by %s (-want +got):\n%s", out, diff)
	}
	in, metrics := counted(t, smallest, "ScaleInAlarm")
	idle := map[string]string{"parts": "InFlightParts of small", "objects": "InFlightObjects of small"}
	for name, metric := range queued {
		idle[name] = metric
	}
	if diff := cmp.Diff(idle, metrics); diff != "" {
		t.Errorf("in (-want +got):\n%s", diff)
	}
	for name := range idle {
		if !strings.Contains(in, name) {
			t.Errorf("a fleet is idle by %s, without %s", in, name)
		}
	}
	alarm := rendered(t, smallest, "ScaleInAlarm")
	if got := fmt.Sprint(alarm["EvaluationPeriods"], alarm["ComparisonOperator"], alarm["Threshold"]); got != "15LessThanOrEqualToThreshold0" {
		t.Errorf("idle is %s", got)
	}
	for _, name := range []string{"ScaleOutAlarm", "WakeAlarm", "ScaleInAlarm"} {
		if actions := rendered(t, smallest, name)["AlarmActions"]; !cmp.Equal(actions, []any{"small-" + strings.TrimSuffix(name, "Alarm") + "Policy"}) {
			t.Errorf("%s does %v", name, actions)
		}
	}
}

// A queue that nobody uses has no metrics, and neither has a sum by "+" that it is part of.
func TestIdleQueuesCountAsEmpty(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ScaleOutAlarm", "WakeAlarm", "ScaleInAlarm", "NoProgressAlarm"} {
		expression, _ := counted(t, smallest, name)
		if want := "SUM([FILL(m1,0),FILL(m2,0),FILL(m3,0),FILL(m4,0)])"; !strings.Contains(expression, want) {
			t.Errorf("%s looks at %s, want %s in it", name, expression, want)
		}
	}
	board := fmt.Sprint(rendered(t, smallest, "Dashboard")["DashboardBody"])
	for _, want := range []string{"SUM([FILL(m1,0),FILL(m3,0)])", "SUM([FILL(m2,0),FILL(m4,0)])"} {
		if !strings.Contains(board, want) {
			t.Errorf("the dashboard does not show %s", want)
		}
	}
}

// An update of the stack neither takes workers away, nor resumes a group that is paused,
// nor starts a finder.
func TestUpdatesLeaveGroupsTheirSize(t *testing.T) {
	t.Parallel()
	resources := read(t).RenderResources(smallest)
	for _, name := range []string{"WorkerGroup", "FinderGroup"} {
		policy, _ := resources[name].(map[string]any)["UpdatePolicy"].(map[string]any)
		if diff := cmp.Diff(any(map[string]any{"IgnoreUnmodifiedGroupSizeProperties": true}), policy["AutoScalingScheduledAction"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Spot instances are replaced before they are taken, and every worker may drain.
func TestWorkersMayBeTakenBack(t *testing.T) {
	t.Parallel()
	group := rendered(t, smallest, "WorkerGroup")
	if group["CapacityRebalance"] != true {
		t.Error("a Spot instance is not replaced before it is taken")
	}
	want := map[string]any{
		"LifecycleHookName": "dth-drain", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", "HeartbeatTimeout": uint64(300), "DefaultResult": "CONTINUE",
	}
	if diff := cmp.Diff([]any{want}, group["LifecycleHookSpecificationList"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for percent, onDemand := range map[string]uint64{"0": 100, "25": 75, "50": 50, "75": 25, "100": 0} {
		mixed := rendered(t, smallest.with("spotPercent", percent), "WorkerGroup")["MixedInstancesPolicy"].(map[string]any)
		shares := mixed["InstancesDistribution"].(map[string]any)
		if shares["OnDemandPercentageAboveBaseCapacity"] != onDemand || shares["SpotAllocationStrategy"] != "price-capacity-optimized" {
			t.Errorf("%s %% of Spot: %v", percent, shares)
		}
	}
}

// Who is told: the topic, which has a key of its own, by mail.
func TestAlarmsReachTheTopic(t *testing.T) {
	t.Parallel()
	topic := rendered(t, smallest, "AlarmTopic")
	if topic["KmsMasterKeyId"] != "small-AlarmKey.Arn" {
		t.Errorf("the topic is encrypted with %v", topic["KmsMasterKeyId"])
	}
	if diff := cmp.Diff([]any{map[string]any{"Protocol": "email", "Endpoint": "me@example.com"}}, topic["Subscription"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range []string{"DeadLetterAlarm", "FailedObjectsAlarm", "FinderErrorAlarm", "FinderLateAlarm", "NoProgressAlarm"} {
		if actions := list(rendered(t, smallest, name)["AlarmActions"]); !slices.Contains(actions, any("small-AlarmTopic")) {
			t.Errorf("%s tells %v", name, actions)
		}
	}
}

// The schedule is the form's, in the words of EventBridge, and starts the function.
func TestScheduleIsTheForms(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{"small": "cron(0/60 * * * ? *)", "photos": "cron(0 3 * * ? *)"} {
		rule := rendered(t, map[string]Stack{"small": smallest, "photos": fullest}[stack], "Schedule")
		if rule["ScheduleExpression"] != want || rule["State"] != "ENABLED" {
			t.Errorf("%s: %v", stack, rule)
		}
		if diff := cmp.Diff([]any{map[string]any{"Id": "finder", "Arn": stack + "-Function.Arn"}}, rule["Targets"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
