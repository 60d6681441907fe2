package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

// put stores an object and returns what its answer told.
func put(t *testing.T, b *bucket, key string, body []byte, attributes driver.Attributes) drivertest.Answer {
	t.Helper()
	exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := executor(t, b).Do(t.Context(), exchange, drivertest.Send{Body: body})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return answer
}

func executor(t *testing.T, b *bucket) *drivertest.Executor {
	t.Helper()
	runner, err := drivertest.NewExecutor(b.Session().Transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runner.Close)
	return runner
}

// TestETagsAreKept proves that ETags stay in OSS's upper case, which conditions want.
func TestETagsAreKept(t *testing.T) {
	b := opened(t, at(suite, "env:GOOD", startEmulator(t).Endpoint, nil))
	body := []byte("upper case")
	sum := md5.Sum(body)
	want := strings.ToUpper(hex.EncodeToString(sum[:]))
	answer := put(t, b, "k", body, driver.Attributes{})
	stat, statErr := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
	page, listErr := b.List(t.Context(), driver.ListRequest{})
	if statErr != nil || listErr != nil || len(page.Objects) != 1 {
		t.Fatalf("Stat = %v, List = %+v, %v", statErr, page, listErr)
	}
	if diff := cmp.Diff([]string{want, want, want}, []string{answer.ETag, stat.ETag, page.Objects[0].ETag}); diff != "" {
		t.Errorf("ETags of put, stat and list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(answer.Checksums, stat.Checksums); diff != "" || len(stat.Checksums) != 1 {
		t.Errorf("checksums of put and stat are not one and the same:\n%s", diff)
	}
}

// TestTokensAreKept reads continuation tokens that OSS escaped and those that it did
// not: neither loses its "+".
func TestTokensAreKept(t *testing.T) {
	for name, told := range map[string]string{"escaped": "a%2Bb%2Fc--", "as it is": "a+b/c--"} {
		t.Run(name, func(t *testing.T) {
			b := answering(t, 200, nil, "<ListBucketResult><Name>"+suite+"</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"+
				"<NextContinuationToken>"+told+"</NextContinuationToken><Contents><Key>a%2Bb+c%25</Key><Size>1</Size></Contents></ListBucketResult>")
			page, err := b.List(t.Context(), driver.ListRequest{})
			if err != nil || page.Next != "a+b/c--" || page.Objects[0].Key != "a+b c%" {
				t.Errorf("List = %+v, %v; want the token a+b/c-- and the key %q", page, err, "a+b c%")
			}
		})
	}
}

// TestVirtualHosts reaches the bucket by OSS's own names, where path style is refused.
func TestVirtualHosts(t *testing.T) {
	server := startEmulator(t, "-strict-host")
	_, port, _ := strings.Cut(strings.TrimPrefix(server.Endpoint, "http://"), ":")
	for name, options := range map[string]map[string]string{
		"public":   {"endpoint": "http://oss-cn-hangzhou.aliyuncs.com:" + port},
		"internal": {"endpoint": "http://oss-cn-hangzhou-internal.aliyuncs.com:" + port},
		"domain":   {"domain": "http://" + suite + ".example.com:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			options["resolve"] = "*:" + port + ":127.0.0.1"
			b := opened(t, at(suite, "env:GOOD", "", options))
			put(t, b, "a//b/../"+name, []byte("by name"), driver.Attributes{})
			object, err := b.Stat(t.Context(), driver.StatRequest{Key: "a//b/../" + name})
			if err != nil || object.Size != 7 {
				t.Errorf("Stat = %+v, %v", object, err)
			}
		})
	}
}

// TestForcedDownload drops the Content-Disposition that OSS makes up, and no other.
func TestForcedDownload(t *testing.T) {
	cases := map[string]struct{ forced, disposition, want string }{
		"made up":         {"true", "attachment", ""},
		"the object's":    {"", "attachment", "attachment"},
		"forced and kept": {"true", "attachment; filename=a", "attachment; filename=a"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			b := answering(t, 200, map[string]string{"Etag": `"E"`, forcedHeader: test.forced, "Content-Disposition": test.disposition}, "")
			object, err := b.Stat(t.Context(), driver.StatRequest{Key: "k"})
			if err != nil || object.Attributes.ContentDisposition != test.want {
				t.Errorf("Stat = %+v, %v; want the disposition %q", object, err, test.want)
			}
		})
	}
}

