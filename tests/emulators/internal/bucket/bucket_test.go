package bucket

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Sums{CRC64: true, BlockSHA1: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func receive(t *testing.T, s *Store, body []byte) *Blob {
	t.Helper()
	b, err := s.Receive(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, s *Store, key string, body []byte) {
	t.Helper()
	b := receive(t, s, body)
	defer s.Discard(b)
	if err := s.Put(Object{Key: key, Blob: b}, nil); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *Store, key string) []byte {
	t.Helper()
	_, body, ok := s.Read(key)
	if !ok {
		t.Fatalf("%s is not there", key)
	}
	defer body.Close()
	all, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func bodies(t *testing.T, s *Store) int {
	t.Helper()
	entries, err := os.ReadDir(s.spool.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// random returns bytes that are the same for the same length.
func random(n int) []byte {
	body := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(body) // never fails
	return body
}

func TestBodiesOfAllSizesComeBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, inMemory, inMemory + 1, BlockSize, BlockSize + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := open(t, "")
			put(t, s, "key", random(n))
			if !bytes.Equal(read(t, s, "key"), random(n)) {
				t.Error("the body differs")
			}
			o, _ := s.Get("key")
			sum := md5.Sum(random(n))
			if o.Blob.Size != int64(n) || !bytes.Equal(o.Blob.MD5, sum[:]) || o.Blob.CRC64 != crc64.Checksum(random(n), crc64.MakeTable(crc64.ECMA)) {
				t.Errorf("size or sums are wrong: %+v", o.Blob)
			}
			if blocks := max(1, (n+BlockSize-1)/BlockSize); len(o.Blob.Blocks) != blocks {
				t.Errorf("%d blocks, want %d", len(o.Blob.Blocks), blocks)
			}
		})
	}
}

func TestBodyCanBeReadFromAnywhere(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	id, err := s.CreateUpload(Upload{Object: Object{Key: "key"}})
	if err != nil {
		t.Fatal(err)
	}
	whole := random(inMemory + 100)
	for i, piece := range [][]byte{whole[:50], whole[50:51], {}, whole[51:]} {
		b := receive(t, s, piece)
		if err := s.PutPart(id, Part{Number: i + 1, Blob: b}); err != nil {
			t.Fatal(err)
		}
		s.Discard(b)
	}
	if _, err := s.Complete(id, all); err != nil {
		t.Fatal(err)
	}
	_, body, _ := s.Read("key")
	defer body.Close()
	for _, at := range []int64{0, 49, 50, 51, 52, inMemory, int64(len(whole)) - 1, int64(len(whole))} {
		if _, err := body.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, whole[at:]) {
			t.Errorf("from %d: %d bytes, %v, want %d", at, len(got), err, len(whole)-int(at))
		}
	}
}

func all(_ *Object, u Upload, parts []Part) (Object, []Part, error) { return u.Object, parts, nil }

func TestJoinedSumsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for name, lengths := range map[string][]int{
		"blocks": {BlockSize, BlockSize, 7}, "odd": {1, 0, inMemory + 3, 5, 5, 5}, "one": {3},
	} {
		id, err := s.CreateUpload(Upload{Object: Object{Key: name}})
		if err != nil {
			t.Fatal(err)
		}
		var whole []byte
		for i, n := range lengths {
			b := receive(t, s, random(n))
			if err := s.PutPart(id, Part{Number: i + 1, Blob: b}); err != nil {
				t.Fatal(err)
			}
			s.Discard(b)
			whole = append(whole, random(n)...)
		}
		o, err := s.Complete(id, all)
		if err != nil {
			t.Fatal(err)
		}
		want := receive(t, s, whole)
		want.MD5, want.Pieces, o.Blob.Pieces = nil, nil, nil
		if name == "odd" {
			want.Blocks = nil
		}
		if diff := cmp.Diff(want, o.Blob); diff != "" {
			t.Errorf("%s (-whole +joined):\n%s", name, diff)
		}
	}
}

func TestPutAsksBeforeItReplaces(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	put(t, s, "key", []byte("old"))
	b := receive(t, s, []byte("new"))
	refusal := errors.New("no")
	err := s.Put(Object{Key: "key", Blob: b}, func(old *Object) error {
		if old == nil {
			t.Error("allow did not see the old object")
		}
		return refusal
	})
	if !errors.Is(err, refusal) || string(read(t, s, "key")) != "old" {
		t.Errorf("a refused Put: %v, the object is %q", err, read(t, s, "key"))
	}
}

