package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dth-dev/dth/core/observe"
)

// Collector shows the counts of a process to Prometheus. It keeps none: each scrape
// reads them.
type Collector struct {
	process    *observe.Process
	congestion string
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector of a process. congestion is the name of the
// congestion control of TCP, empty where it is not known.
func NewCollector(process *observe.Process, congestion string) *Collector {
	return &Collector{process: process, congestion: congestion}
}

// describe is the type of one metric.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dth_"+name, help, labels, nil)
}

// Describe names no metric, so that the collector is unchecked: the labels of requests are
// known only when there are requests.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads all counts.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	put := func(kind prometheus.ValueType, value float64, desc *prometheus.Desc, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	count := func(n int64, desc *prometheus.Desc, labels ...string) {
		put(prometheus.CounterValue, float64(n), desc, labels...)
	}
	gauge := func(value float64, desc *prometheus.Desc, labels ...string) {
		put(prometheus.GaugeValue, value, desc, labels...)
	}
	totals := c.process.Totals()

	listed := describe("listed_objects_total", "Objects listed.", "side")
	count(totals.Objects.ListedSource, listed, "source")
	count(totals.Objects.ListedDestination, listed, "destination")
	count(totals.Objects.Planned, describe("planned_objects_total", "Objects found that are to be copied."))
	outcomes := describe("objects_total", "Objects by what came of them.", "outcome")
	for outcome, n := range map[string]int64{
		"copied": totals.Objects.Copied, "failed": totals.Objects.Failed, "skipped": totals.Objects.Skipped,
		"vanished": totals.Objects.Vanished, "deleted": totals.Objects.Deleted, "equal": totals.Objects.Equal,
	} {
		count(n, outcomes, outcome)
	}
	count(totals.Bytes.Planned, describe("planned_bytes_total", "Bytes of the objects that are to be copied."))
	count(totals.Bytes.Copied, describe("copied_bytes_total", "Bytes of the objects that were copied."))
	count(totals.Bytes.Moved, describe("moved_bytes_total", "Bytes sent to the destination, repeated ones included."))
	grades := describe("evidence_total", "Copied objects by the evidence that they are whole.", "grade")
	count(totals.Evidence.BothEnds, grades, "both_ends")
	count(totals.Evidence.OneEnd, grades, "one_end")
	count(totals.Evidence.SizeOnly, grades, "size_only")
	requests := describe("requests_total", "Requests to the stores, failed ones included.", "side", "operation")
	for operation, n := range totals.Requests.Source {
		count(n, requests, "source", operation)
	}
	for operation, n := range totals.Requests.Destination {
		count(n, requests, "destination", operation)
	}
	count(totals.Retried, describe("retries_total", "Attempts after the first."))
	count(c.process.Failures.Load(), describe("finder_failures_total", "Rounds of the finder that ended with an error."))

	gauge(float64(totals.InFlight), describe("objects_in_flight", "Objects being copied."))
	gauge(float64(c.process.Parts.Load()), describe("parts_in_flight", "Parts of giant objects being copied."))
	gauge(float64(c.process.Held.Load()), describe("held_messages", "Messages that were received and are not settled."))
	gauge(c.process.Lag().Seconds(), describe("queue_lag_seconds", "Time that the message received last had waited in the queue."))
	if c.congestion != "" {
		gauge(1, describe("tcp_congestion_control_info", "The congestion control of new TCP connections.", "name"), c.congestion)
	}
}
