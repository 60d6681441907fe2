package s3driver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// openWishing opens the bucket "bucket" at an endpoint with wishes.
func openWishing(t *testing.T, endpoint string, profile Profile, wishes Wishes) *Bucket {
	t.Helper()
	t.Setenv("T_ACCESS_KEY_ID", "AKID")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	root, err := ParseEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Bucket: "bucket", Identity: root.Host() + "/bucket", Credentials: "env:T", Profile: profile, Wishes: wishes,
		Transport: driver.Transport{Proxy: "none"},
		Locate: func(context.Context, *http.Client) (Location, error) {
			return root.Locate("bucket", AddressingPath, "us-east-1"), nil
		},
	}
	config.Beside = func(_ context.Context, source driver.CopySource) (Config, error) {
		other := config
		other.Bucket, other.Identity = source.Bucket, root.Host()+"/"+source.Bucket
		other.Wishes, err = ReadWishes(source.Options)
		return other, err
	}
	bucket, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}

// wished are the headers of an exchange or a request that wishes are written in.
func wished(each func(name string) string) map[string]string {
	found := map[string]string{}
	for _, name := range []string{
		"x-amz-acl", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
		"x-amz-server-side-encryption-bucket-key-enabled", "x-amz-request-payer",
	} {
		if value := each(name); value != "" {
			found[name] = value
		}
	}
	return found
}

