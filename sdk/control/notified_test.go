package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"it lacks 1 key": Invalid("it lacks %d key", 1),
		"it lacks a key": fmt.Errorf("wrapped: %w", Invalid("it lacks a key")),
		"anything":       errors.New("anything"),
	} {
		if got := Message(err); got != want {
			t.Errorf("Message(%v) = %q, want %q", err, got, want)
		}
	}
}

func TestMisfit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"size":"12"}`:   "a value (string) is of another type than expected",
		`[]`:              "a value (array) is of another type than expected",
		`{"size":1e400}`:  "a value (number 1e400) is of another type than expected",
		`{`:               "it is no JSON",
		`{"time":"noon"}`: "a time is not written as RFC 3339 says",
		`{"time":5}`:      "it cannot be read: Time.UnmarshalJSON: input is not a JSON string",
	} {
		var into struct {
			Size int64     `json:"size"`
			Time time.Time `json:"time"`
		}
		if got := Misfit(json.Unmarshal([]byte(text), &into)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
