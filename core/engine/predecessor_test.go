package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// The tests below carry the names of defects of Data Transfer Hub's S3 plugin
// (data-transfer-hub-cli 1.4.2), which dth replaces.

// TestPredecessorD4UploadOfAnotherKey: it looked for the upload of "file" by
// prefix and took that of "file-v2". Here the upload of another key is neither
// gone on with nor aborted.
//
// Shown to fail with both guards taken out: Side.ListUploads returns what only begins
// like the key, and abortBegun aborts it under its own key. Either one alone saves it.
func TestPredecessorD4UploadOfAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("file", content(9*minPart, 1), driver.Attributes{})
	bucket := w.open(w.destination.Endpoint(), "dst")
	defer bucket.Close()
	other, err := bucket.(driver.Uploader).CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "file-v2"})
	if err != nil {
		t.Fatal(err)
	}
	// The run is interrupted between Create and its record, so that the next one looks.
	w.destination.Inject(memdriver.Fault{Call: "CreateUpload", Key: "file", Times: 1, Effect: memdriver.LoseAnswer()})
	w.sync()
	_, got, err := w.destination.Get("dst", "file")
	if err != nil || !bytes.Equal(got, content(9*minPart, 1)) {
		t.Errorf("file has %d bytes, %v", len(got), err)
	}
	if open := w.destination.Uploads("dst"); len(open) != 1 || open[0].ID != other.ID {
		t.Errorf("open uploads %+v, want that of file-v2", open)
	}
}

// TestPredecessorD5QuotesInKeys: a key with a quote or a backslash that went in
// parts crashed the worker, because messages were built with Sprintf.
//
// Shown to fail with keys written into batches by Sprintf("%q"): four of the five are lost.
func TestPredecessorD5QuotesInKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{`a"b`, `a\b`, `{"bodyRange":"x"}`, "a\x00b", "%s%d%!"} {
		w.put(key, content(9*minPart, 1), driver.Attributes{})
	}
	w.sync()
	w.same()
}

// TestPredecessorD8MixOfTwoVersions: ranged GETs had no If-Match and a resumed upload
// was not checked for the source's version. Every GET here carries the ETag, and a
// resumed upload is of the version and part size on record, or it is begun anew.
//
// Shown to fail with the part size left out of what resume compares: the parts do not
// make the object. TestRewrittenObjectIsNeverTorn changes the source under a copy.
func TestPredecessorD8MixOfTwoVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(20*minPart, 1), driver.Attributes{})
	ctx, interrupt := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Do(interrupt)})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Hold(release)})
	if _, err := w.trySync(ctx); err == nil {
		t.Fatal("the run was not interrupted")
	}
	w.destination.Heal()
	w.settings.PartSize = 2 * minPart // parts on record are of another size
	report := w.sync()
	w.same()
	if report.Bytes.Resumed != 0 {
		t.Errorf("%d bytes of parts of another size were taken over", report.Bytes.Resumed)
	}
}

// TestPredecessorD11MetadataLost: metadata was read by a HEAD of its own, whose failure
// was taken for "none". Here it comes with the GET; there is no HEAD to fail.
func TestPredecessorD11MetadataLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(403, "AccessDenied")})
	for i, size := range []int{0, 10, 9 * minPart} {
		w.put(fmt.Sprint(i), content(size, 1), driver.Attributes{
			ContentDisposition: "inline", Expires: "Thu, 01 Dec 2033 16:00:00 GMT", Metadata: []driver.Metadata{{Name: "a", Value: "b"}},
		})
	}
	w.sync()
	w.same()
}

// TestPredecessorD12NoKeyIsTooShallowOrDecodedTwice: shallow keys were lost below a
// listing depth, and "a+b%41" arrived as "a bA".
//
// Shown to fail with keys decoded once more when they are put into a batch, and with keys
// above the first "/" passed over by the finder. That the finder waits for no empty queue
// is TestPredecessorFleet3NoGateForAll.
func TestPredecessorD12NoKeyIsTooShallowOrDecodedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a+b%41", "top", "d/one", "d/e/two", "d/e/f/three"} {
		w.put(key, content(3, 1), driver.Attributes{})
	}
	w.sync()
	w.same()
}
