package dynamodb

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
)

// The record of an upload lies in one of 16 partitions, so that all are listed without a
// scan; its parts lie in a partition of their own, named after the intent, so that a new
// intent begins without parts. Parts are never deleted, which would cost as much as
// writing them: TTL removes them for nothing, and a part that went too early is copied again.

// partsKept is how long parts are kept.
const partsKept = 14 * day

// hold is what this process knows of an upload that it holds.
type hold struct {
	intent  string // names the intent that the upload began with
	renewed time.Time
}

func isBusy(err error) bool { return errors.Is(err, journal.ErrBusy) }

// name returns 32 hexadecimal digits that stand for a key: a sort key may be shorter
// than a key, and must be UTF-8.
func name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

func uploadPartition(shard byte) string { return "UP#" + string(shard) }

func uploadKey(key string) dynamo.Item {
	n := name(key)
	return dynamo.Item{dynamo.Group: dynamo.Text(uploadPartition(n[0])), dynamo.Member: dynamo.Text(n)}
}

func partsPartition(intent string) string { return "UQ#" + intent }

// held is the condition that an upload is the owner's, mine that it is, or nobody's any
// more. They need :o, and mine :ended.
const (
	held = "#o = :o"
	mine = "(#o = :o OR #l < :ended)"
)

func (j *Journal) owned() dynamo.Item {
	return dynamo.Item{":o": dynamo.Text(j.options.Owner), ":ended": dynamo.Int(j.client.Ended())}
}

func (j *Journal) holds(key string) (hold, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h, ok := j.held[key]
	return h, ok
}

func (j *Journal) remember(key string, h hold) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held[key] = h
}

func (j *Journal) drop(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.held, key)
}

// IntendUpload records an upload before it is created, replacing an older intent for the
// key together with its parts, and takes the lease of it. It is journal.ErrBusy while
// another process holds the key's.
func (j *Journal) IntendUpload(ctx context.Context, upload journal.Upload) error {
	intent, now := newNonce()+newNonce(), j.client.Now()
	item := uploadKey(upload.Key)
	item["key"] = dynamo.Bytes([]byte(keyScope + upload.Key))
	item["u"] = dynamo.Bytes(packed.AppendUpload(nil, upload))
	item["i"] = dynamo.Text(intent)
	item["o"] = dynamo.Text(j.options.Owner)
	item["l"] = dynamo.Int(j.client.Until(j.options.Lease))
	dynamo.PutText(item, "id", upload.ID)
	err := j.client.Put(ctx, dynamo.Write{
		Table: j.client.Parts(), Item: item, Condition: "attribute_not_exists(#pk) OR " + mine, Values: j.owned(),
	})
	if _, unmet := dynamo.Unmet(err); unmet {
		err = journal.ErrBusy
	}
	if err != nil {
		return fmt.Errorf("journal: intend upload of %q: %w", upload.Key, err)
	}
	j.remember(upload.Key, hold{intent, now})
	return nil
}

// StartUpload adds the ID that the destination gave. It is journal.ErrNotFound when the
// key has no recorded upload, and journal.ErrBusy when another process took it.
func (j *Journal) StartUpload(ctx context.Context, key, id string) error {
	_, err := j.renew(ctx, key, "SET #l = :l, #id = :id", dynamo.Item{":id": dynamo.Text(id)})
	if err != nil {
		return fmt.Errorf("journal: start upload of %q: %w", key, err)
	}
	return nil
}

// AmendUpload replaces what is on record of the key's upload but its ID and its parts. It is
// journal.ErrNotFound when the key has no recorded upload, and journal.ErrBusy when another
// process took it.
func (j *Journal) AmendUpload(ctx context.Context, upload journal.Upload) error {
	_, err := j.renew(ctx, upload.Key, "SET #l = :l, #u = :u", dynamo.Item{":u": dynamo.Bytes(packed.AppendUpload(nil, upload))})
	if err != nil {
		return fmt.Errorf("journal: amend upload of %q: %w", upload.Key, err)
	}
	return nil
}

// renew changes the record of an upload that this process holds and makes its lease last
// longer. It returns the record.
func (j *Journal) renew(ctx context.Context, key, update string, values dynamo.Item) (dynamo.Item, error) {
	condition := held
	all := dynamo.Item{":o": dynamo.Text(j.options.Owner)}
	if known, ok := j.holds(key); ok { // what was begun anew meanwhile is not the same upload any more
		condition += " AND #i = :i"
		all[":i"] = dynamo.Text(known.intent)
	}
	maps.Copy(all, values)
	return j.take(ctx, key, update, condition, all)
}

// take changes the record of an upload under a condition and makes this process its holder.
func (j *Journal) take(ctx context.Context, key, update, condition string, values dynamo.Item) (dynamo.Item, error) {
	now := j.client.Now()
	values[":l"] = dynamo.Int(j.client.Until(j.options.Lease))
	item, err := j.client.Update(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: uploadKey(key), Update: update, Condition: "attribute_exists(#pk) AND " + condition, Values: values,
	})
	if there, unmet := dynamo.Unmet(err); unmet {
		j.drop(key)
		if len(there) == 0 {
			return nil, journal.ErrNotFound
		}
		return nil, journal.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	j.remember(key, hold{dynamo.Read(item).Text("i"), now})
	return item, nil
}

