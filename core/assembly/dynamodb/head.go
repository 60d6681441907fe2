package dynamodb

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
)

// shards is over how many partitions of the index the unfinished uploads are spread.
const shards = 4

const head = "#"

func group(id string) string { return "U#" + id }

func headKey(id string) dynamo.Item {
	return dynamo.Item{dynamo.Group: dynamo.Text(group(id)), dynamo.Member: dynamo.Text(head)}
}

func openPartition(shard int) string { return fmt.Sprintf("O#%d", shard) }

func shardOf(id string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(id))
	return int(sum.Sum32() % shards)
}

// keyValue stores a key that may be empty, or not UTF-8.
func keyValue(key string) dynamo.Value { return dynamo.Bytes([]byte(key)) }

func recordValue(record journal.Upload) dynamo.Value {
	return dynamo.Bytes(packed.AppendUpload(nil, record))
}

func (s *Store) headItem(upload assembly.Upload) (dynamo.Item, error) {
	encoded, err := s.codec.Encode(task.Batch{Tasks: []task.Task{upload.Task}})
	if err != nil {
		return nil, err
	}
	item := headKey(upload.ID)
	item[dynamo.Pending] = dynamo.Text(openPartition(shardOf(upload.ID)))
	item["st"] = dynamo.Text(string(upload.State))
	item["total"] = dynamo.Int(int64(upload.Total))
	item["done"] = dynamo.Int(int64(upload.Arrived))
	item["gen"] = dynamo.Int(int64(upload.Generation))
	item["task"] = dynamo.Bytes(encoded)
	item["key"] = keyValue(upload.Record.Key)
	item["u"] = recordValue(upload.Record)
	item["o"] = dynamo.Text(upload.Owner)
	item["l"] = dynamo.Int(upload.Lease.UnixMilli())
	dynamo.PutText(item, "id", upload.Record.ID)
	dynamo.PutText(item, "run", upload.Run)
	dynamo.PutText(item, "m", upload.Message)
	dynamo.PutInt(item, "v", upload.Revision)
	return item, nil
}

func (s *Store) readHead(item dynamo.Item) (assembly.Upload, error) {
	r := dynamo.Read(item)
	id, ok := strings.CutPrefix(r.Text(dynamo.Group), group(""))
	if !ok {
		r.Fail(dynamo.Group)
	}
	upload := assembly.Upload{
		ID: id, Run: r.Text("run"), Message: r.Text("m"), Revision: r.Int("v"), State: assembly.State(r.Text("st")), Reason: r.Text("why"),
		Total: int(r.Int("total")), Arrived: int(r.Int("done")), Generation: int(r.Int("gen")), Owner: r.Text("o"),
	}
	if r.Has("l") {
		upload.Lease = time.UnixMilli(r.Int("l")).UTC()
	}
	var damage error
	upload.Record, damage = packed.ReadUpload(string(r.Bytes("key")), r.Text("id"), string(r.Bytes("u")))
	batch, err := s.codec.Decode(r.Bytes("task"))
	switch {
	case err != nil:
		damage = errors.Join(damage, err)
	case len(batch.Tasks) != 1:
		r.Fail("task")
	default:
		upload.Task = batch.Tasks[0]
	}
	if err := errors.Join(damage, r.Err()); err != nil {
		return assembly.Upload{}, fmt.Errorf("record of giant object %s: %w", id, err)
	}
	return upload, nil
}
