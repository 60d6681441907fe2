package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/dth-dev/dth/tests/servers"
)

// follower is a fleet that follows the events of a source store of S3.
type follower struct {
	*fleet
	source      *realStore
	destination *memStore
	program     *program
	began       time.Time
	sequence    int64 // of the last event
}

// startFollower starts the stores and the cloud. What is below "in/" of the source goes
// below "to/" of the destination.
func startFollower(t *testing.T) *follower {
	t.Helper()
	f := &follower{fleet: startFleet(t), source: startReal(t, servers.VersityGW, "SOURCE"), destination: startMem(t, "DESTINATION"), began: time.Now()}
	f.program = newProgram(t, slices.Concat(f.source.keys(), f.destination.keys(), f.env)...)
	return f
}

// locations are those of the job, which names the store as Amazon's own.
func (f *follower) locations() []string {
	return []string{
		fmt.Sprintf("s3://%s/in/?endpoint=%s&region=us-east-1&credentials=env:SOURCE", bucket, f.source.Endpoint), f.destination.at("to/"),
	}
}

func (f *follower) startWorker(flags ...string) *running {
	f.t.Helper()
	return startWorker(f.t, f.program, append(f.locations(), flags...)...)
}

// write puts an object of the source and returns the event of it.
func (f *follower) write(key string, data []byte) notification {
	f.t.Helper()
	if err := f.source.put(f.t.Context(), key, data, stored{}); err != nil {
		f.t.Fatal(err)
	}
	head, err := f.source.client.HeadObject(f.t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		f.t.Fatal(err)
	}
	return f.event("ObjectCreated:Put", key, len(data), strings.Trim(aws.ToString(head.ETag), `"`))
}

// remove deletes an object of the source and returns the event of it.
func (f *follower) remove(key string) notification {
	f.t.Helper()
	if _, err := f.source.client.DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key}); err != nil {
		f.t.Fatal(err)
	}
	return f.event("ObjectRemoved:Delete", key, 0, "")
}

// event returns an event that is newer than those before it. Of the sequencers, S3 writes
// some shorter than others.
func (f *follower) event(name, key string, size int, etag string) notification {
	f.sequence++
	return notification{name: name, bucket: bucket, key: key, size: size, etag: etag, sequencer: strings.TrimRight(fmt.Sprintf("0055AED6DCD9%06X", f.sequence), "0")}
}

