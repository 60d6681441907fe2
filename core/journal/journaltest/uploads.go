package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

func uploadTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"an upload comes back with its parts":       testUploadRoundTrip,
		"an absent upload is not found":             testUploadAbsent,
		"a new intent replaces upload and parts":    testUploadReplaced,
		"a forgotten upload is gone with its parts": testUploadForgotten,
		"a done record forgets its key's upload":    testUploadDone,
		"a done record leaves an open upload":       testUploadLeftOpen,
		"what is not known of an upload stays so":   testUploadUnknown,
		"an amended upload keeps ID and parts":      testUploadAmended,
		"a part replaces the one of its number":     testPartReplaced,
		"parts are recorded by many at once":        testPartsConcurrent,
		"uploads come in byte order of their keys":  testUploadsOrder,
	}
}

func upload(key string) journal.Upload {
	return journal.Upload{
		Key:           key,
		SourceETag:    "\"etag\xff\"",
		SourceVersion: "version",
		Size:          5 << 40,
		PartSize:      512 << 20,
		Attributes: driver.Attributes{
			ContentType: "text/plain; charset=\"utf-8\"", ContentEncoding: "gzip", ContentLanguage: "de",
			ContentDisposition: "attachment; filename=\"\xe4.txt\"", CacheControl: "no-cache", Expires: "0",
			Metadata:     []driver.Metadata{{Name: "empty"}, {Name: "owner", Value: "Zoë \x00"}},
			StorageClass: "COOL", Tags: []driver.Tag{{Key: "empty"}, {Key: "kind", Value: "ü"}},
		},
		Terms:   "acl=private",
		Written: "%0A\xff", Changes: []string{"tags left out", ""},
		Intended: time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC), Modified: time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC),
		Bound:  journal.Binding{ETag: "W/\xff", Modified: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC), Encoding: "gzip"},
		Before: journal.Held{Looked: true, Exists: true, ETag: "before\xff", VersionID: "null"},
		Joined: "joined\xff-5",
		Listed: true, Open: []string{"another's \xff", ""},
		Left: []journal.Begun{
			{Key: "k\xff", ID: "left"},
			{Intended: time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC), Listed: true, Open: []string{"x"}},
		},
	}
}

func part(number int) journal.Part {
	return journal.Part{
		Number: number, Size: 8 << 20, ETag: fmt.Sprintf("etag-%d", number),
		Checksum:       driver.Checksum{Algorithm: driver.AlgorithmCRC32C, Value: "\x00\xff\x00\xff"},
		SourceChecksum: driver.Checksum{Algorithm: driver.AlgorithmQETag, Value: "\x96\x00"},
	}
}

func testUploadDone(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	for _, key := range []string{"done", "failed", "other"} {
		must(t, "IntendUpload", j.IntendUpload(ctx, upload(key)))
		must(t, "RecordPart", j.RecordPart(ctx, key, part(1)))
	}
	appendRecords(t, j, record("done"), failure("failed", "run"))
	if _, _, err := j.Upload(ctx, "done"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("the upload of a done object: %v, want ErrNotFound", err)
	}
	for _, key := range []string{"failed", "other"} {
		_, parts, err := j.Upload(ctx, key)
		must(t, "Upload", err)
		mustEqual(t, "parts", 1, len(parts))
	}
}

func testUploadLeftOpen(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "IntendUpload", j.IntendUpload(ctx, upload("k")))
	done := record("k")
	done.UploadOpen = true
	appendRecords(t, j, done)
	got, _, err := j.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "uploads", upload("k"), got)
	for kept, err := range j.Scan(ctx) {
		must(t, "Scan", err)
		if kept.UploadOpen {
			t.Error("the record itself says so, too")
		}
	}
}

func testUploadUnknown(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	for what, want := range map[string]journal.Upload{
		"nothing":          {Key: "k", Intended: upload("k").Intended},
		"terms":            {Key: "k", Intended: upload("k").Intended, Terms: "tags"},
		"an absent object": {Key: "k", Intended: upload("k").Intended, Before: journal.Held{Looked: true}},
		"no other upload":  {Key: "k", Intended: upload("k").Intended, Listed: true},
		"what it became":   {Key: "k", Intended: upload("k").Intended, Joined: "e"},
		"one left":         {Key: "k", Intended: upload("k").Intended, Left: []journal.Begun{{Key: "k"}}},
	} {
		must(t, "IntendUpload", j.IntendUpload(ctx, want))
		got, _, err := j.Upload(ctx, "k")
		must(t, "Upload", err)
		mustEqual(t, "uploads of which is known: "+what, want, got)
	}
}