// holding returns the name of the key's intent, renewing the lease where that is due.
func (j *Journal) holding(ctx context.Context, key string) (string, error) {
	known, ok := j.holds(key)
	if ok && j.client.Now().Sub(known.renewed) < j.options.Lease/10 {
		return known.intent, nil
	}
	item, err := j.renew(ctx, key, "SET #l = :l", nil)
	if err != nil {
		return "", err
	}
	return dynamo.Read(item).Text("i"), nil
}

// RecordPart remembers an acknowledged part of the key's upload, with one write, and
// renews the lease from time to time. It is journal.ErrNotFound when the key has no
// recorded upload, and journal.ErrBusy when another process took it.
func (j *Journal) RecordPart(ctx context.Context, key string, part journal.Part) error {
	intent, err := j.holding(ctx, key)
	if err == nil {
		err = j.client.Put(ctx, dynamo.Write{Table: j.client.Parts(), Item: dynamo.Item{
			dynamo.Group:   dynamo.Text(partsPartition(intent)),
			dynamo.Member:  dynamo.Text(fmt.Sprintf("P#%05d", part.Number)),
			dynamo.Expires: dynamo.Seconds(j.client.Now().Add(partsKept)),
			"no":           dynamo.Int(int64(part.Number)),
			"p":            dynamo.Bytes(packed.AppendPart(nil, part)),
		}})
	}
	if err != nil {
		return fmt.Errorf("journal: record part %d of %q: %w", part.Number, key, err)
	}
	return nil
}

// Upload returns the key's recorded upload and its parts by ascending number, or
// journal.ErrNotFound, and makes this process its holder: the copier goes on with it, or
// discards it. It is journal.ErrBusy while another process holds it.
func (j *Journal) Upload(ctx context.Context, key string) (journal.Upload, []journal.Part, error) {
	upload, parts, err := j.upload(ctx, key)
	if err != nil {
		return journal.Upload{}, nil, fmt.Errorf("journal: upload of %q: %w", key, err)
	}
	return upload, parts, nil
}

func (j *Journal) upload(ctx context.Context, key string) (journal.Upload, []journal.Part, error) {
	// Most keys have none: a look costs a fifth of a write that fails.
	item, err := j.client.Get(ctx, j.client.Parts(), uploadKey(key))
	if err != nil {
		return journal.Upload{}, nil, err
	}
	if len(item) == 0 {
		j.drop(key)
		return journal.Upload{}, nil, journal.ErrNotFound
	}
	if item, err = j.take(ctx, key, "SET #o = :o, #l = :l", mine, j.owned()); err != nil {
		return journal.Upload{}, nil, err
	}
	upload, err := readUpload(item)
	if err != nil {
		return journal.Upload{}, nil, err
	}
	parts, err := j.parts(ctx, dynamo.Read(item).Text("i"))
	return upload, parts, err
}

func (j *Journal) parts(ctx context.Context, intent string) ([]journal.Part, error) {
	var parts []journal.Part
	query := dynamo.Query{Table: j.client.Parts(), Attribute: dynamo.Group, Partition: partsPartition(intent)}
	for item, err := range j.client.Query(ctx, query) {
		if err != nil {
			return nil, err
		}
		r := dynamo.Read(item)
		number := int(r.Int("no"))
		part, err := packed.ReadPart(number, string(r.Bytes("p")))
		if err = errors.Join(err, r.Err()); err != nil {
			return nil, fmt.Errorf("part %d: %w", number, err)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func readUpload(item dynamo.Item) (journal.Upload, error) {
	r := dynamo.Read(item)
	key := r.Bytes("key")
	if len(key) == 0 {
		r.Fail("key")
		return journal.Upload{}, r.Err()
	}
	upload, err := packed.ReadUpload(string(key[len(keyScope):]), r.Text("id"), string(r.Bytes("u")))
	return upload, errors.Join(err, r.Err())
}

// Uploads returns, by ascending key, the recorded uploads that this process holds or
// nobody does. Those that another process is writing are left out. Who is to discard one takes
// it with Upload before.
func (j *Journal) Uploads(ctx context.Context) ([]journal.Upload, error) {
	var uploads []journal.Upload
	for _, shard := range []byte("0123456789abcdef") {
		query := dynamo.Query{Table: j.client.Parts(), Attribute: dynamo.Group, Partition: uploadPartition(shard)}
		for item, err := range j.client.Query(ctx, query) {
			if err != nil {
				return nil, fmt.Errorf("journal: uploads: %w", err)
			}
			r := dynamo.Read(item)
			if r.Text("o") != j.options.Owner && r.Int("l") >= j.client.Ended() {
				continue
			}
			upload, err := readUpload(item)
			if err = errors.Join(err, r.Err()); err != nil {
				return nil, fmt.Errorf("journal: uploads: %w", err)
			}
			uploads = append(uploads, upload)
		}
	}
	slices.SortFunc(uploads, func(a, b journal.Upload) int { return cmp.Compare(a.Key, b.Key) })
	return uploads, nil
}

// ForgetUpload removes the key's upload; harmless when absent. It is journal.ErrBusy,
// and nothing is removed, while another process holds it.
func (j *Journal) ForgetUpload(ctx context.Context, key string) error {
	j.drop(key)
	err := j.client.Delete(ctx, dynamo.Write{
		Table: j.client.Parts(), Key: uploadKey(key), Condition: "attribute_not_exists(#pk) OR " + mine, Values: j.owned(),
	})
	if _, unmet := dynamo.Unmet(err); unmet {
		err = journal.ErrBusy
	}
	if err != nil {
		return fmt.Errorf("journal: forget upload of %q: %w", key, err)
	}
	return nil
}
