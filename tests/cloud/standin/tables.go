package standin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// item is the attributes of an item as they came, by name.
type item map[string]json.RawMessage

// entry is an item of a table and its size.
type entry struct {
	item  item
	bytes int64
}

// table is one table: items by their whole key, and for Query the sort keys of each
// partition.
type table struct {
	partition, sort string
	items           map[string]entry
	order           map[string][]string // where there are sort keys
}

// refusal is an error that DynamoDB answers with.
type refusal struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
	Item    item   `json:"Item,omitempty"` // of a condition that does not hold
}

func (r *refusal) Error() string { return r.Message }

// input holds the members of all requests that the tables know.
type input struct {
	TableName                 string
	Item                      item
	Key                       item
	ConditionExpression       string
	UpdateExpression          string
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]json.RawMessage
	ReturnValues              string
	IndexName                 string
	ScanIndexForward          *bool
	ExclusiveStartKey         item
	RequestItems              map[string]json.RawMessage
}

func (s *Service) perform(op string, body []byte) (any, error) {
	var in input
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case "BatchGetItem":
		return s.batchGet(in)
	case "BatchWriteItem":
		return s.batchDelete(in)
	}
	t, volume := s.tables[in.TableName], s.counted[in.TableName]
	if t == nil {
		return nil, &refusal{Type: "ResourceNotFoundException", Message: "no table " + in.TableName}
	}
	volume.Requests++
	switch op {
	case "GetItem":
		found := t.items[t.key(in.Key)]
		volume.read(found)
		return map[string]any{"Item": found.item}, nil
	case "PutItem", "UpdateItem", "DeleteItem":
		return t.write(op, in, volume)
	case "Query":
		return t.query(in, volume)
	case "Scan":
		if in.IndexName != "" {
			return t.query(in, volume)
		}
	}
	return nil, fmt.Errorf("the stand-in does not know %s", op)
}

func (v *Volume) read(e entry) {
	v.Reads++
	v.ReadUnits += max(1, (e.bytes+4095)/4096)
}

func (v *Volume) wrote(before, after entry) {
	v.Writes++
	v.WriteUnits += max(1, (max(before.bytes, after.bytes)+1023)/1024)
	v.Bytes += after.bytes - before.bytes
	v.Items += count(after) - count(before)
}

func count(e entry) int64 {
	if e.item == nil {
		return 0
	}
	return 1
}

func (t *table) key(of item) string {
	if t.sort == "" {
		return string(of[t.partition])
	}
	return string(of[t.partition]) + "\x00" + string(of[t.sort])
}

// write puts, updates or deletes one item where its condition holds.
func (t *table) write(op string, in input, volume *Volume) (any, error) {
	key := t.key(in.Key)
	if op == "PutItem" {
		key = t.key(in.Item)
	}
	before := t.items[key]
	e := expression{names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	holds, err := e.holds(in.ConditionExpression, before.item)
	if err != nil {
		return nil, err
	}
	if !holds {
		volume.wrote(before, before) // billed all the same
		return nil, &refusal{Type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", Message: "The conditional request failed", Item: before.item}
	}
	var next item
	switch op {
	case "PutItem":
		next = in.Item
	case "UpdateItem":
		if next, err = e.update(in.UpdateExpression, in.Key, before.item); err != nil {
			return nil, err
		}
	}
	after := entry{item: next, bytes: sizeOf(next)}
	t.set(key, in, after)
	volume.wrote(before, after)
	switch in.ReturnValues {
	case "ALL_OLD":
		return map[string]any{"Attributes": before.item}, nil
	case "ALL_NEW":
		return map[string]any{"Attributes": next}, nil
	}
	return struct{}{}, nil
}

// set stores an item, or removes it where it has no attributes.
func (t *table) set(key string, in input, after entry) {
	_, there := t.items[key]
	if after.item == nil {
		delete(t.items, key)
	} else {
		t.items[key] = after
	}
	if t.sort == "" || there == (after.item != nil) {
		return
	}
	of := in.Key
	if of == nil {
		of = in.Item
	}
	partition := string(of[t.partition])
	at, _ := slices.BinarySearch(t.order[partition], key)
	if after.item == nil {
		t.order[partition] = slices.Delete(t.order[partition], at, at+1)
	} else {
		t.order[partition] = slices.Insert(t.order[partition], at, key)
	}
}

// batchGet reads up to 100 items, all of them at once.
func (s *Service) batchGet(in input) (any, error) {
	responses := map[string][]item{}
	for name, raw := range in.RequestItems {
		var wanted struct{ Keys []item }
		if err := json.Unmarshal(raw, &wanted); err != nil {
			return nil, err
		}
		t, volume := s.tables[name], s.counted[name]
		if t == nil || len(wanted.Keys) > 100 {
			return nil, fmt.Errorf("%d keys of table %q", len(wanted.Keys), name)
		}
		volume.Requests++
		responses[name] = []item{}
		for _, key := range wanted.Keys {
			found := t.items[t.key(key)]
			volume.read(found)
			if found.item != nil {
				responses[name] = append(responses[name], found.item)
			}
		}
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": struct{}{}}, nil
}

func (s *Service) batchDelete(in input) (any, error) {
	for name, raw := range in.RequestItems {
		var writes []struct{ DeleteRequest *struct{ Key item } }
		if err := json.Unmarshal(raw, &writes); err != nil {
			return nil, err
		}
		t, volume := s.tables[name], s.counted[name]
		if t == nil {
			return nil, fmt.Errorf("no table %q", name)
		}
		volume.Requests++
		for _, write := range writes {
			if write.DeleteRequest == nil {
				return nil, fmt.Errorf("a batch that does not delete")
			}
			key := t.key(write.DeleteRequest.Key)
			before := t.items[key]
			t.set(key, input{Key: write.DeleteRequest.Key}, entry{})
			volume.wrote(before, entry{})
		}
	}
	return map[string]any{"UnprocessedItems": struct{}{}}, nil
}

// pageBytes is what a Query reads at most.
const pageBytes = 1 << 20

// query reads one partition of a table; an index is empty.
func (t *table) query(in input, volume *Volume) (any, error) {
	found, read := []item{}, int64(0)
	answer := map[string]any{}
	if in.IndexName == "" {
		keys := slices.Clone(t.order[string(in.ExpressionAttributeValues[":p"])])
		descending := in.ScanIndexForward != nil && !*in.ScanIndexForward
		if descending {
			slices.Reverse(keys)
		}
		if in.ExclusiveStartKey != nil {
			start := t.key(in.ExclusiveStartKey)
			keys = slices.DeleteFunc(keys, func(key string) bool { return (cmp.Compare(key, start) < 0) != descending || key == start })
		}
		for i, key := range keys {
			e := t.items[key]
			found, read = append(found, e.item), read+e.bytes
			if read > pageBytes && i < len(keys)-1 {
				answer["LastEvaluatedKey"] = item{t.partition: e.item[t.partition], t.sort: e.item[t.sort]}
				break
			}
		}
	}
	volume.Reads += int64(len(found))
	volume.ReadUnits += max(1, (read+4095)/4096)
	answer["Items"], answer["Count"], answer["ScannedCount"] = found, len(found), len(found)
	return answer, nil
}
