package dynamodb

import (
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
)

// shards is over how many partitions of an index the records of one run are spread: one
// takes 1,000 writes a second, and a run may fail as fast as it copies.
const shards = 16

// The kinds of records that the index finds.
const (
	failed  = "F"
	adapted = "A"
)

// keyScope is the byte before each key: DynamoDB takes no empty key. Another job in the
// same tables would take another byte.
const keyScope = "\x00"

func recordKey(key string) dynamo.Item {
	return dynamo.Item{dynamo.Key: dynamo.Bytes([]byte(keyScope + key))}
}

func shardOf(key string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key))
	return int(sum.Sum32() % shards)
}

// partition names one shard of the index.
func partition(kind, run string, shard int) string {
	return fmt.Sprintf("%s#%s#%d", kind, run, shard)
}

// newNonce tells one write from another.
func newNonce() string { return rand.Text()[:12] }

func outcomes() map[journal.Outcome]string {
	return map[journal.Outcome]string{
		journal.OutcomeDone: "DONE", journal.OutcomeFailed: "FAILED", journal.OutcomeSkipped: "SKIPPED",
		journal.OutcomeDeleted: "DELETED", journal.OutcomeVanished: "VANISHED", journal.OutcomeInterrupted: "INTERRUPTED",
	}
}

func grades() map[journal.Grade]string {
	return map[journal.Grade]string{"": "", journal.GradeBoth: "2", journal.GradeOne: "1", journal.GradeSize: "0"}
}

// inverse returns the name that stands for stated.
func inverse[N ~string](names map[N]string, stated string) (N, bool) {
	for name, text := range names {
		if text == stated {
			return name, true
		}
	}
	return "", false
}

// known refuses records that could not be read back.
func known(record journal.Record) error {
	if outcomes()[record.Outcome] == "" {
		return fmt.Errorf("unknown outcome %q", record.Outcome)
	}
	if _, ok := grades()[record.Grade]; !ok {
		return fmt.Errorf("unknown grade %q", record.Grade)
	}
	return nil
}

// The flags of the attribute fl.
const (
	inside = 1 << iota
	unmappable
	archived
	deletion
	absent
	elsewhere
)

func (j *Journal) recordItem(record journal.Record, nonce string) dynamo.Item {
	item := recordKey(record.Key)
	item["v"] = dynamo.Int(record.Revision + 1)
	item["n"] = dynamo.Bytes([]byte(nonce))
	dynamo.PutText(item, "st", outcomes()[record.Outcome])
	dynamo.PutText(item, "g", grades()[record.Grade])
	dynamo.PutText(item, "run", record.Run)
	dynamo.PutInt(item, "sz", record.Size)
	dynamo.PutText(item, "et", record.SourceETag)
	dynamo.PutText(item, "vm", record.SourceVersion)
	if !record.SourceModified.IsZero() {
		dynamo.PutInt(item, "mt", record.SourceModified.Unix())
	}
	dynamo.PutText(item, "de", record.DestinationETag)
	if !record.Checksum.IsZero() {
		item["c"] = dynamo.Bytes(packed.AppendChecksum(nil, record.Checksum))
	}
	dynamo.PutText(item, "w", record.Written)
	dynamo.PutTexts(item, "ch", record.Changes)
	dynamo.PutInt(item, "rp", int64(record.Replans))
	dynamo.PutText(item, "er", record.Error)
	dynamo.PutTime(item, "te", record.At)
	if !record.Proved.IsZero() {
		item["pv"] = dynamo.Bytes(packed.AppendProof(nil, record.Proved))
	}
	if len(record.Unproved) > 0 {
		item["up"] = dynamo.Bytes(packed.AppendTexts(nil, record.Unproved))
	}
	if len(record.Counted) > 0 {
		item["cb"] = dynamo.Bytes(packed.AppendCounted(nil, record.Counted))
	}
	dynamo.PutText(item, "si", record.Since)
	dynamo.PutText(item, "sq", record.Sequencer)
	dynamo.PutText(item, "m", record.Message)
	dynamo.PutInt(item, "fl", flags(record))
	if kind := foundAs(record); kind != "" {
		item[dynamo.Found] = dynamo.Text(partition(kind, record.Run, shardOf(record.Key)))
	}
	if record.Outcome == journal.OutcomeDeleted {
		item[dynamo.Expires] = dynamo.Seconds(j.client.Now().Add(j.options.Tombstones))
	}
	return item
}

// foundAs says how the index finds a record, "" for not at all.
func foundAs(record journal.Record) string {
	switch record.Outcome {
	case journal.OutcomeFailed, journal.OutcomeSkipped, journal.OutcomeVanished, journal.OutcomeInterrupted:
		return failed
	}
	if record.IsAdapted() {
		return adapted
	}
	return ""
}

// flags is what the attribute fl says of a record.
func flags(record journal.Record) int64 {
	return flag(record.Inside, inside) | flag(record.Unmappable, unmappable) | flag(record.Archived, archived) |
		flag(record.Deletion, deletion) | flag(record.Absent, absent) | flag(record.Elsewhere, elsewhere)
}

func flag(set bool, bit int64) int64 {
	if set {
		return bit
	}
	return 0
}

func readRecord(item dynamo.Item) (journal.Record, error) {
	r := dynamo.Read(item)
	stored, scoped := strings.CutPrefix(string(r.Bytes(dynamo.Key)), keyScope)
	if !scoped {
		r.Fail(dynamo.Key)
	}
	stated := r.Int("fl")
	record := journal.Record{
		Key: stored, Run: r.Text("run"), Size: r.Int("sz"), SourceETag: r.Text("et"), SourceVersion: r.Text("vm"), SourceModified: readSeconds(r, "mt"),
		DestinationETag: r.Text("de"), Checksum: readPacked(r, "c", packed.ReadChecksum), Written: r.Text("w"), Changes: r.Texts("ch"),
		Replans: int(r.Int("rp")), Error: r.Text("er"), At: r.Time("te"), Sequencer: r.Text("sq"), Message: r.Text("m"),
		Proved: readPacked(r, "pv", packed.ReadProof), Unproved: readPacked(r, "up", packed.ReadTexts), Since: r.Text("si"),
		Counted: readPacked(r, "cb", packed.ReadCounted),
		Inside:  stated&inside != 0, Unmappable: stated&unmappable != 0, Archived: stated&archived != 0, Deletion: stated&deletion != 0,
		Absent: stated&absent != 0, Elsewhere: stated&elsewhere != 0, Revision: r.Int("v"),
	}
	var ok bool
	if record.Outcome, ok = inverse(outcomes(), r.Text("st")); !ok {
		r.Fail("st")
	}
	if record.Grade, ok = inverse(grades(), r.Text("g")); !ok {
		r.Fail("g")
	}
	if r.Err() != nil {
		return journal.Record{}, fmt.Errorf("record of %q: %w", stored, r.Err())
	}
	return record, nil
}

func readSeconds(r *dynamo.Reader, name string) time.Time {
	if !r.Has(name) {
		return time.Time{}
	}
	return time.Unix(r.Int(name), 0).UTC()
}

// readPacked reads a packed attribute, zero where there is none.
func readPacked[T any](r *dynamo.Reader, name string, read func(*pack.Reader) T) T {
	var none T
	if !r.Has(name) {
		return none
	}
	p := pack.NewReader(string(r.Bytes(name)))
	value := read(&p)
	if p.Err() != nil {
		r.Fail(name)
		return none
	}
	return value
}