// send puts messages into the fleet's main queue.
func (f *fleet) send(bodies ...string) {
	f.t.Helper()
	for _, body := range bodies {
		if _, err := f.cloud.SQS().SendMessage(f.t.Context(), &sqs.SendMessageInput{QueueUrl: &f.Queues.Main.URL, MessageBody: &body}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// await waits until the main queue has so many messages that wait, are with workers, and
// are delayed.
func (f *fleet) await(depth string) {
	f.t.Helper()
	f.awaitQueue(f.Queues.Main, depth)
}

func (f *fleet) awaitQueue(queue cloud.Queue, depth string) {
	f.t.Helper()
	look := time.NewTicker(100 * time.Millisecond) // a queue tells nobody how full it is
	defer look.Stop()
	for f.depth(queue.URL) != depth {
		<-look.C
	}
}

// followed returns what the events of today led to. Each key counts once, as it was left.
// It is nothing when the day has changed since, with which counting begins anew.
func (p *program) followed(since time.Time) (counted observe.Objects, today bool) {
	p.t.Helper()
	run := engine.EventRun(since)
	o := p.must(0, "status", run, "--json").report(p.t).Objects
	return observe.Objects{Copied: o.Copied, Deleted: o.Deleted, Vanished: o.Vanished, Failed: o.Failed, Equal: o.Equal}, run == engine.EventRun(time.Now())
}

// buried returns the reasons of all dead letters, ascending.
func (p *program) buried() []string {
	p.t.Helper()
	var shown []letter
	got := p.must(0, "dlq", "list", "--json")
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
		p.t.Fatalf("%v: %+v", err, got)
	}
	reasons := []string{}
	for _, one := range shown {
		reasons = append(reasons, one.Reason)
	}
	slices.Sort(reasons)
	return reasons
}

// holds compares the destination with what it is to hold.
func (f *follower) holds(step string, want map[string]string) {
	f.t.Helper()
	got := map[string]string{}
	for _, key := range f.destination.Keys(bucket) {
		got[key] = string(f.destination.get(key))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("%s: the destination (-want +got):\n%s", step, diff)
	}
}

// counts compares what events led to with what they were to lead to.
func (f *follower) counts(step string, want observe.Objects) {
	f.t.Helper()
	got, today := f.program.followed(f.began)
	if diff := cmp.Diff(want, got); diff != "" && today {
		f.t.Errorf("%s: counted (-want +got):\n%s", step, diff)
	}
}

// odd is a key that is another one when it is decoded once too often, or too seldom.
const odd = "in/a b+c%20d%2Fe/ü-日本&=?#"

// TestFleetFollowsEvents takes objects through what notifications tell of them: what is
// written, in each shape of a notification, is copied; what is deleted is deleted; what
// comes late, twice or without reason changes nothing.
func TestFleetFollowsEvents(t *testing.T) {
	t.Parallel()
	f := startFollower(t)
	worker := f.startWorker("--events=CreateAndDelete", "--retry-after=1s")
	want := map[string]string{}

	created := map[string]func(notification) string{
		"2.1":         func(n notification) string { return n.direct(t, "2.1") },
		"2.6":         func(n notification) string { return n.direct(t, "2.6") },
		"EventBridge": func(n notification) string { return n.bridged(t) },
		"SNS":         func(n notification) string { return n.announced(t) },
	}
	for shape, body := range created {
		f.send(body(f.write(odd+shape, []byte("first of "+shape))))
		want["to"+strings.TrimPrefix(odd, "in")+shape] = "first of " + shape
	}
	f.send(encoded(t, golden[fields](t, s3Golden+"test.json")))
	f.await("0+0+0")
	f.holds("created", want)
	f.counts("created", observe.Objects{Copied: 4})

	late := f.write("in/k", []byte("first"))
	newer := f.write("in/k", []byte("second"))
	f.send(newer.direct(t, "2.6"))
	f.await("0+0+0")
	want["to/k"] = "second"
	f.holds("overwritten", want)
	puts := f.destination.Count("Put")
	f.send(newer.direct(t, "2.6"), newer.direct(t, "2.6"), newer.bridged(t), late.direct(t, "2.1"))
	f.await("0+0+0")
	f.holds("twice and late", want)
	f.counts("twice and late", observe.Objects{Copied: 5})
	if again := f.destination.Count("Put"); again != puts {
		t.Errorf("twice and late: %d objects were written", again-puts)
	}

	f.deletions(want)
	f.mistakes(want)
	f.strangers(want)
	if ended := stopWorker(t, worker); strings.Contains(ended.stderr, "message not finished") {
		t.Errorf("the worker said: %s", ended.stderr)
	}
}

// deletions follows what was deleted, and what only seems to be.
func (f *follower) deletions(want map[string]string) {
	t := f.t
	f.write("in/kept", []byte("still there"))
	f.send(f.event("ObjectRemoved:Delete", "in/kept", 0, "").direct(t, "2.1"))
	f.await("0+0+0")
	want["to/kept"] = "still there"
	f.holds("a deletion of what is there", want)
	f.counts("a deletion of what is there", observe.Objects{Copied: 6})

	late := f.event("ObjectCreated:Put", "in/k", 6, "0123456789abcdef0123456789abcdef")
	f.send(f.remove("in/k").direct(t, "2.6"), f.remove(odd+"SNS").bridged(t))
	f.await("0+0+0")
	delete(want, "to/k")
	delete(want, "to"+strings.TrimPrefix(odd, "in")+"SNS")
	f.holds("deleted", want)
	f.counts("deleted", observe.Objects{Copied: 4, Deleted: 2})

	f.send(late.direct(t, "2.1"), late.bridged(t))
	f.await("0+0+0")
	f.holds("created late", want)
	f.counts("created late", observe.Objects{Copied: 4, Deleted: 2})

	f.send(f.write("in/k", []byte("third")).announced(t))
	f.await("0+0+0")
	want["to/k"] = "third"
	f.holds("created anew", want)
	f.counts("created anew", observe.Objects{Copied: 5, Deleted: 1})
	if letters := f.program.buried(); len(letters) > 0 {
		t.Errorf("dead letters: %q", letters)
	}
}

// mistakes are a message with good records between bad ones, and messages that nobody
// can read: all of it that is bad becomes a dead letter with its reason.
func (f *follower) mistakes(want map[string]string) {
	t := f.t
	good, gone := f.write("in/good", []byte("good")), f.remove("in/kept")
	renamed, broken := f.event("ObjectRenamed:Put", "in/renamed", 1, "e"), f.event("ObjectCreated:Put", "in/broken", 1, "e")
	half := broken.record(t, "2.1")
	within(t, half, "s3", "object")["key"] = "in/half%2"
	f.send(encoded(t, fields{"Records": []any{
		renamed.record(t, "2.1"), good.record(t, "2.1"), half, "a text", gone.record(t, "2.1"),
	}}), `{"hello": "world"}`, "no JSON at all")
	f.await("0+0+0")
	want["to/good"] = "good"
	delete(want, "to/kept")
	f.holds("good between bad", want)
	f.counts("good between bad", observe.Objects{Copied: 5, Deleted: 2})
	letters := f.program.buried()
	all := strings.Join(letters, "\n")
	for _, say := range []string{`"ObjectRenamed:Put" of "in/renamed"`, "half%2", "record 3:", "neither Records"} {
		if !strings.Contains(all, say) {
			t.Errorf("no dead letter says %q:\n%s", say, all)
		}
	}
	if len(letters) != 5 {
		t.Errorf("%d dead letters, want 5:\n%s", len(letters), all)
	}
}

// strangers are events that concern another bucket or another prefix.
func (f *follower) strangers(want map[string]string) {
	t := f.t
	outside, elsewhere := f.write("out/side", []byte("outside")), f.write("in/elsewhere", []byte("elsewhere"))
	elsewhere.bucket = "another"
	f.send(outside.direct(t, "2.1"), outside.bridged(t), elsewhere.direct(t, "2.6"), elsewhere.announced(t))
	f.await("0+0+0")
	f.holds("strangers", want)
	f.counts("strangers", observe.Objects{Copied: 5, Deleted: 2})
	if letters := f.program.buried(); len(letters) != 5 {
		t.Errorf("strangers became dead letters: %q", letters)
	}
}

// TestFleetKeepsWhatWasDeleted: a fleet that follows what is created alone deletes
// nothing, and one that follows no events lets none disappear.
func TestFleetKeepsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	f := startFollower(t)
	worker := f.startWorker("--events=Create")
	f.send(f.write("in/a", []byte("a")).direct(t, "2.1"))
	f.await("0+0+0")
	f.send(f.remove("in/a").direct(t, "2.1"), f.remove("in/b").bridged(t))
	f.await("0+0+0")
	stopWorker(t, worker)
	want := map[string]string{"to/a": "a"}
	f.holds("deleted", want)
	f.counts("deleted", observe.Objects{Copied: 1})

	deaf := f.startWorker()
	f.send(f.write("in/c", []byte("c")).direct(t, "2.1"))
	f.await("0+0+0")
	stopWorker(t, deaf)
	f.holds("no events", want)
	if diff := cmp.Diff([]string{"this job does not follow events"}, f.program.buried()); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// TestFleetParksDeletions: of more deletions than an hour allows, the others wait in the
// queue, and are done when there is room.
func TestFleetParksDeletions(t *testing.T) {
	t.Parallel()
	f := startFollower(t)
	door := f.doorway()
	f.program.env = append(f.program.env, f.env...)
	worker := f.startWorker("--events=CreateAndDelete", "--max-delete=2")
	f.send(f.removals("a", 7))
	f.await("0+0+1")
	left := f.destination.Keys(bucket)
	deleted := 7 - len(left)
	// A new hour that begins in these seconds allows two more.
	hours := int(time.Now().Truncate(time.Hour).Sub(f.began.Truncate(time.Hour)).Hours())
	if deleted < 2 || deleted > 2+2*hours {
		t.Errorf("%d objects were deleted, want 2", deleted)
	}
	f.counts("parked", observe.Objects{Deleted: int64(deleted)})

	// What waits for a quarter of an hour from now on waits for a second.
	door.Inject(proxy.Fault{Operation: "sqs.SendMessageBatch", Do: proxy.Delay, Delay: time.Second, Times: -1})
	f.send(f.removals("b", 5))
	generous := f.startWorker("--events=CreateAndDelete", "--max-delete=100")
	f.await("0+0+1")
	if held := f.destination.Keys(bucket); !slices.Equal(held, left) {
		t.Errorf("the destination holds %q, want what is parked: %q", held, left)
	}
	ended := stopWorker(t, worker)
	stopWorker(t, generous)
	if said := strings.Count(ended.stderr, "deletion parked: the hourly limit is reached"); said < len(left) {
		t.Errorf("%d deletions are said to be parked, want at least %d: %s", said, len(left), ended.stderr)
	}
	if letters := f.program.buried(); len(letters) > 0 {
		t.Errorf("dead letters: %q", letters)
	}
}

// removals puts objects into the destination that the source does not have, and returns
// a message that says so.
func (f *follower) removals(name string, objects int) string {
	f.t.Helper()
	var records []fields
	for i := range objects {
		key := fmt.Sprint(name, i)
		f.destination.put("to/"+key, []byte(key))
		records = append(records, f.event("ObjectRemoved:Delete", "in/"+key, 0, "").record(f.t, "2.1"))
	}
	return encoded(f.t, fields{"Records": records})
}

// TestFleetFollowsVendors: the notifications of the other vendors' stores, which have no
// order, lead to the same.
func TestFleetFollowsVendors(t *testing.T) {
	t.Parallel()
	for vendor, notice := range map[string]func(t *testing.T, store *vendorStore, key string, created bool) string{
		"oss": ossNotice, "cos": cosNotice, "kodo": kodoNotice,
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			f, began := startFleet(t), time.Now()
			origin, store, destination := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE"), startMem(t, "DESTINATION")
			p := newProgram(t, slices.Concat(origin.keys(), store.keys, destination.keys(), f.env)...)
			worker := startWorker(t, p, store.at("in/"), destination.at(""), "--events=CreateAndDelete")
			kept, gone := "in/kept ü.txt", "in/gone.txt"
			origin.put(kept, []byte("kept"))
			origin.put(gone, []byte("gone"))
			p.must(0, "sync", origin.at(""), store.at(""))
			f.send(notice(t, store, kept, true), notice(t, store, gone, true), notice(t, store, "out/side", true))
			f.await("0+0+0")
			if !slices.Equal(destination.Keys(bucket), []string{"gone.txt", "kept ü.txt"}) || string(destination.get("gone.txt")) != "gone" {
				t.Errorf("after the creations the destination holds %q", destination.Keys(bucket))
			}
			origin.CreateBucket(bucket) // anew, without what is gone
			origin.put(kept, []byte("kept"))
			p.must(0, "sync", origin.at(""), store.at(""), "--delete", "--max-delete=1")
			f.send(notice(t, store, gone, false), notice(t, store, kept, false))
			f.await("0+0+0")
			if held := destination.Keys(bucket); !slices.Equal(held, []string{"kept ü.txt"}) {
				t.Errorf("after the deletions the destination holds %q", held)
			}
			if got, today := p.followed(began); today && got != (observe.Objects{Copied: 1, Deleted: 1}) {
				t.Errorf("counted %+v", got)
			}
			if letters := p.buried(); len(letters) > 0 {
				t.Errorf("dead letters: %q", letters)
			}
			stopWorker(t, worker)
		})
	}
}
