package integration

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// fleet is an emulated cloud with the queues, tables and state machine of one fleet.
type fleet struct {
	cloud.Fleet
	t     *testing.T
	cloud *cloud.Server
	env   []string // of its finders and workers
}

// startFleet starts the cloud. Waits of the state machine take a fiftieth of their time.
func startFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, cloud: cloud.StartConfigured(t, cloud.Config{Kind: cloud.MiniStack, WaitScale: 0.02})}
	var err error
	if f.Fleet, err = f.cloud.CreateFleet(t.Context(), "dth"); err != nil {
		t.Fatal(err)
	}
	f.env = append(f.cloud.Environment(), f.Environment()...)
	return f
}

// doorway puts a proxy between the fleet's programs and the cloud. Called before the
// programs are started.
func (f *fleet) doorway() *proxy.Proxy {
	f.t.Helper()
	door, endpoint := proxy.StartForTest(f.t, proxy.Config{Default: f.cloud.Endpoint, Seed: 1})
	f.env = append(f.env, cloud.EnvironmentAt(endpoint)...)
	return door
}

// startWorker starts a worker.
func startWorker(t *testing.T, p *program, arguments ...string) *running {
	t.Helper()
	return p.start(append([]string{"worker", "--listen=127.0.0.1:0"}, arguments...)...)
}

// stopWorker has a worker drain, and fails the test when it does not end well.
func stopWorker(t *testing.T, worker *running) run {
	t.Helper()
	if err := worker.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := worker.wait()
	if ended.code != 0 {
		t.Errorf("the worker ended with %d: %s", ended.code, ended.stderr)
	}
	return ended
}

// depth returns how many messages are in a queue, whatever their state.
func (f *fleet) depth(url string) string {
	f.t.Helper()
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	patient := func(options *sqs.Options) { options.Retryer = retry.NewStandard() }
	got, err := f.cloud.SQS().GetQueueAttributes(f.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names}, patient)
	if err != nil {
		f.t.Fatal(err)
	}
	return got.Attributes[string(names[0])] + "+" + got.Attributes[string(names[1])] + "+" + got.Attributes[string(names[2])]
}

// fillFleet puts so many small objects, and giants of 24 MiB each.
func fillFleet(store *memStore, small, giants int) {
	for i := range small {
		key := fmt.Sprintf("small/%02d/%05d \"%d\" ü&+%%.bin", i%50, i, i)
		store.put(key, content(key, i*7%5000))
	}
	for i := range giants {
		key := fmt.Sprintf("giant/%d \\ \"quoted\"", i)
		store.put(key, content(key, 24<<20+i))
	}
}

// giantSized lowers the threshold, so that the tests' giants are some.
var giantSized = []string{"--giant-threshold=16MiB", "--part-size=8MiB", "--multipart-threshold=8MiB"}

// TestFleet: a finder and three workers copy small objects and giants; the destination is
// identical, the dead-letter queue empty, and the report counts what embedded dth counts.
func TestFleet(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	source, destination, embedded := startMem(t, "SOURCE"), startMem(t, "DESTINATION"), startMem(t, "EMBEDDED")
	fillFleet(source, 5000, 3)
	p := newProgram(t, append(append(append(source.keys(), destination.keys()...), embedded.keys()...), f.env...)...)
	locations := append([]string{source.at(""), destination.at("")}, giantSized...)
	var workers []*running
	for range 3 {
		workers = append(workers, startWorker(t, p, append(locations, "--retry-after=1s")...))
	}
	got := p.must(0, append([]string{"finder", "--wait", "--json"}, locations...)...).report(t)
	for _, worker := range workers {
		ended := stopWorker(t, worker)
		if testing.Verbose() {
			t.Log(ended.stderr)
		}
	}
	want := p.must(0, append([]string{"sync", source.at(""), embedded.at(""), "--json"}, giantSized[1:]...)...).report(t)
	compareReports(t, want, got)
	for name, copied := range map[string]*memStore{"the fleet's destination": destination, "the embedded run's destination": embedded} {
		if held := copied.Keys(bucket); len(held) != 5003 {
			t.Errorf("%s holds %d objects, want 5003", name, len(held))
		}
		sameAs(t, name, source, copied)
	}
	for _, queue := range []cloud.Queue{f.Queues.Main, f.Queues.Prio, f.Queues.DLQ} {
		if depth := f.depth(queue.URL); depth != "0+0+0" {
			t.Errorf("%s messages are left in %s", depth, queue.Name)
		}
	}
	again := p.must(0, append([]string{"finder", "--wait", "--json"}, locations...)...).report(t)
	if again.Objects.Planned != 0 || again.Objects.Equal != 5003 {
		t.Errorf("a second finder planned %d and found %d equal", again.Objects.Planned, again.Objects.Equal)
	}
}

// sameAs holds a store to the source, byte by byte.
func sameAs(t *testing.T, name string, source, copied *memStore) {
	t.Helper()
	for _, key := range source.Keys(bucket) {
		if !bytes.Equal(source.get(key), copied.get(key)) {
			t.Errorf("%s does not hold %q as the source does", name, key)
		}
	}
}

// compareReports compares what both modes have to count alike.
func compareReports(t *testing.T, want, got *observe.Report) {
	t.Helper()
	if want.Objects != got.Objects || want.Evidence != got.Evidence || want.Bytes.Copied != got.Bytes.Copied || want.State != got.State {
		t.Errorf("embedded %s %+v %+v %+v\nfleet    %s %+v %+v %+v", want.State, want.Objects, want.Evidence, want.Bytes, got.State, got.Objects, got.Evidence, got.Bytes)
	}
}
