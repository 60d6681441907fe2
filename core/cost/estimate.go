package cost

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

// amazon are the limits of Amazon S3 for uploads in parts, from
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
var amazon = driver.Limits{MinPart: 5 << 20, MaxPart: 5 << 30, MaxParts: 10_000}

// Estimate says what a plan costs. It fails where the plan is contradictory, and where the
// table has no price of something that the plan needs.
func (p Prices) Estimate(wanted Plan) (Estimate, error) {
	wanted, err := wanted.filled()
	if err != nil {
		return Estimate{}, err
	}
	place, err := p.find(wanted.Region)
	if err != nil {
		return Estimate{}, err
	}
	rate, ok := p.instances[wanted.WorkerType]
	if !ok {
		return Estimate{}, fmt.Errorf("unknown network of %s: give its Mbit/s without burst in a table of your own, under \"instances:\"", wanted.WorkerType)
	}
	work, err := workOf(wanted, rate)
	if err != nil {
		return Estimate{}, err
	}
	bill := &bill{name: wanted.Region, region: place, used: map[string]bool{}}
	bill.source, bill.sourceKnown = p.Price(wanted.SourceRegion, "transfer", "region")
	bill.sourceKnown = bill.sourceKnown && p.regions[wanted.SourceRegion].currency == place.currency
	estimate := Estimate{Plan: wanted, Currency: place.currency, HoursPerTB: work.hours / float64(wanted.Workers)}
	estimate.Lines = bill.lines(wanted, work)
	estimate.Assumptions = bill.assumptions(wanted, work, rate)
	if len(bill.missing) > 0 {
		return Estimate{}, fmt.Errorf("%s: %s; give it in a table of your own, or choose another type of instances", wanted.Region, strings.Join(bill.missing, ", "))
	}
	estimate.Prices = bill.origin()
	return estimate, nil
}

// work is what a TB takes, whatever it costs.
type work struct {
	size        float64 // bytes of an object
	giant       bool
	parts       float64 // of an object
	messages    float64
	requests    float64 // of SQS
	gets, puts  float64 // of S3
	lists       float64
	writes      float64 // units of DynamoDB
	reads       float64
	transitions float64
	hours       float64 // of one worker
	bound       string  // by what the worker is bound
}

// workOf returns what a TB takes with workers of a network of so many Mbit/s.
func workOf(wanted Plan, rate float64) (work, error) {
	objects := float64(wanted.ObjectsPerTB)
	w := work{size: TB / objects, parts: 1}
	w.giant = wanted.Giants && w.size >= DefaultGiantThreshold
	divide := func(size int64) (plan.Layout, error) { return plan.Divide(size, plan.DefaultSizes, amazon, true) }
	if w.giant {
		divide = func(size int64) (plan.Layout, error) { return plan.DivideGiant(size, 0, amazon, true) }
	}
	layout, err := divide(int64(math.Ceil(w.size)))
	if err != nil {
		return w, fmt.Errorf("%d objects in a TB: %w", wanted.ObjectsPerTB, err)
	}
	w.parts = float64(layout.Parts())
	w.gets, w.puts = objects*w.parts, objects*w.parts
	if layout.Multipart() {
		w.puts += 2 * objects // to begin and to complete an upload
	}
	w.time(wanted, rate)
	w.queue(wanted)
	w.record(layout.Multipart(), objects, wanted)
	return w, nil
}

// time finds out how long a worker takes, and what keeps it from being faster.
func (w *work) time(wanted Plan, rate float64) {
	small := float64(wanted.ObjectsPerTB) / smallPerSecond
	network := TB / (rate * megabit)
	cpu := float64(wanted.ObjectsPerTB)*workerCPU.Seconds() + TB/gigabyte*workerCPUPerGB.Seconds()
	seconds := max(small, network, cpu)
	switch seconds {
	case network:
		w.bound = "its network"
	case small:
		w.bound = "the latency of the stores"
	default:
		w.bound = "its CPU"
	}
	w.hours = seconds / time.Hour.Seconds()
}

// queue counts messages and the requests that they take.
func (w *work) queue(wanted Plan) {
	objects := float64(wanted.ObjectsPerTB)
	switch {
	case wanted.Events: // one by one, as they come
		w.messages = objects
		w.requests = 3 * w.messages
	case w.size*objectsPerMessage <= bytesPerMessage: // so quick that acknowledgements meet, too
		w.messages = objects / objectsPerMessage
		w.requests = w.messages * (2*chunksOfTen + 1) / sentTogether
	default:
		w.messages = objects / max(1, math.Floor(bytesPerMessage/w.size))
		w.requests = w.messages * (2.0/sentTogether + 1)
	}
	if w.giant {
		w.requests += objects * w.parts * (2.0/sentTogether + 1)
	}
	if !wanted.Events {
		w.lists = 2 * objects / keysPerPage // of both sides
	}
}

// record counts what is written down.
func (w *work) record(multipart bool, objects float64, wanted Plan) {
	w.writes = objects*writesPerObject + w.messages*writesPerMessage
	w.reads = objects * readsPerObject
	switch {
	case w.giant:
		seconds := w.size / (TB / (w.hours * time.Hour.Seconds()) * float64(wanted.Workers))
		rounds := max(1, math.Ceil(seconds/secondsPerRound))
		w.writes += objects * (w.parts*writesPerGiantPart + rounds*writesPerRound)
		w.reads += objects * w.parts * readsPerGiantPart
		w.transitions = objects * (rounds*transitionsPerRound + transitionsPerGiant)
	case multipart:
		w.writes += objects * w.parts * writesPerPart
	}
}

