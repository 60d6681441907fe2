package standin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// expression reads the expressions that dth writes: conditions of attribute_exists,
// attribute_not_exists, = and < with AND, OR and brackets; updates of SET, ADD and REMOVE.
type expression struct {
	names  map[string]string
	values map[string]json.RawMessage
	words  []string
}

func words(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", ",", " , ").Replace(text))
}

func (e *expression) next() string {
	if len(e.words) == 0 {
		return ""
	}
	word := e.words[0]
	e.words = e.words[1:]
	return word
}

// accept takes the next word if it is this one.
func (e *expression) accept(word string) bool {
	if len(e.words) == 0 || e.words[0] != word {
		return false
	}
	e.words = e.words[1:]
	return true
}

func (e *expression) holds(condition string, of item) (bool, error) {
	if condition == "" {
		return true, nil
	}
	e.words = words(condition)
	holds, err := e.either(of)
	if err == nil && len(e.words) > 0 {
		err = fmt.Errorf("condition %q: %q is not understood", condition, e.words[0])
	}
	return holds, err
}

func (e *expression) either(of item) (bool, error) {
	holds, err := e.both(of)
	for err == nil && e.accept("OR") {
		var other bool
		other, err = e.both(of)
		holds = holds || other
	}
	return holds, err
}

func (e *expression) both(of item) (bool, error) {
	holds, err := e.one(of)
	for err == nil && e.accept("AND") {
		var other bool
		other, err = e.one(of)
		holds = holds && other
	}
	return holds, err
}

func (e *expression) one(of item) (bool, error) {
	word := e.next()
	switch word {
	case "(":
		holds, err := e.either(of)
		if err == nil && !e.accept(")") {
			err = fmt.Errorf("a bracket is open")
		}
		return holds, err
	case "attribute_exists", "attribute_not_exists":
		opened := e.accept("(")
		_, there := of[e.names[e.next()]]
		if !opened || !e.accept(")") {
			return false, fmt.Errorf("%s wants brackets", word)
		}
		return there == (word == "attribute_exists"), nil
	}
	there, operator, value := of[e.names[word]], e.next(), e.values[e.next()]
	if value == nil {
		return false, fmt.Errorf("%q compares with nothing", word)
	}
	switch operator {
	case "=":
		return bytes.Equal(there, value), nil
	case "<":
		return there != nil && number(there) < number(value), nil
	}
	return false, fmt.Errorf("operator %q is not understood", operator)
}

// update returns the item as the update leaves it.
func (e *expression) update(update string, key, before item) (item, error) {
	after := item{}
	for _, from := range []item{key, before} {
		for name, value := range from {
			after[name] = value
		}
	}
	e.words = words(update)
	for verb := e.next(); verb != ""; {
		name := e.names[e.next()]
		if verb == "SET" && !e.accept("=") {
			return nil, fmt.Errorf("update %q: SET wants =", update)
		}
		switch verb {
		case "SET":
			after[name] = e.values[e.next()]
		case "ADD":
			after[name] = json.RawMessage(`{"N":"` + strconv.FormatInt(number(after[name])+number(e.values[e.next()]), 10) + `"}`)
		case "REMOVE":
			delete(after, name)
		default:
			return nil, fmt.Errorf("update %q: %q is not understood", update, verb)
		}
		if !e.accept(",") {
			verb = e.next()
		}
	}
	return after, nil
}

func number(value json.RawMessage) int64 {
	var read struct{ N string }
	_ = json.Unmarshal(value, &read) // what is no number is 0
	n, _ := strconv.ParseInt(read.N, 10, 64)
	return n
}

// sizeOf counts an item as DynamoDB does: names and values in bytes, numbers by their
// digits, lists with 3 bytes and 1 more for each element.
// docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func sizeOf(of item) int64 {
	size := 0
	for name, raw := range of {
		size += len(name) + valueSize(raw)
	}
	return int64(size)
}

func valueSize(raw json.RawMessage) int {
	var value struct {
		S, N *string
		B    *string
		L    []json.RawMessage
	}
	if json.Unmarshal(raw, &value) != nil {
		return 1 // a truth value or null
	}
	switch {
	case value.S != nil:
		return len(*value.S)
	case value.N != nil:
		return (utf8.RuneCountInString(*value.N)+1)/2 + 1
	case value.B != nil:
		return base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(*value.B, "=")))
	}
	size := 3
	for _, element := range value.L {
		size += 1 + valueSize(element)
	}
	return size
}
