package bucket_test

import (
	"io"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

func TestOpenedBodyOutlivesItsBlob(t *testing.T) {
	t.Parallel()
	store, err := bucket.Open("", bucket.Sums{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for name, text := range map[string]string{"in memory": "hello", "in a file": strings.Repeat("x", 100_000)} {
		blob, err := store.Receive(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		body, err := store.Open(blob)
		if err != nil {
			t.Fatal(err)
		}
		store.Discard(blob)
		got, err := io.ReadAll(body)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if _, err := store.Open(blob); name == "in a file" && err == nil {
			t.Errorf("%s: opened after the last hold was given up", name)
		}
	}
}