// TestThrottlingIsTold maps what OSS says when it is asked too much.
func TestThrottlingIsTold(t *testing.T) {
	server := startEmulator(t)
	b := opened(t, at(suite, "env:GOOD", server.Endpoint, nil))
	server.Inject(t, servers.Fault{"op": "*", "do": "error", "status": 503, "code": "DownloadTrafficRateLimitExceeded", "retryAfter": 2, "times": -1})
	_, err := b.List(t.Context(), driver.ListRequest{})
	exchange, signErr := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if signErr != nil {
		t.Fatal(signErr)
	}
	_, getErr := executor(t, b).Do(t.Context(), exchange, drivertest.Send{})
	for op, err := range map[string]error{"list": err, "get": getErr} {
		if driver.KindOf(err) != driver.KindThrottled {
			t.Errorf("%s = %v (%v), want throttled", op, err, driver.KindOf(err))
		}
	}
}

// TestLostAnswerIsNotRepeated leaves retries to the host: the SDK makes none.
func TestLostAnswerIsNotRepeated(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	b := opened(t, at(suite, "anonymous", server.URL, nil))
	_, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
	if driver.KindOf(err) != driver.KindUnavailable || asked.Load() != 1 {
		t.Errorf("CreateUpload = %v (%v) after %d requests, want unavailable after one", err, driver.KindOf(err), asked.Load())
	}
}

// TestCopyStaysInRegion refuses copies that OSS cannot make, and says why.
func TestCopyStaysInRegion(t *testing.T) {
	server := startEmulator(t)
	b := opened(t, at(suite, "env:GOOD", server.Endpoint, nil))
	cases := map[string]struct {
		source driver.CopySource
		kind   driver.Kind
		want   string
	}{
		"same region":    {driver.CopySource{Bucket: other, Options: map[string]string{"endpoint": server.Endpoint, "region": region}}, 0, ""},
		"region asked":   {driver.CopySource{Bucket: other, Options: map[string]string{"endpoint": server.Endpoint}}, 0, ""},
		"another region": {driver.CopySource{Bucket: other, Options: map[string]string{"endpoint": server.Endpoint, "region": "cn-beijing"}}, driver.KindUnsupported, "the source is in cn-beijing, the destination in cn-hangzhou"},
		"another OSS":    {driver.CopySource{Bucket: other, Options: map[string]string{"region": region}}, driver.KindUnsupported, "aliyuncs.com and 127.0.0.1"},
		"absent bucket":  {driver.CopySource{Bucket: "absent-bucket", Options: map[string]string{"endpoint": server.Endpoint, "region": region}}, driver.KindNotFound, "NoSuchBucket"},
		"bad option":     {driver.CopySource{Bucket: other, Options: map[string]string{"endpoint": "ftp://h"}}, driver.KindInvalidArgument, "option endpoint"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			err := b.ReachCopy(t.Context(), test.source)
			if test.kind == 0 && err != nil || driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("ReachCopy = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			}
		})
	}
}

