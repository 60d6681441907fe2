package cloudformation

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/cost"
)

// What the template launches has a price in every region that the table has.
func TestWhatIsLaunchedHasAPrice(t *testing.T) {
	t.Parallel()
	template := read(t)
	prices, err := cost.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	workers := strings.Split(template.Parameters["workerInstanceTypes"].(map[string]any)["Default"].(string), ",")
	for _, region := range prices.Regions() {
		for _, kind := range workers {
			if _, err := prices.Estimate(cost.Plan{Region: region, WorkerType: kind}); err != nil {
				t.Errorf("workers of %s: %v", kind, err)
			}
		}
		for memory, finder := range template.Mappings["FinderType"].(map[string]any) {
			kind := finder.(map[string]any)["Name"].(string)
			if _, err := prices.Estimate(cost.Plan{Region: region, WorkerType: workers[0], FinderType: kind, FinderHoursPerMonth: 1}); err != nil {
				t.Errorf("finder with %s GiB: %v", memory, err)
			}
		}
	}
}

// The estimate counts what the template has.
func TestCostCountsWhatTheTemplateHas(t *testing.T) {
	t.Parallel()
	template := read(t)
	metrics, dashboards, keys := 0, 0, 0
	for _, resource := range template.RenderResources(smallest) {
		fields := resource.(map[string]any)
		switch fields["Type"] {
		case "AWS::CloudWatch::Alarm":
			metrics += watched(fields["Properties"].(map[string]any))
		case "AWS::CloudWatch::Dashboard":
			dashboards++
		case "AWS::KMS::Key":
			keys++
		}
	}
	if metrics != cost.AlarmMetrics || dashboards != 1 || keys != 1 {
		t.Errorf("alarms look at %d metrics, %d dashboards, %d keys; counted are %d, 1 and 1", metrics, dashboards, keys, cost.AlarmMetrics)
	}
	idle := rendered(t, smallest, "ScaleInAlarm")
	if idle["EvaluationPeriods"] != uint64(cost.IdleMinutes) {
		t.Errorf("workers go after %v minutes, counted are %d", idle["EvaluationPeriods"], cost.IdleMinutes)
	}
	for name, want := range map[string]uint64{"WorkerTemplate": cost.WorkerDisk, "FinderTemplate": cost.FinderDisk} {
		data := rendered(t, smallest, name)["LaunchTemplateData"].(map[string]any)
		disk := data["BlockDeviceMappings"].([]any)[0].(map[string]any)["Ebs"].(map[string]any)
		if disk["VolumeType"] != "gp3" || disk["VolumeSize"] != want {
			t.Errorf("%s has a disk of %v GB %v, counted are %d GB of gp3", name, disk["VolumeSize"], disk["VolumeType"], want)
		}
	}
}

// watched counts the metrics of an alarm.
func watched(alarm map[string]any) int {
	metrics, ok := alarm["Metrics"].([]any)
	if !ok {
		return 1
	}
	count := 0
	for _, metric := range metrics {
		if _, ok := metric.(map[string]any)["MetricStat"]; ok {
			count++
		}
	}
	return count
}
