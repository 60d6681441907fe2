// Package dynamodb keeps the records of giant objects in the fleet's table, where the
// state machine reads them.
package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
)

// The item of a giant object has the partition U#<id> and the sort key #. The state
// machine reads its attribute st and adds to polls, which nothing here ever sets: an
// attempt or poll that was counted stays counted. The parts are P#00001 and so on in the same partition.

const day = 24 * time.Hour

// Store implements assembly.Store.
type Store struct {
	client *dynamo.Client
	codec  *task.Codec
	keep   time.Duration
}

var _ assembly.Store = (*Store)(nil)

// New returns the store in the tables of client. It keeps records for a time after they
// became final, 30 d where keep is 0.
func New(client *dynamo.Client, keep time.Duration) (*Store, error) {
	codec, err := task.NewCodec()
	if err != nil {
		return nil, err
	}
	if keep == 0 {
		keep = 30 * day
	}
	return &Store{client: client, codec: codec, keep: keep}, nil
}

// takeable is the condition that a record is the owner's to take. It needs :o and :ended.
const takeable = "(#o = :o OR attribute_not_exists(#l) OR #l < :ended)"

// pending is the condition that a record is not final. It needs :done and :aborted.
const pending = "NOT #st IN (:done, :aborted)"

func final(values dynamo.Item) dynamo.Item {
	values[":done"], values[":aborted"] = dynamo.Text(string(assembly.Done)), dynamo.Text(string(assembly.Aborted))
	return values
}

// update changes the record of an upload and returns it, or, where the condition does
// not hold, the record as it is and false. It is assembly.ErrNotFound where there is none.
func (s *Store) update(ctx context.Context, id, update, condition string, values dynamo.Item) (dynamo.Item, bool, error) {
	item, err := s.client.Update(ctx, dynamo.Write{
		Table: s.client.Parts(), Key: headKey(id), Update: update, Condition: "attribute_exists(#pk) AND " + condition, Values: values,
	})
	there, unmet := dynamo.Unmet(err)
	switch {
	case !unmet && err != nil:
		return nil, false, err
	case !unmet:
		return item, true, nil
	case len(there) == 0:
		return nil, false, assembly.ErrNotFound
	}
	return there, false, nil
}

func failed(doing, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("giant object %s: %s: %w", id, doing, err)
}

// Create records an upload before it is begun at the destination, with the owner's lease.
// It returns the upload on record and whether it is the caller's: a new one, or an old
// one that is not final and whose lease has ended or is the owner's.
func (s *Store) Create(ctx context.Context, upload assembly.Upload, owner string, lease time.Duration) (assembly.Upload, bool, error) {
	created, mine, err := s.create(ctx, upload, owner, lease)
	return created, mine, failed("create", upload.ID, err)
}

func (s *Store) create(ctx context.Context, upload assembly.Upload, owner string, lease time.Duration) (assembly.Upload, bool, error) {
	upload.Owner, upload.Lease = owner, time.UnixMilli(s.client.Until(lease)).UTC()
	upload.State, upload.Arrived, upload.Reason = assembly.Open, 0, ""
	upload.Generation = max(upload.Generation, 1)
	item, err := s.headItem(upload)
	if err != nil {
		return assembly.Upload{}, false, err
	}
	err = s.client.Put(ctx, dynamo.Write{Table: s.client.Parts(), Item: item, Condition: "attribute_not_exists(#pk)"})
	if err == nil {
		return upload, true, nil
	}
	if _, unmet := dynamo.Unmet(err); !unmet {
		return assembly.Upload{}, false, err
	}
	there, mine, err := s.update(ctx, upload.ID, "SET #o = :o, #l = :l", pending+" AND "+takeable, final(s.leased(owner, lease)))
	if err != nil {
		return assembly.Upload{}, false, err
	}
	onRecord, err := s.readHead(there)
	return onRecord, mine, err
}

// leased returns the values of a lease that is taken now.
func (s *Store) leased(owner string, lease time.Duration) dynamo.Item {
	return dynamo.Item{":o": dynamo.Text(owner), ":l": dynamo.Int(s.client.Until(lease)), ":ended": dynamo.Int(s.client.Ended())}
}

// Begin adds the store's upload ID. It is assembly.ErrNotFound where owner does not hold
// the record.
func (s *Store) Begin(ctx context.Context, id, owner string, record journal.Upload) error {
	values := dynamo.Item{":o": dynamo.Text(owner), ":key": keyValue(record.Key), ":u": recordValue(record), ":id": dynamo.Text(record.ID)}
	_, mine, err := s.update(ctx, id, "SET #key = :key, #u = :u, #id = :id", "#o = :o", values)
	if err == nil && !mine {
		err = assembly.ErrNotFound
	}
	return failed("begin", id, err)
}

// Get returns a record, or assembly.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (assembly.Upload, error) {
	upload, err := s.get(ctx, id)
	return upload, failed("get", id, err)
}

