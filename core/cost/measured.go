package cost

import "time"

// What dth was measured to take, or what follows from its code. docs/scale.md tells how it was
// measured and on what machine; `make scale` measures again, and tests/scale asserts counts.
const (
	// sentTogether messages travel in one request to send and one to receive.
	sentTogether = 10
	// chunksOfTen is how many chunks of 64 KB, which SQS bills each, ten messages of 100
	// objects are where ETags are random (docs/scale.md, "Computed").
	chunksOfTen = 2
	// objectsPerMessage and bytesPerMessage bound what the finder puts into one message
	// (docs/scale.md, "Measured").
	objectsPerMessage = 100
	bytesPerMessage   = 256 << 20

	// writesPerObject and writesPerMessage are the record of an outcome and the tally of a
	// message: 1.0000 and 0.0100 writes an object (`make scale`, 1,000,000 objects).
	writesPerObject  = 1.0
	writesPerMessage = 1.0
	// readsPerObject is the look at an object's record before it is copied: 1.0010 (the same).
	readsPerObject = 1.001
	// writesPerPart and the others are those of parts (docs/design/0013, "Costs").
	writesPerPart      = 1.0
	writesPerGiantPart = 4.0
	readsPerGiantPart  = 1.0
	// recordBytes are an object's record, 181 bytes (`make scale`), and 100 that DynamoDB adds
	// to each item.
	recordBytes = 281

	// workerCPU and workerCPUPerGB are what a worker takes of one core for a small object and
	// for the content of large ones (`make scale`: 219 µs, 0.47 s a GB).
	workerCPU      = 219 * time.Microsecond
	workerCPUPerGB = 470 * time.Millisecond
	// smallPerSecond is how many small objects one worker copies in a second. It is not
	// measured between real regions: 64 transfers at once, 90 ms each, which is an assumption
	// (docs/scale.md, "Hours").
	smallPerSecond = 700

	// looksPerSecond is how often an idle worker asks each of its two queues: long polls of
	// 20 seconds (core/queue/sqs, DefaultTimings).
	looksPerSecond = 2.0 / 20

	// transitionsPerRound are those of one look of Step Functions at a giant object, Wait, Poll
	// and Decide, and transitionsPerGiant its beginning and its end (giant.asl.json). AWS bills
	// these, and not the up to 15.5 events of a round that docs/design/0014 counts.
	transitionsPerRound = 3.0
	transitionsPerGiant = 2.0
	// secondsPerRound is the pause between two looks (core/assembly/stepfunctions, DefaultWait).
	secondsPerRound = 60.0
	// writesPerRound is the count of looks in the record (giant.asl.json, Poll).
	writesPerRound = 1.0

	// workerMetrics and finderMetrics are what each kind of process publishes once a minute, and
	// sharedMetrics those of both (core/observe/emf). documentBytes is such a document, with the
	// 26 bytes that CloudWatch adds to an event.
	workerMetrics = 15
	finderMetrics = 5
	sharedMetrics = 1
	documentBytes = 1100

	// AlarmMetrics is how many metrics the alarms of infra/cloudformation/dth.yaml look at;
	// CloudWatch bills each. WorkerDisk and FinderDisk are the disks of its instances in GB.
	AlarmMetrics = 26
	WorkerDisk   = 8
	FinderDisk   = 64

	// IdleMinutes is how long nothing must be left to do before the workers go (dth.yaml,
	// ScaleInAlarm).
	IdleMinutes = 15

	// keysPerPage is what one LIST of Amazon S3 returns at most.
	keysPerPage = 1000
)

const (
	hoursPerMonth = 730     // as the pricing pages of AWS count
	gib           = 1 << 30 // what AWS bills as a GB
	billedGB      = float64(TB) / gib
	million       = 1e6
	gigabyte      = 1e9
	megabit       = 1e6 / 8 // bytes
)

// DefaultGiantThreshold is the size in bytes from which many workers copy one object
// (--giant-threshold, giantThresholdMiB).
const DefaultGiantThreshold = 1 << 30
