package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
)

func partKey(id string, number int) dynamo.Item {
	return dynamo.Item{dynamo.Group: dynamo.Text(group(id)), dynamo.Member: dynamo.Text(fmt.Sprintf("P#%05d", number))}
}

// states returns the values that conditions on states name.
func states() dynamo.Item {
	return dynamo.Item{
		":open": dynamo.Text(string(assembly.Open)), ":ready": dynamo.Text(string(assembly.Ready)), ":completing": dynamo.Text(string(assembly.Completing)),
	}
}

// RecordPart remembers a part and counts it, once however often it is recorded; the one
// that makes all arrive turns Open into Ready. A part of an upload that is not Open
// changes nothing. The part and the count are one transaction: whatever is repeated,
// by whomever, finds the part there.
func (s *Store) RecordPart(ctx context.Context, id string, part journal.Part) (assembly.Progress, error) {
	progress, err := s.recordPart(ctx, id, part)
	return progress, failed(fmt.Sprintf("record part %d", part.Number), id, err)
}

func (s *Store) recordPart(ctx context.Context, id string, part journal.Part) (assembly.Progress, error) {
	item := partKey(id, part.Number)
	item["no"] = dynamo.Int(int64(part.Number))
	item["p"] = dynamo.Bytes(packed.AppendPart(nil, part))
	item[dynamo.Expires] = dynamo.Seconds(s.client.Now().Add(partsKept))
	err := s.client.Transact(ctx, token(),
		dynamo.Write{Table: s.client.Parts(), Item: item, Condition: "attribute_not_exists(#pk)"},
		dynamo.Write{
			Table: s.client.Parts(), Key: headKey(id), Update: "ADD #done :one", Condition: "#st = :open",
			Values: dynamo.Item{":one": dynamo.Int(1), ":open": dynamo.Text(string(assembly.Open))},
		})
	var cancelled *dynamo.CancelledError
	if err != nil && !errors.As(err, &cancelled) {
		return assembly.Progress{}, err
	}
	// Counted now, counted before, or not to be counted: the record tells. A look costs an
	// eighth of the write that would ask the same.
	upload, err := s.get(ctx, id)
	if err != nil {
		return assembly.Progress{}, err
	}
	if upload.State == assembly.Open && upload.Arrived == upload.Total {
		return s.ready(ctx, id)
	}
	return assembly.Progress{State: upload.State, Total: upload.Total, Arrived: upload.Arrived}, nil
}

// ready turns Open into Ready where all parts are there.
func (s *Store) ready(ctx context.Context, id string) (assembly.Progress, error) {
	item, _, err := s.update(ctx, id, "SET #st = :ready", "#st = :open AND #done = #total", dynamo.Item{
		":open": dynamo.Text(string(assembly.Open)), ":ready": dynamo.Text(string(assembly.Ready)),
	})
	if err != nil {
		return assembly.Progress{}, err
	}
	upload, err := s.readHead(item)
	return assembly.Progress{State: upload.State, Total: upload.Total, Arrived: upload.Arrived}, err
}

// partsKept is how long the record of a part is kept: longer than the state machine
// watches an upload, 14 d.
const partsKept = 30 * day

// token names a transaction: its repetitions are the same one.
func token() string { return rand.Text() }

// DropParts forgets parts that the destination does not hold any more and turns Ready and
// Completing back into Open. Parts that are not on record are not counted, and where none
// of them is, nothing changes.
func (s *Store) DropParts(ctx context.Context, id string, numbers []int) error {
	for _, number := range numbers {
		values := states()
		values[":less"] = dynamo.Int(-1)
		err := s.client.Transact(ctx, token(),
			dynamo.Write{Table: s.client.Parts(), Key: partKey(id, number), Condition: "attribute_exists(#pk)"},
			dynamo.Write{
				Table: s.client.Parts(), Key: headKey(id), Update: "SET #st = :open ADD #done :less",
				Condition: "#st IN (:open, :ready, :completing)", Values: values,
			})
		var cancelled *dynamo.CancelledError
		if err != nil && !errors.As(err, &cancelled) {
			return failed(fmt.Sprintf("drop part %d", number), id, err)
		}
	}
	return nil
}

// Parts returns the parts on record, by ascending number.
func (s *Store) Parts(ctx context.Context, id string) ([]journal.Part, error) {
	var parts []journal.Part
	for item, err := range s.client.Query(ctx, dynamo.Query{Table: s.client.Parts(), Attribute: dynamo.Group, Partition: group(id)}) {
		if err != nil {
			return nil, failed("parts", id, err)
		}
		r := dynamo.Read(item)
		if r.Text(dynamo.Member) == head {
			continue
		}
		number := int(r.Int("no"))
		part, err := packed.ReadPart(number, string(r.Bytes("p")))
		if err = errors.Join(err, r.Err()); err != nil {
			return nil, failed(fmt.Sprintf("part %d", number), id, err)
		}
		parts = append(parts, part)
	}
	return parts, nil
}