// TestCopyCarriesAll copies between buckets with attributes, tags and class, whole and
// in parts, with true evidence.
func TestCopyCarriesAll(t *testing.T) {
	server := startEmulator(t)
	source, destination := opened(t, at(other, "env:GOOD", server.Endpoint, nil)), opened(t, at(suite, "env:GOOD", server.Endpoint, nil))
	attributes := driver.Attributes{
		ContentType: "text/plain", CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "x"}}, Tags: []driver.Tag{{Key: "a", Value: "b"}},
	}
	body := bytes.Repeat([]byte("0123456789"), 30<<10)
	const key = "a b+c%2F?&ü"
	put(t, source, key, body, attributes)
	object, err := source.Stat(t.Context(), driver.StatRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	from := driver.CopySource{Bucket: other}
	copied, err := destination.CopyObject(t.Context(), driver.CopyObjectRequest{Source: from, Object: object, Key: "whole", StorageClass: "IA"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object.Checksums, copied.Checksums); diff != "" {
		t.Errorf("checksum of the copy (-source +copy):\n%s", diff)
	}
	found, err := destination.Stat(t.Context(), driver.StatRequest{Key: "whole"})
	if diff := cmp.Diff(object.Attributes, found.Attributes); err != nil || diff != "" || found.StorageClass != "IA" {
		t.Errorf("the copy is %+v, %v (-source +copy):\n%s", found, err, diff)
	}
	if tags, err := destination.Tags(t.Context(), driver.StatRequest{Key: "whole"}); err != nil || !slices.Equal(tags, attributes.Tags) {
		t.Errorf("tags of the copy: %v, %v", tags, err)
	}
	upload, err := destination.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	var parts []driver.Part
	for number, size := 1, int64(100<<10); int64(len(parts))*size < object.Size; number++ {
		part, err := destination.CopyPart(t.Context(), driver.CopyPartRequest{
			Source: from, Object: object, Upload: upload.UploadRef, Number: number, Offset: int64(number-1) * size, Size: min(size, object.Size-int64(number-1)*size),
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	whole, err := destination.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: upload.UploadRef, Parts: parts, Size: object.Size})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object.Checksums, whole.Checksums); diff != "" {
		t.Errorf("checksum of the copy in parts (-source +copy):\n%s", diff)
	}
}

// TestRestore follows an archived object until it can be read.
func TestRestore(t *testing.T) {
	for name, test := range map[string]struct {
		after string
		want  []bool
	}{
		"at once": {"0s", []bool{false, true, true}},
		"later":   {"1h", []bool{false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			b := opened(t, at(suite, "env:GOOD", startEmulator(t, "-restore-after", test.after).Endpoint, nil))
			put(t, b, "hot", []byte("x"), driver.Attributes{})
			put(t, b, "cold", []byte("x"), driver.Attributes{StorageClass: "ColdArchive"})
			if readable, err := b.Restore(t.Context(), driver.RestoreRequest{Key: "hot", Days: 1}); err != nil || !readable {
				t.Errorf("Restore of a readable object = %v, %v", readable, err)
			}
			var got []bool
			for range test.want {
				readable, err := b.Restore(t.Context(), driver.RestoreRequest{Key: "cold", Days: 1})
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, readable)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("readable (-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyUploads reads more open uploads than a page holds.
func TestManyUploads(t *testing.T) {
	b := opened(t, at(suite, "env:GOOD", startEmulator(t).Endpoint, nil))
	want := map[driver.UploadRef]bool{}
	for i := range 1100 {
		upload, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k+ %" + strconv.Itoa(i/10)})
		if err != nil {
			t.Fatal(err)
		}
		want[upload.UploadRef] = true
	}
	got := map[driver.UploadRef]bool{}
	for token := ""; ; {
		page, err := b.ListUploads(t.Context(), driver.ListUploadsRequest{Prefix: "k+ ", Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, upload := range page.Uploads {
			got[upload.UploadRef] = true
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("open uploads (-want +got):\n%s", diff)
	}
	if _, err := b.ListUploads(t.Context(), driver.ListUploadsRequest{Token: "x"}); driver.KindOf(err) != driver.KindInvalidArgument {
		t.Errorf("a foreign token is %v", err)
	}
}

// TestFrozenListings: a listing tells which objects of the colder classes were restored, and
// not whether the bucket has real-time access to the others.
func TestFrozenListings(t *testing.T) {
	b := opened(t, at(suite, "env:GOOD", startEmulator(t, "-restore-after", "0s").Endpoint, nil))
	for _, class := range []string{"Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"} {
		put(t, b, class, []byte("body"), driver.Attributes{StorageClass: class})
	}
	frozen := func() (keys []string) {
		t.Helper()
		page, err := b.List(t.Context(), driver.ListRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Objects {
			if object.Frozen {
				keys = append(keys, object.Key)
			}
		}
		return keys
	}
	if diff := cmp.Diff([]string{"ColdArchive", "DeepColdArchive"}, frozen()); diff != "" {
		t.Errorf("frozen (-want +got):\n%s", diff)
	}
	if _, err := b.Restore(t.Context(), driver.RestoreRequest{Key: "ColdArchive", Days: 1}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeepColdArchive"}, frozen()); diff != "" {
		t.Errorf("after a restore (-want +got):\n%s", diff)
	}
}
