package emf

import (
	"encoding/json"
	"time"

	"github.com/dth-dev/dth/core/observe"
)

// Role is what a process does in the fleet.
type Role string

// The roles.
const (
	Worker Role = "worker"
	Finder Role = "finder"
)

// sample is what a process counted up to one moment.
type sample struct {
	at       time.Time
	totals   observe.Totals
	failures int64
	held     int64
	parts    int64
	lag      time.Duration
}

func take(process *observe.Process, at time.Time) sample {
	return sample{
		at: at, totals: process.Totals(), failures: process.Failures.Load(),
		held: process.Held.Load(), parts: process.Parts.Load(), lag: process.Lag(),
	}
}

// metric is one value of a document.
type metric struct {
	name, unit string
	// reference says that data-transfer-hub has a metric of this name, in the namespace
	// of its stack and without dimensions: dashboard-stack.ts, ec2-worker-stack.ts and
	// ec2-finder-stack.ts below source/constructs/lib/s3-plugin, v2.6.
	reference bool
	// only is the role for which it means something, empty for both. A finder counts no
	// copies: its counters take over those of the workers, who tell them themselves.
	only Role
	// count is a number that only grows, of which a document tells the growth.
	count func(sample) int64
	// level is a number at one moment.
	level func(sample) float64
}

var metrics = []metric{
	// The reference counts bytes as parts and objects arrive, not only when an object is whole.
	{name: "CompletedBytes", unit: "Bytes", reference: true, only: Worker, count: func(s sample) int64 { return s.totals.Bytes.Moved + s.totals.Bytes.Inside }},
	{name: "TransferredObjects", unit: "Count", reference: true, only: Worker, count: func(s sample) int64 { return s.totals.Objects.Copied }},
	{name: "FailedObjects", unit: "Count", reference: true, only: Worker, count: func(s sample) int64 { return s.totals.Objects.Failed }},
	{name: "FinderErrorCounts", unit: "Count", reference: true, only: Finder, count: func(s sample) int64 { return s.failures }},
	{name: "CopiedBytes", unit: "Bytes", only: Worker, count: func(s sample) int64 { return s.totals.Bytes.Copied }},
	{name: "SkippedObjects", unit: "Count", only: Worker, count: func(s sample) int64 { return s.totals.Objects.Skipped }},
	{name: "DeletedObjects", unit: "Count", only: Worker, count: func(s sample) int64 { return s.totals.Objects.Deleted }},
	{name: "Retries", unit: "Count", count: func(s sample) int64 { return s.totals.Retried }},
	{name: "ListedObjects", unit: "Count", only: Finder, count: func(s sample) int64 { return s.totals.Objects.ListedSource }},
	{name: "PlannedObjects", unit: "Count", only: Finder, count: func(s sample) int64 { return s.totals.Objects.Planned }},
	{name: "InFlightObjects", unit: "Count", only: Worker, level: func(s sample) float64 { return float64(s.totals.InFlight) }},
	{name: "InFlightParts", unit: "Count", only: Worker, level: func(s sample) float64 { return float64(s.parts) }},
	{name: "HeldMessages", unit: "Count", only: Worker, level: func(s sample) float64 { return float64(s.held) }},
	{name: "QueueLag", unit: "Seconds", only: Worker, level: func(s sample) float64 { return s.lag.Seconds() }},
}

// congestionMetric is 1 where TCP uses BBR and 0 elsewhere: its average is the share of BBR in
// the fleet.
const congestionMetric = "cc"

// directive tells CloudWatch which members of a document are metrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// stackName is the one dimension: what differs from instance to instance would make
// metrics, and costs, of its own.
const stackName = "StackName"

// document returns what happened between two samples as one line in the embedded
// metric format. Documents of one stream differ in number.
func document(options Options, number int, last, now sample) ([]byte, error) {
	members := map[string]any{
		stackName: options.Stack, "Role": options.Role, "Instance": options.Instance, "Sequence": number,
	}
	own := directive{Namespace: options.Stack, Dimensions: [][]string{{stackName}}}
	reference := directive{Namespace: options.Stack, Dimensions: [][]string{{}}}
	for _, m := range metrics {
		if m.only != "" && m.only != options.Role {
			continue
		}
		if m.count != nil {
			members[m.name] = m.count(now) - m.count(last)
		} else {
			members[m.name] = m.level(now)
		}
		own.Metrics = append(own.Metrics, definition{m.name, m.unit})
		if m.reference {
			reference.Metrics = append(reference.Metrics, definition{m.name, m.unit})
		}
	}
	if options.Congestion != "" {
		members["CongestionControl"] = options.Congestion
		if options.Role == Worker {
			share := 0
			if options.Congestion == "bbr" {
				share = 1
			}
			members[congestionMetric] = share
			own.Metrics = append(own.Metrics, definition{congestionMetric, "None"})
		}
	}
	directives := []directive{own}
	if options.Dimensionless {
		directives = append(directives, reference)
	}
	members["_aws"] = map[string]any{"Timestamp": now.at.UnixMilli(), "CloudWatchMetrics": directives}
	return json.Marshal(members)
}