// bill looks prices up and remembers which are missing.
type bill struct {
	name        string
	region      region
	used        map[string]bool // groups
	missing     []string
	source      float64 // price of a GB from the source's region to another, where it is known
	sourceKnown bool
}

// price returns a price, 0 where there is none, which the bill then remembers.
func (b *bill) price(service, name string) float64 {
	b.used[service] = true
	price, ok := b.region.groups[service].prices[name]
	text := fmt.Sprintf("no price of %s %s", service, name)
	switch {
	case !ok:
	case math.IsNaN(price):
		text = fmt.Sprintf("no %s as of %s", name, b.region.groups[service].date)
	default:
		return price
	}
	if !slices.Contains(b.missing, text) {
		b.missing = append(b.missing, text)
	}
	return 0
}

// instance returns what an instance with its disk and its address costs by the hour.
func (b *bill) instance(kind string, spot int, disk float64, private bool) float64 {
	hour := b.price("ec2", kind)
	if spot > 0 {
		hour *= 1 - float64(spot)/100*(1-b.price("spot", "fraction"))
	}
	if !private {
		hour += b.price("address", "ipv4")
	}
	return hour + disk*b.price("ebs", "gp3")/hoursPerMonth
}

// lines returns what the plan costs, one thing a line; what costs nothing is left out.
func (b *bill) lines(wanted Plan, w work) []Line {
	worker := b.instance(wanted.WorkerType, wanted.SpotPercent, WorkerDisk, wanted.NAT)
	finders := 0.0
	if wanted.FinderHoursPerMonth > 0 {
		finders = wanted.FinderHoursPerMonth * b.instance(wanted.FinderType, 0, FinderDisk, wanted.NAT)
	}
	fixed := float64(wanted.MinWorkers) * hoursPerMonth
	lines := []Line{
		{"worker instances", fixed * worker, w.hours * worker},
		{"finder instance", finders, 0},
		{"S3 requests", 0, (w.puts+w.lists)/million*b.price("s3", "put") + w.gets/million*b.price("s3", "get")},
		{"SQS requests", fixed * time.Hour.Seconds() * looksPerSecond / million * b.price("sqs", "request"), w.requests / million * b.price("sqs", "request")},
		{"DynamoDB requests", 0, w.writes/million*b.price("dynamodb", "write") + w.reads/million*b.price("dynamodb", "read")},
		{"DynamoDB records, a month", 0, float64(wanted.ObjectsPerTB) * recordBytes / gib * (b.price("dynamodb", "storage") + b.price("dynamodb", "recovery"))},
	}
	if w.giant {
		lines = append(lines, Line{"Step Functions", 0, w.transitions / million * b.price("states", "transition")})
	}
	lines = append(lines, b.watching(wanted, w)...)
	if wanted.NAT {
		lines = append(lines, Line{"NAT gateway", hoursPerMonth * b.price("nat", "hour"), billedGB * b.price("nat", "gb")})
	}
	if wanted.Endpoints > 0 {
		lines = append(lines, Line{"interface endpoints", float64(wanted.Endpoints) * hoursPerMonth * b.price("endpoint", "hour"), 0})
	}
	lines = append(lines, Line{"transfer between regions", 0, billedGB * b.crossing(wanted)})
	if wanted.InternetOut {
		lines = append(lines, Line{"transfer out of AWS", 0, billedGB * b.price("transfer", "internet")})
	}
	return slices.DeleteFunc(lines, func(line Line) bool { return line.Monthly == 0 && line.PerTB == 0 })
}

// crossing returns what a GB costs on its way between regions, each part of it at the price of
// the region that it leaves.
func (b *bill) crossing(wanted Plan) float64 {
	total := 0.0
	if wanted.SourceRegion != "" && b.sourceKnown {
		total += b.source
	}
	if wanted.DestinationRegion != "" {
		total += b.price("transfer", "region")
	}
	return total
}

// watching returns what metrics, logs and alarms cost.
func (b *bill) watching(wanted Plan, w work) []Line {
	metric := b.price("metrics", "month")
	document := 60.0 * documentBytes / gib * b.price("logs", "gb") // of an hour
	share := wanted.FinderHoursPerMonth / hoursPerMonth
	metrics := Line{Name: "CloudWatch metrics", Monthly: share * finderMetrics * metric}
	if wanted.MinWorkers > 0 {
		metrics.Monthly = (workerMetrics + share*(finderMetrics-sharedMetrics)) * metric
	} else {
		metrics.PerTB = w.hours / float64(wanted.Workers) / hoursPerMonth * workerMetrics * metric
	}
	return []Line{
		metrics,
		{"CloudWatch logs", (float64(wanted.MinWorkers)*hoursPerMonth + wanted.FinderHoursPerMonth) * document, w.hours * document},
		{"CloudWatch alarms", AlarmMetrics * b.price("alarms", "metric"), 0},
		{"CloudWatch dashboard", b.price("dashboards", "month"), 0},
		{"KMS key of the alarms", b.price("kms", "key"), 0},
	}
}
