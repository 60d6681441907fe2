package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Value is one attribute.
type Value = types.AttributeValue

// Item is the attributes of one item, or some of them, by name.
type Item = map[string]Value

// ErrMalformed says that an item holds what this version of dth did not write.
var ErrMalformed = errors.New("an item of the table is not as dth wrote it")

// Bytes returns b as a binary value, an empty one for nil.
func Bytes(b []byte) Value {
	if b == nil {
		b = []byte{} // nil would travel as null
	}
	return &types.AttributeValueMemberB{Value: b}
}

// Text returns s as a string that the console shows, or as a binary value where s is not
// valid UTF-8, which DynamoDB's strings must be.
func Text(s string) Value {
	if !utf8.ValidString(s) {
		return Bytes([]byte(s))
	}
	return &types.AttributeValueMemberS{Value: s}
}

// Int returns n as a number.
func Int(n int64) Value {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Seconds returns t as TTL wants it: seconds since 1970.
func Seconds(t time.Time) Value { return Int(t.Unix()) }

// PutText sets an attribute unless s is empty.
func PutText(item Item, name, s string) {
	if s != "" {
		item[name] = Text(s)
	}
}

// PutInt sets an attribute unless n is 0.
func PutInt(item Item, name string, n int64) {
	if n != 0 {
		item[name] = Int(n)
	}
}

// PutTime sets an attribute to nanoseconds since 1970 unless t is zero.
func PutTime(item Item, name string, t time.Time) {
	if !t.IsZero() {
		item[name] = Int(t.UnixNano())
	}
}

// PutTexts sets an attribute to a list unless it is empty.
func PutTexts(item Item, name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	list := make([]Value, len(texts))
	for i, text := range texts {
		list[i] = Text(text)
	}
	item[name] = &types.AttributeValueMemberL{Value: list}
}

// Reader reads an item whose attributes are absent where their value is zero. After the
// first malformed one, Err says which.
type Reader struct {
	item Item
	err  error
}

// Read begins reading.
func Read(item Item) *Reader { return &Reader{item: item} }

// Err returns ErrMalformed, wrapped, when an attribute could not be read.
func (r *Reader) Err() error { return r.err }

// Fail marks an attribute as malformed, for callers that find a value out of range.
func (r *Reader) Fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: attribute %s", ErrMalformed, name)
	}
}

// Has says whether the attribute is there.
func (r *Reader) Has(name string) bool { return r.item[name] != nil }

// Text reads what PutText wrote.
func (r *Reader) Text(name string) string { return r.text(name, r.item[name]) }

func (r *Reader) text(name string, value Value) string {
	switch value := value.(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberB:
		return string(value.Value)
	default:
		r.Fail(name)
	}
	return ""
}

// Bytes reads a binary value.
func (r *Reader) Bytes(name string) []byte {
	switch value := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return value.Value
	default:
		r.Fail(name)
	}
	return nil
}

// Int reads what PutInt wrote.
func (r *Reader) Int(name string) int64 {
	value := r.item[name]
	if value == nil {
		return 0
	}
	number, ok := value.(*types.AttributeValueMemberN)
	if !ok {
		r.Fail(name)
		return 0
	}
	n, err := strconv.ParseInt(number.Value, 10, 64)
	if err != nil {
		r.Fail(name)
	}
	return n
}

// Time reads what PutTime wrote, in UTC.
func (r *Reader) Time(name string) time.Time {
	if !r.Has(name) {
		return time.Time{}
	}
	return time.Unix(0, r.Int(name)).UTC()
}

// Texts reads what PutTexts wrote.
func (r *Reader) Texts(name string) []string {
	value := r.item[name]
	if value == nil {
		return nil
	}
	list, ok := value.(*types.AttributeValueMemberL)
	if !ok {
		r.Fail(name)
		return nil
	}
	texts := make([]string, len(list.Value))
	for i, one := range list.Value {
		texts[i] = r.text(name, one)
	}
	return texts
}
