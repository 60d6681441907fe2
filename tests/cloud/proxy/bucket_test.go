package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// signed is what a header says of who asks.
const signed = "AWS4-HMAC-SHA256 Credential=AKID/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"

// What IAM has to allow for a request to S3.
func TestStoreSaysWhatCallsNeed(t *testing.T) {
	t.Parallel()
	needs := func(actions ...string) []proxy.Need {
		var all []proxy.Need
		for _, action := range actions {
			all = append(all, proxy.Need{Action: "s3:" + action, Resource: "b/a/k"})
		}
		return all
	}
	for name, test := range map[string]struct {
		method, path string
		header       map[string]string
		want         []proxy.Need
	}{
		"list":                 {"GET", "/b?list-type=2&prefix=a%2F", nil, []proxy.Need{{Action: "s3:ListBucket", Resource: "b"}}},
		"look at a bucket":     {"HEAD", "/b/", nil, []proxy.Need{{Action: "s3:ListBucket", Resource: "b"}}},
		"list uploads":         {"GET", "/b/?uploads&prefix=a", nil, []proxy.Need{{Action: "s3:ListBucketMultipartUploads", Resource: "b"}}},
		"read notifications":   {"GET", "/b?notification", nil, []proxy.Need{{Action: "s3:GetBucketNotification", Resource: "b"}}},
		"what nobody knows":    {"GET", "/b?acl", nil, []proxy.Need{{Action: "unknown: GET acl", Resource: "b"}}},
		"read":                 {"GET", "/b/a/k", nil, needs("GetObject")},
		"read by a signed URL": {"GET", "/b/a/k?X-Amz-Credential=AKID%2F20300101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0", nil, needs("GetObject")},
		"look":                 {"HEAD", "/b/a/k", nil, needs("GetObject")},
		"read a version":       {"GET", "/b/a/k?versionId=1", nil, needs("GetObjectVersion")},
		"read tags":            {"GET", "/b/a/k?tagging", nil, needs("GetObjectTagging")},
		"write":                {"PUT", "/b/a/k", nil, needs("PutObject")},
		"write with a rule":    {"PUT", "/b/a/k", map[string]string{"x-amz-acl": "private", "x-amz-tagging": "a=b"}, needs("PutObject", "PutObjectAcl", "PutObjectTagging")},
		"begin an upload": {
			"POST", "/b/a/k?uploads", map[string]string{"x-amz-server-side-encryption-aws-kms-key-id": "id"},
			append(needs("PutObject"), proxy.Need{Action: "kms:GenerateDataKey", Resource: "id"}, proxy.Need{Action: "kms:Decrypt", Resource: "id"}),
		},
		"write a part": {"PUT", "/b/a/k?partNumber=1&uploadId=u", nil, needs("PutObject")},
		"join":         {"POST", "/b/a/k?uploadId=u", nil, needs("PutObject")},
		"list parts":   {"GET", "/b/a/k?uploadId=u", nil, needs("ListMultipartUploadParts")},
		"give up":      {"DELETE", "/b/a/k?uploadId=u", nil, needs("AbortMultipartUpload")},
		"delete":       {"DELETE", "/b/a/k", nil, needs("DeleteObject")},
		"copy inside": {
			"PUT", "/b/a/k", map[string]string{"x-amz-copy-source": "from/x%3Fy"},
			append(needs("PutObject"), proxy.Need{Action: "s3:GetObject", Resource: "from/x?y"}, proxy.Need{Action: "s3:GetObjectTagging", Resource: "from/x?y"},
				proxy.Need{Action: "s3:PutObjectTagging", Resource: "b/a/k"}),
		},
		"copy a part": {
			"PUT", "/b/a/k?partNumber=1&uploadId=u", map[string]string{"x-amz-copy-source": "from/x?versionId=v"},
			append(needs("PutObject"), proxy.Need{Action: "s3:GetObjectVersion", Resource: "from/x"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			store, endpoint := proxy.StartStoreForTest(t, server.URL)
			request, err := http.NewRequestWithContext(t.Context(), test.method, endpoint+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(test.path, "X-Amz-Credential") {
				request.Header.Set("Authorization", signed)
			}
			for name, value := range test.header {
				request.Header.Set(name, value)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close() // it is not read
			calls := store.Calls()
			if len(calls) != 1 || calls[0].AccessKey != "AKID" || calls[0].Service != "s3" {
				t.Fatalf("recorded %+v", calls)
			}
			if diff := cmp.Diff(test.want, calls[0].Needs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
