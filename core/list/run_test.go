package list

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// writeRun writes a run of n records.
func writeRun(t *testing.T, n int) *run {
	t.Helper()
	w, err := createRun(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.append(appendRecord(nil, driver.Object{Key: fmt.Sprintf("%06d", i), ETag: fmt.Sprint(i * i)})); err != nil {
			t.Fatal(err)
		}
	}
	written, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(written.remove)
	return written
}

// readRun reads a run to its end.
func readRun(r *run) (int, error) {
	cursors, done, err := openRuns([]*run{r})
	defer done()
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		record, err := cursors[0].next()
		if err != nil || record == nil {
			return n, err
		}
		if _, err := record.object(); err != nil {
			return n, err
		}
	}
}

func TestDamagedRunIsAnError(t *testing.T) {
	t.Parallel()
	const n = 5000
	size := func(r *run) int64 {
		end, err := r.file.Seek(0, io.SeekEnd)
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	tests := map[string]func(*run) error{
		"without its last byte": func(r *run) error { return r.file.Truncate(size(r) - 1) },
		"half":                  func(r *run) error { return r.file.Truncate(size(r) / 2) },
		"empty":                 func(r *run) error { return r.file.Truncate(0) },
		"a byte differs": func(r *run) error {
			at := size(r) / 2
			var was [1]byte
			if _, err := r.file.ReadAt(was[:], at); err != nil {
				return err
			}
			_, err := r.file.WriteAt([]byte{was[0] ^ 1}, at)
			return err
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := writeRun(t, n)
			if got, err := readRun(r); got != n || err != nil {
				t.Fatalf("whole, it has %d records, %v", got, err)
			}
			if err := damage(r); err != nil {
				t.Fatal(err)
			}
			if got, err := readRun(r); err == nil || !strings.Contains(err.Error(), "is damaged") {
				t.Errorf("%d records and %v, want it to be called damaged", got, err)
			}
		})
	}
}

// Runs of runs: the levels fill up, and all objects come out once and in order.
func TestRunsAreMergedInLevels(t *testing.T) {
	t.Parallel()
	s := &sorter{directory: t.TempDir()}
	defer s.close()
	const runs = fanIn*fanIn + fanIn + 5
	for i := range runs {
		for j := range 3 {
			if err := s.add(t.Context(), driver.Object{Key: fmt.Sprintf("%06d", (i*7+j*1000)%1_000_000)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.spill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	open := 0
	for _, level := range s.levels {
		open += len(level)
	}
	if open > 3*fanIn {
		t.Errorf("%d runs are open", open)
	}
	seen, last := map[string]bool{}, ""
	err := s.finish(t.Context(), func(objects []driver.Object) error {
		for _, object := range objects {
			if object.Key <= last {
				return fmt.Errorf("%q after %q", object.Key, last)
			}
			last = object.Key
			seen[object.Key] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for i := range runs {
		for j := range 3 {
			want[fmt.Sprintf("%06d", (i*7+j*1000)%1_000_000)] = true
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d keys came out, %d went in", len(seen), len(want))
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, driver.Object{Key: "k", Size: 5, ETag: "e", StorageClass: "c"}))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := record(data)
		object, err := r.object()
		if err != nil {
			return
		}
		if again, err := record(appendRecord(nil, object)).object(); err != nil || again.Key != object.Key || again.Size != object.Size || again.ETag != object.ETag || again.Frozen != object.Frozen {
			t.Errorf("%+v became %+v, %v", object, again, err)
		}
	})
}

// The name of a run is free as soon as its file has none: what another process put there
// stays.
func TestRunLeavesItsNameToOthers(t *testing.T) {
	t.Parallel()
	written := writeRun(t, 3)
	if err := os.WriteFile(written.file.Name(), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	written.remove()
	if got, err := os.ReadFile(written.file.Name()); err != nil || string(got) != "mine" {
		t.Errorf("the file holds %q, %v", got, err)
	}
}