// recorder is a store that answers every call and remembers what was wished of it, by
// method and what stands behind the "?".
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]map[string]string
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{seen: map[string]map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.answer))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) answer(w http.ResponseWriter, request *http.Request) {
	name := request.Method
	for parameter := range request.URL.Query() {
		if parameter == "uploads" || parameter == "uploadId" || parameter == "tagging" || parameter == "list-type" || parameter == "restore" {
			name += " " + parameter
		}
	}
	if request.Header.Get("X-Amz-Copy-Source") != "" {
		name += " copy"
	}
	got := wished(request.Header.Get)
	for header := range got {
		if !strings.Contains(request.Header.Get("Authorization"), header) {
			got[header] += ", not signed"
		}
	}
	r.mu.Lock()
	r.seen[name] = got
	r.mu.Unlock()
	_, _ = io.Copy(io.Discard, request.Body)
	w.Header().Set("X-Amz-Request-Id", "R1")
	w.Header().Set("Etag", `"e"`)
	switch {
	case strings.Contains(name, "uploads"):
		fmt.Fprint(w, "<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	case strings.Contains(name, "uploadId") && request.Method == http.MethodGet:
		fmt.Fprint(w, "<ListPartsResult><UploadId>u</UploadId></ListPartsResult>")
	case strings.Contains(name, "tagging"):
		fmt.Fprint(w, "<Tagging><TagSet/></Tagging>")
	case strings.Contains(name, "list-type"):
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>")
	case strings.Contains(name, "uploadId copy"):
		fmt.Fprint(w, strings.ReplaceAll(copied, "CopyObjectResult", "CopyPartResult"))
	case strings.Contains(name, "copy"):
		fmt.Fprint(w, copied)
	}
}

// TestWishesOfWhatIsWritten: access and encryption go, signed, with whatever begins an
// object, and with nothing else.
func TestWishesOfWhatIsWritten(t *testing.T) {
	trailers := strong
	trailers.Copies = Copies{Objects: true, Parts: true}
	for name, test := range map[string]struct {
		wishes Wishes
		want   map[string]string
	}{
		"none": {Wishes{}, map[string]string{}},
		"acl":  {Wishes{ACL: "bucket-owner-full-control"}, map[string]string{"x-amz-acl": "bucket-owner-full-control"}},
		"own":  {Wishes{Encryption: "AES256"}, map[string]string{"x-amz-server-side-encryption": "AES256"}},
		"kms": {Wishes{Encryption: "aws:kms"}, map[string]string{
			"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "true",
		}},
		"key": {Wishes{ACL: "private", Encryption: "aws:kms", Key: "alias/k"}, map[string]string{
			"x-amz-acl": "private", "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "true",
			"x-amz-server-side-encryption-aws-kms-key-id": "alias/k",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			store := startRecorder(t)
			bucket := openWishing(t, store.URL, trailers, test.wishes)
			for check, sum := range map[string]driver.Checksum{"trailer": {}, "header": crcOfDigits} {
				exchange, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 9, Checksum: sum})
				if err != nil {
					t.Fatal(err)
				}
				header := headersOf(exchange)
				if diff := cmp.Diff(test.want, wished(func(name string) string { return header[name] })); diff != "" {
					t.Errorf("exchange with a %s (-want +got):\n%s", check, diff)
				}
				signed := exchange.URL
				for _, field := range exchange.Header {
					signed += field.Value // of Authorization
				}
				for name := range test.want {
					if !strings.Contains(signed, name) {
						t.Errorf("exchange with a %s: %s is not signed", check, name)
					}
				}
			}
			upload := driver.UploadRef{Key: "k", ID: "u"}
			part, err := bucket.SignPart(t.Context(), driver.PartRequest{Upload: upload, Number: 1, Size: 9})
			header := headersOf(part)
			if extra := wished(func(name string) string { return header[name] }); err != nil || len(extra) > 0 {
				t.Errorf("a part has %v, %v", extra, err)
			}
			source := driver.CopySource{Bucket: "source"}
			_, err = bucket.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
			must(t, err)
			_, err = bucket.CopyObject(t.Context(), driver.CopyObjectRequest{Source: source, Object: driver.Object{Key: "k"}, Key: "to"})
			must(t, err)
			_, err = bucket.CopyPart(t.Context(), driver.CopyPartRequest{Source: source, Object: driver.Object{Key: "k"}, Upload: upload, Number: 1, Size: 5})
			must(t, err)
			_, err = bucket.Stat(t.Context(), driver.StatRequest{Key: "k"})
			must(t, err)
			want := map[string]map[string]string{"POST uploads": test.want, "PUT copy": test.want, "PUT uploadId copy": {}, "HEAD": {}}
			if diff := cmp.Diff(want, store.seen); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPredecessorFleet8RequesterPays: metadata of buckets that want to be paid was lost,
// because the HEAD did not say that the requester pays. Here every request says so, and
// metadata comes with the GET. (Take Wishes.pay out of newSDK: HEAD fails here; Wishes.paid
// out of get or signGet: List or GET does.)
func TestPredecessorFleet8RequesterPays(t *testing.T) {
	store := startRecorder(t)
	bucket := openWishing(t, store.URL, rich, Wishes{RequesterPays: true})
	exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	must(t, err)
	if headersOf(exchange)["x-amz-request-payer"] != "requester" || !strings.Contains(exchange.URL, "x-amz-request-payer") {
		t.Errorf("GET: %+v", exchange)
	}
	put, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1})
	must(t, err)
	part, err := bucket.SignPart(t.Context(), driver.PartRequest{Upload: driver.UploadRef{Key: "k", ID: "u"}, Number: 1, Size: 1})
	must(t, err)
	if headersOf(put)["x-amz-request-payer"] != "requester" || headersOf(part)["x-amz-request-payer"] != "requester" {
		t.Errorf("PUT: %+v, part: %+v", put, part)
	}
	_, err = bucket.Stat(t.Context(), driver.StatRequest{Key: "k"})
	must(t, err)
	_, err = bucket.List(t.Context(), driver.ListRequest{})
	must(t, err)
	_, err = bucket.Tags(t.Context(), driver.StatRequest{Key: "k"})
	must(t, err)
	_, err = bucket.Restore(t.Context(), driver.RestoreRequest{Key: "k", Days: 1})
	must(t, err)
	pays := map[string]string{"x-amz-request-payer": "requester"}
	want := map[string]map[string]string{"HEAD": pays, "GET list-type": pays, "GET tagging": pays, "POST restore": pays}
	if diff := cmp.Diff(want, store.seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRequesterPaysForTheSourceOfACopy: whose bucket the header is for does not matter to
// S3, so either end's option counts.
func TestRequesterPaysForTheSourceOfACopy(t *testing.T) {
	source := driver.CopySource{Bucket: "source", Options: map[string]string{"requester-pays": "true"}}
	for name, wishes := range map[string]Wishes{"source": {}, "both": {RequesterPays: true}} {
		t.Run(name, func(t *testing.T) {
			store := startRecorder(t)
			bucket := openWishing(t, store.URL, rich, wishes)
			must(t, bucket.ReachCopy(t.Context(), source))
			_, err := bucket.CopyObject(t.Context(), driver.CopyObjectRequest{Source: source, Object: driver.Object{Key: "k"}, Key: "to"})
			must(t, err)
			upload := driver.UploadRef{Key: "k", ID: "u"}
			_, err = bucket.CopyPart(t.Context(), driver.CopyPartRequest{Source: source, Object: driver.Object{Key: "k"}, Upload: upload, Number: 1, Size: 5})
			must(t, err)
			pays := map[string]string{"x-amz-request-payer": "requester"}
			want := map[string]map[string]string{"GET list-type": pays, "GET": pays, "PUT copy": pays, "PUT uploadId copy": pays}
			if diff := cmp.Diff(want, store.seen); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestETagUnderEncryption: the ETag of what a key service encrypts is no MD5.
func TestETagUnderEncryption(t *testing.T) {
	profile := Profile{Checksums: Checksums{ETagMD5: true}}
	for encryption, md5 := range map[string]bool{"": true, "AES256": true, "aws:kms": false} {
		if got := openWishing(t, "http://127.0.0.1:9", profile, Wishes{Encryption: encryption}).Session().Checksums.ETagMD5; got != md5 {
			t.Errorf("sse=%s: the session says ETagMD5 %v", encryption, got)
		}
	}
}
