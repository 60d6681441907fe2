package s3driver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestUploadsOfSomethingElse: a list of another upload, and a completion of another key, are
// not the answer to what was asked for.
func TestUploadsOfSomethingElse(t *testing.T) {
	ref := driver.UploadRef{Key: "k", ID: "u"}
	for name, test := range map[string]struct {
		call     string
		document string
		kind     driver.Kind
		text     string
	}{
		"parts":                {"parts", "<ListPartsResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated></ListPartsResult>", 0, ""},
		"parts of a bucket":    {"parts", "<ListPartsResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated></ListPartsResult>", driver.KindInvalidArgument, `of bucket "b"`},
		"parts of a key":       {"parts", "<ListPartsResult><Key>K</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated></ListPartsResult>", driver.KindInvalidArgument, `of key "K"`},
		"parts of an upload":   {"parts", "<ListPartsResult><Key>k</Key><UploadId>v</UploadId><IsTruncated>false</IsTruncated></ListPartsResult>", driver.KindInvalidArgument, `of upload "v"`},
		"parts without an end": {"parts", "<ListPartsResult><UploadId>u</UploadId></ListPartsResult>", driver.KindInvalidArgument, "whether more pages follow"},
		"parts and no marker":  {"parts", "<ListPartsResult><UploadId>u</UploadId><IsTruncated>true</IsTruncated></ListPartsResult>", driver.KindInvalidArgument, "and not where"},
		"uploads":              {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><Prefix>k</Prefix><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>", 0, ""},
		"uploads of a bucket":  {"uploads", "<ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>", driver.KindInvalidArgument, `of bucket "b"`},
		"uploads of a prefix":  {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><Prefix>l</Prefix><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>", driver.KindInvalidArgument, `of prefix "l"`},
		"parts after a part":   {"parts", "<ListPartsResult><UploadId>u</UploadId><PartNumberMarker>7</PartNumberMarker><IsTruncated>false</IsTruncated></ListPartsResult>", driver.KindInvalidArgument, `begins after "7"`},
		"parts from the first": {"parts", "<ListPartsResult><UploadId>u</UploadId><PartNumberMarker>0</PartNumberMarker><IsTruncated>false</IsTruncated></ListPartsResult>", 0, ""},
		"uploads in folders":   {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>k/</Prefix></CommonPrefixes></ListMultipartUploadsResult>", driver.KindInvalidArgument, "by the delimiter"},
		"uploads, a delimiter": {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>", driver.KindInvalidArgument, "by the delimiter"},
		"uploads after a key":  {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><KeyMarker>l</KeyMarker><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>", driver.KindInvalidArgument, `begins after "l"`},
		"uploads, no end":      {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket></ListMultipartUploadsResult>", driver.KindInvalidArgument, "whether more pages follow"},
		"uploads, no marker":   {"uploads", "<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>", driver.KindInvalidArgument, "and not where"},
		"begun":                {"create", "<InitiateMultipartUploadResult><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>", 0, ""},
		"begun for a key":      {"create", "<InitiateMultipartUploadResult><Key>l</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>", driver.KindInvalidArgument, `of key "l"`},
		"completed":            {"complete", `<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><ETag>"e-1"</ETag></CompleteMultipartUploadResult>`, 0, ""},
		"completed a key":      {"complete", `<CompleteMultipartUploadResult><Key>l</Key><ETag>"e-1"</ETag></CompleteMultipartUploadResult>`, driver.KindUnavailable, `of key "l"`},
		"completed in another": {"complete", `<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag>"e-1"</ETag></CompleteMultipartUploadResult>`, driver.KindUnavailable, `of bucket "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			bucket, _ := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Request-Id", "R1")
				fmt.Fprint(w, test.document)
			})
			var err error
			switch test.call {
			case "parts":
				_, err = bucket.ListParts(t.Context(), driver.ListPartsRequest{Upload: ref})
			case "uploads":
				_, err = bucket.ListUploads(t.Context(), driver.ListUploadsRequest{Prefix: "k"})
			case "create":
				_, err = bucket.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			case "complete":
				_, err = bucket.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "e"}}})
			}
			if driver.KindOf(err) != test.kind || err != nil && (!strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), "R1")) {
				t.Errorf("%s = %v (%s), want %s and %q", test.call, err, driver.KindOf(err), test.kind, test.text)
			}
		})
	}
}

// TestLoginPagesDeleteNothing: a success without a document counts only as the store's.
func TestLoginPagesDeleteNothing(t *testing.T) {
	for name, test := range map[string]struct {
		always bool // the profile's request-id
		status int
		id     string
		done   bool
	}{
		"the store's":              {true, 204, "id", true},
		"another status":           {false, 200, "id", true},
		"a store without ids":      {false, 204, "", true},
		"a login page":             {false, 200, "", false},
		"no content of a stranger": {true, 204, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			profile := rich
			profile.RequestID = test.always
			bucket, _ := answering(t, profile, func(w http.ResponseWriter, _ *http.Request) {
				if w.Header().Del("X-Amz-Request-Id"); test.id != "" {
					w.Header().Set("X-Amz-Request-Id", test.id)
				}
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(test.status)
			})
			for op, err := range map[string]error{
				"Delete":      bucket.Delete(t.Context(), driver.DeleteRequest{Key: "k"}),
				"AbortUpload": bucket.AbortUpload(t.Context(), driver.UploadRef{Key: "k", ID: "u"}),
			} {
				if (err == nil) != test.done || err != nil && !strings.Contains(err.Error(), "does not speak S3") {
					t.Errorf("%s = %v", op, err)
				}
			}
		})
	}
}
