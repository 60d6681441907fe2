package integration

import (
	"slices"
	"testing"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// runFleet has a finder and three workers copy everything from one store to the other, and
// returns the finder's report.
func runFleet(t *testing.T, f *fleet, source, destination *memStore, flags ...string) *observe.Report {
	t.Helper()
	p := newProgram(t, slices.Concat(source.keys(), destination.keys(), f.env)...)
	locations := append([]string{source.at(""), destination.at("")}, flags...)
	var workers []*running
	for range 3 {
		workers = append(workers, startWorker(t, p, append(slices.Clone(locations), "--retry-after=1s")...))
	}
	got := p.must(0, append([]string{"finder", "--wait", "--json"}, locations...)...).report(t)
	for _, worker := range workers {
		stopWorker(t, worker)
	}
	p.must(0, "verify", source.at(""), destination.at(""), "--read")
	return got
}

// TestFleetCosts counts what AWS bills at its door: an object of a full message takes a
// fiftieth of a request to SQS and one write to DynamoDB.
func TestFleetCosts(t *testing.T) {
	t.Parallel()
	const objects = 5000
	f := startFleet(t)
	door := f.doorway()
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	fillFleet(source, objects, 0)
	got := runFleet(t, f, source, destination)
	if got.Objects.Copied != objects {
		t.Errorf("%d objects were copied, want %d", got.Objects.Copied, objects)
	}
	totals := door.Totals()
	t.Logf("%d objects: %.4f requests to SQS each and %d empty receives in all, %.4f writes and %.4f reads of DynamoDB each",
		objects, float64(totals.QueueRequests)/objects, totals.EmptyReceives, float64(totals.Writes)/objects, float64(totals.Reads)/objects)
	if most := int64(objects * 0.02); totals.QueueRequests > most {
		t.Errorf("%d requests to SQS, want at most %d: %+v", totals.QueueRequests, most, door.Counts())
	}
	if most := int64(objects * 1.05); totals.Writes > most {
		t.Errorf("%d writes to DynamoDB, want at most %d: %+v", totals.Writes, most, door.Counts())
	}
}

// TestFleetCountsOnce: a tenth of all messages is delivered twice; the report counts each
// object once.
func TestFleetCountsOnce(t *testing.T) {
	t.Parallel()
	const objects = 3000
	f := startFleet(t)
	door := f.doorway()
	door.Inject(proxy.Fault{Operation: "sqs.ReceiveMessage", Do: proxy.Duplicate, Share: 0.1, Times: -1})
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	fillFleet(source, objects, 1)
	got := runFleet(t, f, source, destination, giantSized...)
	if got.Objects.Copied != objects+1 || got.Evidence.BothEnds != objects+1 || got.Bytes.Copied != got.Bytes.Planned {
		t.Errorf("report %+v %+v %+v, want %d objects", got.Objects, got.Evidence, got.Bytes, objects+1)
	}
	if met := door.Counts()["sqs.ReceiveMessage"].Injected; met == 0 {
		t.Error("no message was delivered twice: nothing was tested")
	}
}
