package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestAnswersToSomethingElse: what COS says of a list, and of what it wrote, is compared with
// what was asked for. A success without a document counts only with COS's request id.
func TestAnswersToSomethingElse(t *testing.T) {
	t.Parallel()
	parts := func(inside string) string { return "<ListPartsResult>" + inside + "</ListPartsResult>" }
	uploads := func(inside string) string {
		return "<ListMultipartUploadsResult><Prefix>k</Prefix><IsTruncated>false</IsTruncated>" + inside + "</ListMultipartUploadsResult>"
	}
	for name, test := range map[string]struct {
		call     string
		id       string
		document string
		kind     driver.Kind
		text     string
	}{
		"parts":               {"parts", "id", parts("<Key>k</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated>"), 0, ""},
		"parts of a bucket":   {"parts", "id", parts("<Bucket>other-1250000000</Bucket><UploadId>u</UploadId><IsTruncated>false</IsTruncated>"), driver.KindInvalidArgument, `of bucket "other-1250000000"`},
		"parts of a key":      {"parts", "id", parts("<Key>l</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated>"), driver.KindInvalidArgument, `of key "l"`},
		"parts of an upload":  {"parts", "id", parts("<Key>k</Key><UploadId>v</UploadId><IsTruncated>false</IsTruncated>"), driver.KindInvalidArgument, `of upload "v"`},
		"parts, no end":       {"parts", "id", parts("<UploadId>u</UploadId>"), driver.KindInvalidArgument, "whether more pages follow"},
		"parts, no marker":    {"parts", "id", parts("<UploadId>u</UploadId><IsTruncated>true</IsTruncated>"), driver.KindInvalidArgument, "and not where"},
		"parts from no.":      {"parts", "id", parts("<UploadId>u</UploadId><PartNumberMarker>7</PartNumberMarker><IsTruncated>false</IsTruncated>"), driver.KindInvalidArgument, `begins after "7"`},
		"parts from the 1st":  {"parts", "id", parts("<UploadId>u</UploadId><PartNumberMarker>0</PartNumberMarker><IsTruncated>false</IsTruncated>"), 0, ""},
		"uploads":             {"uploads", "id", uploads("<KeyMarker/><Delimiter/><CommonPrefixes/>"), 0, ""},
		"uploads, folders":    {"uploads", "id", uploads("<CommonPrefixes><Prefix>k/</Prefix></CommonPrefixes>"), driver.KindInvalidArgument, "by the delimiter"},
		"uploads, delimiter":  {"uploads", "id", uploads("<Delimiter>/</Delimiter>"), driver.KindInvalidArgument, "by the delimiter"},
		"uploads after a key": {"uploads", "id", uploads("<KeyMarker>l</KeyMarker>"), driver.KindInvalidArgument, `begins after "l"`},
		"uploads of a bucket": {"uploads", "id", uploads("<Bucket>other-1250000000</Bucket>"), driver.KindInvalidArgument, `of bucket "other-1250000000"`},
		"begun for a key":     {"create", "id", "<R><Key>l</Key><UploadId>u</UploadId></R>", driver.KindInvalidArgument, `of key "l"`},
		"completed":           {"complete", "id", `<R><Key>k</Key><ETag>"e"</ETag></R>`, 0, ""},
		"completed a key":     {"complete", "id", `<R><Key>l</Key><ETag>"e"</ETag></R>`, driver.KindUnavailable, `of key "l"`},
		"deleted":             {"delete", "id", "", 0, ""},
		"a login page":        {"delete", "", "<html></html>", driver.KindInvalidArgument, "does not speak COS"},
		"aborted":             {"abort", "id", "", 0, ""},
		"aborted by a page":   {"abort", "", "<html></html>", driver.KindInvalidArgument, "does not speak COS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openAt(t, "anonymous", map[string]string{"endpoint": serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.id != "" {
					w.Header().Set("X-Cos-Request-Id", test.id)
				}
				_, _ = w.Write([]byte(test.document))
			})})
			ref := driver.UploadRef{Key: "k", ID: "u"}
			var err error
			switch test.call {
			case "parts":
				_, err = b.ListParts(t.Context(), driver.ListPartsRequest{Upload: ref})
			case "uploads":
				_, err = b.ListUploads(t.Context(), driver.ListUploadsRequest{Prefix: "k"})
			case "create":
				_, err = b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			case "complete":
				_, err = b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "e"}}})
			case "delete":
				err = b.Delete(t.Context(), driver.DeleteRequest{Key: "k"})
			case "abort":
				err = b.AbortUpload(t.Context(), ref)
			}
			if driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s = %v (%s), want %s and %q", test.call, err, driver.KindOf(err), test.kind, test.text)
			}
		})
	}
}
