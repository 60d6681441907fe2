package main

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestAnswersToSomethingElse: what OSS says of a page, and of what it wrote, is compared with
// what was asked for.
func TestAnswersToSomethingElse(t *testing.T) {
	const entry = "<Contents><Key>p/a</Key><Size>1</Size></Contents>"
	list := func(inside string) string {
		return "<ListBucketResult><Name>" + suite + "</Name>" + inside + "</ListBucketResult>"
	}
	parts := func(inside string) string { return "<ListPartsResult>" + inside + "</ListPartsResult>" }
	for name, test := range map[string]struct {
		call     string
		document string
		kind     driver.Kind
		text     string
	}{
		"a page":                {"list", list("<Prefix>p%2F</Prefix><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount><EncodingType>url</EncodingType>" + entry), 0, ""},
		"another bucket":        {"list", "<ListBucketResult><Name>other</Name><IsTruncated>false</IsTruncated></ListBucketResult>", driver.KindInvalidArgument, `of bucket "other"`},
		"another prefix":        {"list", list("<Prefix>q/</Prefix><IsTruncated>false</IsTruncated>" + entry), driver.KindInvalidArgument, `of prefix "q/"`},
		"another number":        {"list", list("<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>" + entry), driver.KindInvalidArgument, "2 keys and has 1"},
		"no end":                {"list", list(entry), driver.KindInvalidArgument, "whether more pages follow"},
		"nothing":               {"list", "<ListBucketResult/>", driver.KindInvalidArgument, "does not speak OSS"},
		"no token":              {"list", list("<IsTruncated>true</IsTruncated>" + entry), driver.KindInvalidArgument, "and not where"},
		"a token too many":      {"list", list("<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>" + entry), driver.KindInvalidArgument, "no page follows"},
		"an entry without size": {"list", list("<IsTruncated>false</IsTruncated><Contents><Key>p/a</Key></Contents>"), driver.KindInvalidArgument, "no key or no size"},
		"an empty entry":        {"list", list("<IsTruncated>false</IsTruncated><Contents/>"), driver.KindInvalidArgument, "no key or no size"},
		"folders":               {"list", list("<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>p%2Fb%2F</Prefix></CommonPrefixes>" + entry), driver.KindInvalidArgument, "by the delimiter"},
		"a delimiter":           {"list", list("<Delimiter>%2F</Delimiter><IsTruncated>false</IsTruncated>" + entry), driver.KindInvalidArgument, "by the delimiter"},
		"empty ones":            {"list", list("<Delimiter/><StartAfter/><ContinuationToken/><CommonPrefixes/><IsTruncated>false</IsTruncated>" + entry), 0, ""},
		"the token asked for":   {"list", list("<ContinuationToken>t%2B1%3D</ContinuationToken><IsTruncated>false</IsTruncated>" + entry), 0, ""},
		"another token":         {"list", list("<ContinuationToken>other</ContinuationToken><IsTruncated>false</IsTruncated>" + entry), driver.KindInvalidArgument, `begins after "other"`},
		"another start":         {"list", list("<StartAfter>p%2F1</StartAfter><IsTruncated>false</IsTruncated>" + entry), driver.KindInvalidArgument, `begins after "p%2F1"`},
		"parts after a part":    {"parts", parts("<UploadId>u</UploadId><PartNumberMarker>7</PartNumberMarker>"), driver.KindInvalidArgument, `begins after "7"`},
		"uploads, a delimiter":  {"uploads", "<ListMultipartUploadsResult><Bucket>" + suite + "</Bucket><Delimiter>/</Delimiter></ListMultipartUploadsResult>", driver.KindInvalidArgument, "by the delimiter"},
		"uploads after a key":   {"uploads", "<ListMultipartUploadsResult><Bucket>" + suite + "</Bucket><KeyMarker>l</KeyMarker></ListMultipartUploadsResult>", driver.KindInvalidArgument, `begins after "l"`},
		"cut":                   {"list", "<ListBucketResult><Name>" + suite + "</Name><IsTruncated>false</IsTruncated>" + entry, driver.KindInvalidArgument, "does not speak OSS"},
		"parts":                 {"parts", parts("<Bucket>" + suite + "</Bucket><Key>k</Key><UploadId>u</UploadId>"), 0, ""},
		"parts of a key":        {"parts", parts("<Key>l</Key><UploadId>u</UploadId>"), driver.KindInvalidArgument, `of key "l"`},
		"parts of an upload":    {"parts", parts("<Key>k</Key><UploadId>v</UploadId>"), driver.KindInvalidArgument, `of upload "v"`},
		"parts, no marker":      {"parts", parts("<UploadId>u</UploadId><IsTruncated>true</IsTruncated>"), driver.KindInvalidArgument, "and not where"},
		"uploads of a bucket":   {"uploads", "<ListMultipartUploadsResult><Bucket>other</Bucket></ListMultipartUploadsResult>", driver.KindInvalidArgument, `of bucket "other"`},
		"begun for a key":       {"create", "<InitiateMultipartUploadResult><Key>l</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>", driver.KindInvalidArgument, `of key "l"`},
		"completed a key":       {"complete", `<CompleteMultipartUploadResult><Key>l</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>`, driver.KindUnavailable, `of key "l"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := answering(t, 200, map[string]string{"X-Oss-Request-Id": "id"}, test.document)
			ref := driver.UploadRef{Key: "k", ID: "u"}
			var err error
			switch test.call {
			case "list":
				_, err = b.List(t.Context(), driver.ListRequest{Prefix: "p/", Token: "t+1="})
			case "parts":
				_, err = b.ListParts(t.Context(), driver.ListPartsRequest{Upload: ref})
			case "uploads":
				_, err = b.ListUploads(t.Context(), driver.ListUploadsRequest{Prefix: "k"})
			case "create":
				_, err = b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			case "complete":
				_, err = b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "e"}}})
			}
			if driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s = %v (%s), want %s and %q", test.call, err, driver.KindOf(err), test.kind, test.text)
			}
		})
	}
}

// TestLoginPagesDeleteNothing: a success without a document counts only with OSS's request id.
func TestLoginPagesDeleteNothing(t *testing.T) {
	for id, done := range map[string]bool{"id": true, "": false} {
		b := answering(t, 200, map[string]string{"X-Oss-Request-Id": id, "Content-Type": "text/html"}, "")
		_, restore := b.Restore(t.Context(), driver.RestoreRequest{Key: "k", Days: 1})
		for op, err := range map[string]error{
			"Delete":      b.Delete(t.Context(), driver.DeleteRequest{Key: "k"}),
			"AbortUpload": b.AbortUpload(t.Context(), driver.UploadRef{Key: "k", ID: "u"}),
			"Restore":     restore,
		} {
			if (err == nil) != done || err != nil && !strings.Contains(err.Error(), "does not speak OSS") {
				t.Errorf("%s with id %q = %v", op, id, err)
			}
		}
	}
}
