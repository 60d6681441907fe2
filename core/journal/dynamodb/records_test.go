package dynamodb

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// size is what DynamoDB counts of an item whose values are not nested ("Item sizes and
// formats" in its developer guide): names, bytes, and half a byte a digit and one more.
func size(t *testing.T, item dynamo.Item) int {
	t.Helper()
	total := 0
	for name, value := range item {
		total += len(name)
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			total += len(value.Value)
		case *types.AttributeValueMemberB:
			total += len(value.Value)
		case *types.AttributeValueMemberN:
			total += (len(value.Value)+1)/2 + 1
		default:
			t.Errorf("attribute %s is nested", name)
		}
	}
	return total
}

// TestRecordIsOneWriteUnit: a write of up to 1 KB costs one unit, one of a byte more two.
func TestRecordIsOneWriteUnit(t *testing.T) {
	t.Parallel()
	j := New(dynamo.New(aws.Config{}, dynamo.Options{}), Options{})
	for name, test := range map[string]struct {
		record journal.Record
		most   int
	}{
		"of a copied object": {journal.Record{
			Key: strings.Repeat("k", 100), Run: "20261123T070000Z-7f3a", Outcome: journal.OutcomeDone, Size: 4096, SourceETag: strings.Repeat("e", 34),
			SourceVersion: strings.Repeat("v", 32), SourceModified: time.Now(), DestinationETag: strings.Repeat("e", 34), Grade: journal.GradeBoth, At: time.Now(),
			Checksum: driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "12345678"}, Sequencer: strings.Repeat("0", 32),
			Message: strings.Repeat("m", 36), Revision: 1 << 30,
		}, 420},
		"of a long key": {journal.Record{
			Key: strings.Repeat("k", 600), Run: "20261123T070000Z-7f3a", Outcome: journal.OutcomeDone, Size: 5 << 40, SourceETag: strings.Repeat("e", 38),
			DestinationETag: strings.Repeat("e", 38), Grade: journal.GradeBoth, At: time.Now(), Message: strings.Repeat("m", 36),
			Checksum: driver.Checksum{Algorithm: driver.AlgorithmSHA256, Value: strings.Repeat("s", 32)},
		}, 1024},
		"of a failed object": {journal.Record{
			Key: strings.Repeat("k", 100), Run: "20261123T070000Z-7f3a", Outcome: journal.OutcomeFailed, Size: 4096, At: time.Now(),
			Error: strings.Repeat("why ", 100), Message: strings.Repeat("m", 36),
			Proved: journal.Proof{
				Size: 4096, SourceETag: strings.Repeat("e", 34), SourceVersion: strings.Repeat("v", 32), SourceModified: time.Now(),
				DestinationETag: strings.Repeat("e", 34), Grade: journal.GradeBoth,
			},
			Unproved: []string{strings.Repeat("e", 34)}, Since: "20261123T070000Z-7f3a",
		}, 1024},
	} {
		if got := size(t, j.recordItem(test.record, newNonce())); got > test.most {
			t.Errorf("the record %s takes %d bytes, more than %d", name, got, test.most)
		}
	}
}

// TestShardsSpread: the failures of one run are written to many partitions.
func TestShardsSpread(t *testing.T) {
	t.Parallel()
	counts := map[int]int{}
	for i := range 1600 {
		counts[shardOf(strings.Repeat("k", i))]++
	}
	for shard := range shards {
		if counts[shard] < 50 || counts[shard] > 200 {
			t.Errorf("shard %d has %d of 1600 keys", shard, counts[shard])
		}
	}
}

// TestFlagsAreReadBack and counts: each as it was written, and none for another.
func TestFlagsAreReadBack(t *testing.T) {
	t.Parallel()
	j := New(dynamo.New(aws.Config{}, dynamo.Options{}), Options{})
	for _, want := range []journal.Record{
		{}, {Inside: true}, {Unmappable: true}, {Archived: true}, {Deletion: true}, {Absent: true}, {Elsewhere: true},
		{Counted: []journal.Counted{{Message: "m1", Counts: journal.Counts{Failed: 1, GradeSize: -3}}, {Counts: journal.Counts{Equal: 1, Bytes: 5 << 40}}}},
	} {
		want.Key, want.Outcome = "a", journal.OutcomeFailed
		got, err := readRecord(j.recordItem(want, newNonce()))
		want.Revision = 1
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}