func testUploadRoundTrip(t *testing.T, store Store) {
	for _, key := range hostileKeys() {
		j, ctx := store.Open(t), t.Context()
		want := upload(key)
		must(t, "IntendUpload", j.IntendUpload(ctx, want))
		got, parts, err := store.Open(t).Upload(ctx, key)
		must(t, "Upload", err)
		mustEqual(t, "intended uploads", want, got)
		mustEqual(t, "parts of an intended upload", 0, len(parts))

		j = store.Open(t)
		want.ID = "id\x00\xff"
		must(t, "StartUpload", j.StartUpload(ctx, key, want.ID))
		for _, number := range []int{10000, 2, 1, 10} {
			must(t, "RecordPart", j.RecordPart(ctx, key, part(number)))
		}
		got, parts, err = store.Open(t).Upload(ctx, key)
		must(t, "Upload", err)
		mustEqual(t, "started uploads", want, got)
		mustEqual(t, "parts", []journal.Part{part(1), part(2), part(10), part(10000)}, parts)
	}
}

func testUploadAbsent(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	_, _, err := j.Upload(ctx, "k")
	for what, err := range map[string]error{
		"Upload":      err,
		"AmendUpload": j.AmendUpload(ctx, upload("k")),
		"StartUpload": j.StartUpload(ctx, "k", "id"),
		"RecordPart":  j.RecordPart(ctx, "k", part(1)),
	} {
		if !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("%s of an absent upload returned %v, want ErrNotFound", what, err)
		}
	}
	must(t, "ForgetUpload", j.ForgetUpload(ctx, "k"))
	must(t, "IntendUpload", j.IntendUpload(ctx, upload("k")))
	_, parts, err := j.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "parts recorded before the intent", 0, len(parts))
}

func testUploadReplaced(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	for _, key := range []string{"k", "k2"} {
		must(t, "IntendUpload", j.IntendUpload(ctx, upload(key)))
		must(t, "StartUpload", j.StartUpload(ctx, key, "id-1"))
		must(t, "RecordPart", j.RecordPart(ctx, key, part(1)))
	}
	want := journal.Upload{Key: "k", SourceETag: "other", Size: 1}
	must(t, "IntendUpload", j.IntendUpload(ctx, want))
	got, parts, err := j.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "uploads", want, got)
	mustEqual(t, "parts of a replaced upload", 0, len(parts))
	_, parts, err = j.Upload(ctx, "k2")
	must(t, "Upload", err)
	mustEqual(t, "parts of another key", []journal.Part{part(1)}, parts)
}

func testUploadAmended(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	want := upload("k")
	want.Joined = ""
	must(t, "IntendUpload", j.IntendUpload(ctx, want))
	must(t, "StartUpload", j.StartUpload(ctx, "k", "id"))
	must(t, "RecordPart", j.RecordPart(ctx, "k", part(1)))
	want.Joined, want.ID = "etag\xff", "id"
	must(t, "AmendUpload", j.AmendUpload(ctx, want))
	got, parts, err := store.Open(t).Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "uploads", want, got)
	mustEqual(t, "parts of an amended upload", []journal.Part{part(1)}, parts)
}

func testUploadForgotten(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "IntendUpload", j.IntendUpload(ctx, upload("k")))
	must(t, "RecordPart", j.RecordPart(ctx, "k", part(1)))
	must(t, "ForgetUpload", j.ForgetUpload(ctx, "k"))
	if _, _, err := j.Upload(ctx, "k"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Upload of a forgotten upload returned %v, want ErrNotFound", err)
	}
	uploads, err := j.Uploads(ctx)
	must(t, "Uploads", err)
	mustEqual(t, "uploads", 0, len(uploads))
}

func testPartReplaced(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "IntendUpload", j.IntendUpload(ctx, upload("k")))
	must(t, "RecordPart", j.RecordPart(ctx, "k", journal.Part{Number: 1, ETag: "old"}))
	must(t, "RecordPart", j.RecordPart(ctx, "k", part(1)))
	_, parts, err := j.Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "parts", []journal.Part{part(1)}, parts)
}

func testPartsConcurrent(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "IntendUpload", j.IntendUpload(ctx, upload("k")))
	const parts = 200
	var recording sync.WaitGroup
	var want []journal.Part
	for number := 1; number <= parts; number++ {
		want = append(want, part(number))
		recording.Go(func() {
			if err := j.RecordPart(ctx, "k", part(number)); err != nil {
				t.Errorf("RecordPart %d: %v", number, err)
			}
		})
	}
	recording.Wait()
	_, got, err := store.Open(t).Upload(ctx, "k")
	must(t, "Upload", err)
	mustEqual(t, "parts", want, got)
}

func testUploadsOrder(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	var want []journal.Upload
	for i, key := range hostileKeys() {
		u := upload(key)
		must(t, "IntendUpload", j.IntendUpload(ctx, u))
		if i%2 == 0 {
			u.ID = fmt.Sprintf("id-%d", i)
			must(t, "StartUpload", j.StartUpload(ctx, key, u.ID))
		}
		want = append(want, u)
	}
	got, err := j.Uploads(ctx)
	must(t, "Uploads", err)
	mustEqual(t, "uploads", want, got)
}
