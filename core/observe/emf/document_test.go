package emf_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
)

var update = flag.Bool("update", false, "rewrite testdata")

// document is what the specification says of a document.
type document struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	members map[string]any
}

func parse(t *testing.T, text []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if err := json.Unmarshal(text, &d.members); err != nil {
		t.Fatal(err)
	}
	return d
}

// number returns a metric.
func (d document) number(t *testing.T, name string) int64 {
	t.Helper()
	value, ok := d.members[name].(float64)
	if !ok {
		t.Fatalf("%s is %v", name, d.members[name])
	}
	return int64(value)
}

// checkSpecification checks the rules of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func checkSpecification(t *testing.T, d document) {
	t.Helper()
	if d.AWS.Timestamp <= 0 || len(d.AWS.CloudWatchMetrics) == 0 {
		t.Errorf("timestamp %d, directives %v", d.AWS.Timestamp, d.AWS.CloudWatchMetrics)
	}
	for _, directive := range d.AWS.CloudWatchMetrics {
		if n := len(directive.Namespace); n == 0 || n > 1024 {
			t.Errorf("namespace %q", directive.Namespace)
		}
		if len(directive.Dimensions) == 0 {
			t.Error("a directive without a dimension set")
		}
		for _, dimension := range slices.Concat(directive.Dimensions...) {
			if text, ok := d.members[dimension].(string); !ok || text == "" || len(text) > 1024 {
				t.Errorf("dimension %s is %v", dimension, d.members[dimension])
			}
		}
		if n := len(directive.Metrics); n == 0 || n > 100 {
			t.Errorf("%d metrics in a directive", n)
		}
		for _, metric := range directive.Metrics {
			if _, ok := d.members[metric.Name].(float64); !ok {
				t.Errorf("metric %s is %v", metric.Name, d.members[metric.Name])
			}
			if !slices.Contains([]string{"Bytes", "Count", "Seconds", "None"}, metric.Unit) {
				t.Errorf("unit %q of %s", metric.Unit, metric.Name)
			}
		}
	}
}

// busy is a process that did something of everything.
func busy() (*observe.Process, *observe.Counters) {
	process, counters := &observe.Process{}, &observe.Counters{}
	process.Follow(counters)
	counters.MovedBytes.Store(5000)
	counters.InsideBytes.Store(300)
	counters.CopiedBytes.Store(4000)
	counters.ListedSource.Store(90)
	counters.Planned.Store(60)
	counters.Copied.Store(40)
	counters.Failed.Store(3)
	counters.Skipped.Store(2)
	counters.Deleted.Store(1)
	counters.Retried.Store(7)
	counters.InFlight.Store(8)
	process.Held.Store(9)
	process.Parts.Store(4)
	process.Failures.Store(1)
	process.SetLag(2500 * time.Millisecond)
	return process, counters
}

func TestDocument(t *testing.T) {
	t.Parallel()
	process, _ := busy()
	cases := map[string]emf.Options{
		"worker":        {Role: emf.Worker, Congestion: "bbr"},
		"worker-cubic":  {Role: emf.Worker, Congestion: "cubic"},
		"dimensionless": {Role: emf.Worker, Dimensionless: true},
		"finder":        {Role: emf.Finder, Dimensionless: true, Congestion: "bbr"},
	}
	for name, options := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			options.Stack, options.Instance, options.Process = "photos", "i-0123456789abcdef0", process
			options.Output, options.Logger = &output, hclog.NewNullLogger()
			before := time.Now().UnixMilli()
			if err := emf.Start(options).Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(output.Bytes(), []byte("\n")); n != 1 {
				t.Errorf("%d lines of one document", n)
			}
			d := parse(t, output.Bytes())
			checkSpecification(t, d)
			if d.AWS.Timestamp < before || d.AWS.Timestamp > time.Now().UnixMilli() {
				t.Errorf("timestamp %d is not now", d.AWS.Timestamp)
			}
			compare(t, filepath.Join("testdata", name+".json"), d.members)
		})
	}
}

// compare compares a document with a golden one, but for its time.
func compare(t *testing.T, golden string, members map[string]any) {
	t.Helper()
	members["_aws"].(map[string]any)["Timestamp"] = 0
	got, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the document is not %s; if that is meant: go test -update (-want +got):\n%s", golden, diff)
	}
}

// paper is an output that a test reads while it is written.
type paper struct {
	mu    sync.Mutex
	lines [][]byte
	wrote chan struct{}
	err   error
}

func (p *paper) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.wrote <- struct{}{} }()
	if p.err != nil {
		return 0, p.err
	}
	p.lines = append(p.lines, bytes.Clone(line))
	return len(line), nil
}

func (p *paper) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func TestDocumentsTellTheGrowth(t *testing.T) {
	t.Parallel()
	process, counters := busy()
	output, ticks := &paper{wrote: make(chan struct{}, 10)}, make(chan time.Time)
	e := emf.Start(emf.Options{
		Stack: "photos", Role: emf.Worker, Process: process, Output: output, Ticks: ticks, Logger: hclog.NewNullLogger(),
	})
	tick := func() {
		ticks <- time.Time{}
		<-output.wrote
	}
	tick()
	counters.Copied.Add(5)
	process.Held.Store(1)
	tick()
	output.fail(os.ErrClosed)
	counters.Copied.Add(6)
	tick()
	output.fail(nil)
	counters.Copied.Add(7)
	tick()
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var copied, held []int64
	for _, line := range output.lines {
		d := parse(t, line)
		copied, held = append(copied, d.number(t, "TransferredObjects")), append(held, d.number(t, "HeldMessages"))
	}
	if diff := cmp.Diff([]int64{40, 5, 13, 0}, copied); diff != "" {
		t.Errorf("copied objects (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{9, 1, 1, 1}, held); diff != "" {
		t.Errorf("held messages (-want +got):\n%s", diff)
	}
}