func TestBodiesThatNobodyNeedsGo(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	large := random(inMemory + 1)
	put(t, s, "key", large)
	put(t, s, "key", large)
	if n := bodies(t, s); n != 1 {
		t.Errorf("after replacing: %d bodies, want 1", n)
	}
	_, body, _ := s.Read("key")
	if _, err := s.Delete("key"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, large) {
		t.Errorf("a body in use did not outlive its object: %v", err)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(io.MultiReader(bytes.NewReader(large), brokenReader{})); err == nil {
		t.Error("Receive did not tell that the body broke off")
	}
	id, err := s.CreateUpload(Upload{Object: Object{Key: "uploaded"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b := receive(t, s, large)
		if err := s.PutPart(id, Part{Number: 1, Blob: b}); err != nil {
			t.Fatal(err)
		}
		s.Discard(b)
	}
	if err := s.Abort(id); err != nil {
		t.Fatal(err)
	}
	if n := bodies(t, s); n != 0 {
		t.Errorf("%d bodies are left, want none", n)
	}
	if err := s.Abort(id); !errors.Is(err, ErrNoUpload) {
		t.Errorf("the second Abort: %v, want ErrNoUpload", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestListIsAscendingInPages(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	var want []string
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(3 * longestRun) {
		put(t, s, fmt.Sprintf("k/%05d", i), nil)
	}
	for i := range 3 * longestRun {
		if i%3 == 0 {
			if ok, err := s.Delete(fmt.Sprintf("k/%05d", i)); !ok || err != nil {
				t.Fatal(ok, err)
			}
			continue
		}
		want = append(want, fmt.Sprintf("k/%05d", i))
	}
	put(t, s, "j", nil)
	put(t, s, "l", nil)
	var got []string
	for q := (Query{Prefix: "k/", Limit: 100}); ; {
		page := s.List(q)
		for _, o := range page.Objects {
			got = append(got, o.Key)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestListGroupsByDelimiter(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for _, key := range []string{"a", "b/1", "b/2", "b0", "c//x", "c/y", "é/1"} {
		put(t, s, key, nil)
	}
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"all":               {Query{Delimiter: "/", Limit: 10}, "a b0 [b/] [c/] [é/]"}, // keys, then groups
		"pages of one":      {Query{Delimiter: "/", Limit: 1}, "a | [b/] | b0 | [c/] | [é/]"},
		"inside a group":    {Query{Delimiter: "/", Prefix: "c/", Limit: 10}, "c/y [c//]"},
		"after a group":     {Query{Delimiter: "/", After: "b/", Limit: 10}, "b0 [c/] [é/]"},
		"after a key of it": {Query{Delimiter: "/", After: "b/1", Limit: 10}, "b0 [b/] [c/] [é/]"},
		"nothing":           {Query{Prefix: "z", Limit: 10}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var pages []string
			for q := c.query; ; {
				page := s.List(q)
				var items []string
				for _, o := range page.Objects {
					items = append(items, o.Key)
				}
				for _, group := range page.Groups {
					items = append(items, "["+group+"]")
				}
				pages = append(pages, strings.Join(items, " "))
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			got := strings.Join(pages, " | ")
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatWasKeptIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	large := random(inMemory + 1)
	put(t, first, "large", []byte("old"))
	put(t, first, "large", large)
	put(t, first, "gone", large)
	b := receive(t, first, []byte("small"))
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	small := Object{Key: "small", Blob: b, ETag: "tag", Modified: modified, Class: "c", Header: http.Header{"A": {"1"}}, Tags: map[string]string{"t": "v"}}
	if err := first.Put(small, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Delete("gone"); err != nil {
		t.Fatal(err)
	}
	if err := first.Update("small", func(o *Object) error { o.Tags["u"] = "w"; return nil }); err != nil {
		t.Fatal(err)
	}
	id, err := first.CreateUpload(Upload{Created: modified, Object: Object{Key: "uploaded"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.PutPart(id, Part{Number: 3, Blob: receive(t, first, large), ETag: "p"}); err != nil {
		t.Fatal(err)
	}
	// A killed process closes nothing, and may leave a body that it did not put
	// anywhere yet, and half a line.
	receive(t, first, random(inMemory+2))
	notes := filepath.Join(dir, "bodies", "notes.txt") // of whose folder it is
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	journal, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.WriteString(`{"Put":{"Key":"ha`); err != nil {
		t.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one reads what the first one rewrote
		s := open(t, dir)
		got, ok := s.Get("small")
		want := small
		want.Tags = map[string]string{"t": "v", "u": "w"}
		if diff := cmp.Diff(&want, got); !ok || diff != "" {
			t.Errorf("small (-want +got):\n%s", diff)
		}
		if !bytes.Equal(read(t, s, "large"), large) || len(s.List(Query{Limit: 10}).Objects) != 2 {
			t.Error("the objects are not those that were kept")
		}
		if parts, ok := s.Parts(id); !ok || len(parts) != 1 || parts[0].ETag != "p" || len(s.Uploads()) != 1 {
			t.Errorf("the upload is not there: %v", parts)
		}
		if n := bodies(t, s); n != 3 {
			t.Errorf("%d bodies and notes, want 3", n)
		}
		if _, err := os.Stat(notes); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTemporaryStoreLeavesNothing(t *testing.T) {
	t.Parallel()
	s, err := Open("", Sums{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "key", random(inMemory+1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", s.dir, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				key := fmt.Sprintf("key-%d", (i+j)%5)
				b, err := s.Receive(bytes.NewReader(random(inMemory + 1 + j)))
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Put(Object{Key: key, Blob: b}, nil); err != nil {
					t.Error(err)
				}
				s.Discard(b)
				if o, body, ok := s.Read(key); ok {
					if n, err := io.Copy(io.Discard, body); err != nil || n != o.Blob.Size {
						t.Errorf("read %d of %d bytes: %v", n, o.Blob.Size, err)
					}
					_ = body.Close()
				}
				s.List(Query{Limit: 3})
			}
		})
	}
	group.Wait()
	if n := bodies(t, s); n != 5 {
		t.Errorf("%d bodies, want 5", n)
	}
}

func BenchmarkPutSmall(b *testing.B) {
	s, err := Open("", Sums{CRC64: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := random(4 << 10)
	for i := 0; b.Loop(); i++ {
		blob, err := s.Receive(bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Put(Object{Key: fmt.Sprintf("%08x", uint32(i)*2654435761), Blob: blob}, nil); err != nil {
			b.Fatal(err)
		}
		s.Discard(blob)
	}
}