func (s *Store) get(ctx context.Context, id string) (assembly.Upload, error) {
	item, err := s.client.Get(ctx, s.client.Parts(), headKey(id))
	if err != nil {
		return assembly.Upload{}, err
	}
	if len(item) == 0 {
		return assembly.Upload{}, assembly.ErrNotFound
	}
	return s.readHead(item)
}

// Claim turns the state from into to for one owner with a lease, where the record is in
// the state from, or in the state to with a lease that has ended or is the owner's. It
// returns the record and whether the owner has it.
func (s *Store) Claim(ctx context.Context, id string, from, to assembly.State, owner string, lease time.Duration) (assembly.Upload, bool, error) {
	values := s.leased(owner, lease)
	values[":from"], values[":to"] = dynamo.Text(string(from)), dynamo.Text(string(to))
	item, mine, err := s.update(ctx, id, "SET #st = :to, #o = :o, #l = :l", "(#st = :from OR (#st = :to AND "+takeable+"))", values)
	if err != nil {
		return assembly.Upload{}, false, failed("claim", id, err)
	}
	upload, err := s.readHead(item)
	return upload, mine, failed("claim", id, err)
}

// Extend makes the lease that owner holds last longer; false when it is lost. A request
// that arrives late does not shorten it; a negative time ends it.
func (s *Store) Extend(ctx context.Context, id, owner string, lease time.Duration) (bool, error) {
	values := dynamo.Item{":o": dynamo.Text(owner), ":l": dynamo.Int(s.client.Until(lease))}
	condition := "#o = :o AND " + pending
	if lease > 0 {
		condition += " AND #l < :l"
	}
	there, extended, err := s.update(ctx, id, "SET #l = :l", condition, final(values))
	switch {
	case errors.Is(err, assembly.ErrNotFound):
		return false, nil
	case err != nil || extended:
		return extended, failed("extend", id, err)
	}
	upload, err := s.readHead(there)
	held := upload.Owner == owner && upload.State != assembly.Done && upload.State != assembly.Aborted // for longer already
	return held && err == nil, failed("extend", id, err)
}

// Fail turns Open or Ready into Failed; no other state changes.
func (s *Store) Fail(ctx context.Context, id, reason string) error {
	_, _, err := s.update(ctx, id, "SET #st = :failed, #why = :why", "#st IN (:open, :ready)", dynamo.Item{
		":failed": dynamo.Text(string(assembly.Failed)), ":why": dynamo.Text(reason),
		":open": dynamo.Text(string(assembly.Open)), ":ready": dynamo.Text(string(assembly.Ready)),
	})
	return failed("fail", id, err)
}

// Finish sets the final state, whoever asks, and ends all leases. The first final state
// stays.
func (s *Store) Finish(ctx context.Context, id string, state assembly.State, reason string) error {
	if state != assembly.Done && state != assembly.Aborted {
		return failed("finish", id, fmt.Errorf("%q is not a final state", state))
	}
	_, _, err := s.update(ctx, id, "SET #st = :st, #why = :why, #x = :x REMOVE #os, #o, #l", pending, final(dynamo.Item{
		":st": dynamo.Text(string(state)), ":why": dynamo.Text(reason), ":x": dynamo.Seconds(s.client.Now().Add(s.keep)),
	}))
	return failed("finish", id, err)
}

// Roll records the next generation, where the present one is generation-1; false when it
// is recorded already. A write of its own whose answer was lost counts as made.
func (s *Store) Roll(ctx context.Context, id string, generation int) (bool, error) {
	nonce := rand.Text()
	item, rolled, err := s.update(ctx, id, "SET #gen = :gen, #n = :n", "#gen = :before", dynamo.Item{
		":gen": dynamo.Int(int64(generation)), ":before": dynamo.Int(int64(generation - 1)), ":n": dynamo.Text(nonce),
	})
	if err != nil {
		return false, failed("roll over", id, err)
	}
	return rolled || dynamo.Read(item).Text("n") == nonce, nil
}

// Unfinished returns the uploads that are not final, in no order. One that was created in
// the last moments may be missing: the index lags behind.
func (s *Store) Unfinished(ctx context.Context) ([]assembly.Upload, error) {
	var uploads []assembly.Upload
	for shard := range shards {
		var keys []dynamo.Item
		query := dynamo.Query{Table: s.client.Parts(), Index: dynamo.IndexUnfinished, Attribute: dynamo.Pending, Partition: openPartition(shard)}
		for item, err := range s.client.Query(ctx, query) {
			if err != nil {
				return nil, fmt.Errorf("unfinished giant objects: %w", err)
			}
			keys = append(keys, dynamo.Item{dynamo.Group: item[dynamo.Group], dynamo.Member: item[dynamo.Member]})
		}
		items, err := s.client.GetAll(ctx, s.client.Parts(), keys)
		if err != nil {
			return nil, fmt.Errorf("unfinished giant objects: %w", err)
		}
		for _, item := range items {
			upload, err := s.readHead(item)
			if err != nil {
				return nil, fmt.Errorf("unfinished giant objects: %w", err)
			}
			if upload.State != assembly.Done && upload.State != assembly.Aborted {
				uploads = append(uploads, upload)
			}
		}
	}
	return uploads, nil
}
