package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/apis/resumable_upload_v2_complete_multipart_upload"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"
	"github.com/qiniu/go-sdk/v7/storagev2/uptoken"
)

const mib = 1 << 20

func pattern(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size] }

// token returns an upload token of the vendor's making, for a key or, if that is
// empty, the bucket.
func (e *emulator) token(key string, change func(uptoken.PutPolicy)) uptoken.Provider {
	e.t.Helper()
	policy, err := uptoken.NewPutPolicyWithKey(bucketA, key, time.Now().Add(time.Hour))
	if err != nil {
		e.t.Fatal(err)
	}
	if change != nil {
		change(policy)
	}
	return uptoken.NewSigner(policy, e.credentials())
}

func TestSDKUploadsInParts(t *testing.T) {
	t.Parallel()
	e := start(t)
	data := pattern(9*mib + 5)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var sums []byte
	for rest := data; len(rest) > 0; rest = rest[min(len(rest), 4*mib):] {
		sum := sha1.Sum(rest[:min(len(rest), 4*mib)])
		sums = append(sums, sum[:]...)
	}
	all := sha1.Sum(sums)
	plain := base64.URLEncoding.EncodeToString(append([]byte{0x96}, all[:]...))
	for name, test := range map[string]struct {
		version uploader.MultiPartsUploaderVersion
		size    uint64
		hash    string // "" if it is not the plain one
	}{
		"v2 of 4 MiB": {uploader.MultiPartsUploaderVersionV2, 4 * mib, plain},
		"v2 of 5 MiB": {uploader.MultiPartsUploaderVersionV2, 5 * mib, ""},
		"v1":          {uploader.MultiPartsUploaderVersionV1, 4 * mib, plain},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			manager := uploader.NewUploadManager(&uploader.UploadManagerOptions{
				Options: e.options(), MultiPartsUploaderVersion: test.version, PartSize: test.size, Concurrency: 2,
			})
			var reply struct{ Hash, Key string }
			err := manager.UploadFile(t.Context(), file, &uploader.ObjectOptions{
				BucketName: bucketA, ObjectName: &name, Metadata: map[string]string{"made": "by-sdk"},
			}, &reply)
			if err != nil {
				t.Fatal(err)
			}
			if (reply.Hash == plain) != (test.hash == plain) {
				t.Errorf("the hash is %s, and the plain one is %s", reply.Hash, plain)
			}
			details, err := e.bucket().Object(name).Stat().NeedParts(true).Call(t.Context())
			if err != nil || details.ETag != reply.Hash || details.Size != int64(len(data)) || details.Metadata["made"] != "by-sdk" {
				t.Errorf("stat: %+v %v", details, err)
			}
			if got, err := e.read(name); err != nil || got != string(data) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestSDKUploadsByOlderCalls(t *testing.T) {
	t.Parallel()
	e := start(t)
	region := storage.Region{SrcUpHosts: []string{e.address}, CdnUpHosts: []string{e.address}}
	former := storage.NewFormUploader(&storage.Config{Region: &region})
	policy := storage.PutPolicy{Scope: bucketA + ":old", ReturnBody: `{"key":$(key),"size":$(fsize),"note":$(x:note),"none":$(nothing)}`}
	var reply map[string]any
	err := former.Put(t.Context(), &reply, policy.UploadToken(authPair()), "old", strings.NewReader("hello"), 5, &storage.PutExtra{
		Params: map[string]string{"x:note": "n", "x-qn-meta-a": "b"}, MimeType: "text/plain",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"key": "old", "size": 5.0, "note": "n", "none": nil}, reply); diff != "" {
		t.Error(diff)
	}
}

// initiate begins an upload in parts and sends parts of these sizes.
func (e *emulator) initiate(s *apis.Storage, key string, token uptoken.Provider, sizes ...int) (string, []resumable_upload_v2_complete_multipart_upload.PartInfo) {
	e.t.Helper()
	begun, err := s.ResumableUploadV2InitiateMultipartUpload(e.t.Context(), &apis.ResumableUploadV2InitiateMultipartUploadRequest{
		BucketName: bucketA, ObjectName: &key, UpToken: token,
	}, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	var parts []resumable_upload_v2_complete_multipart_upload.PartInfo
	for i, size := range sizes {
		part, err := e.sendPart(s, key, begun.UploadId, int64(i+1), pattern(size), token)
		if err != nil {
			e.t.Fatal(err)
		}
		parts = append(parts, *part)
	}
	return begun.UploadId, parts
}

func (e *emulator) sendPart(s *apis.Storage, key, id string, number int64, data []byte, token uptoken.Provider) (*resumable_upload_v2_complete_multipart_upload.PartInfo, error) {
	sum := md5.Sum(data)
	reply, err := s.ResumableUploadV2UploadPart(e.t.Context(), &apis.ResumableUploadV2UploadPartRequest{
		BucketName: bucketA, ObjectName: &key, UploadId: id, PartNumber: number, UpToken: token,
		Md5: hex.EncodeToString(sum[:]), Body: readCloser{bytes.NewReader(data)},
	}, nil)
	if err != nil {
		return nil, err
	}
	if reply.Md5 != hex.EncodeToString(sum[:]) {
		e.t.Errorf("part %d: the answer's md5 is %s", number, reply.Md5)
	}
	return &resumable_upload_v2_complete_multipart_upload.PartInfo{PartNumber: number, Etag: reply.Etag}, nil
}

func (e *emulator) complete(s *apis.Storage, key, id string, parts []resumable_upload_v2_complete_multipart_upload.PartInfo, token uptoken.Provider, metadata map[string]string) error {
	_, err := s.ResumableUploadV2CompleteMultipartUpload(e.t.Context(), &apis.ResumableUploadV2CompleteMultipartUploadRequest{
		BucketName: bucketA, ObjectName: &key, UploadId: id, UpToken: token, Parts: parts, Metadata: metadata,
		ResponseBody: &map[string]any{},
	}, nil)
	return err
}

func TestPartRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	s := e.storage()
	key := "in/parts"
	token := e.token(key, nil)
	id, parts := e.initiate(s, key, token, mib, mib-1, 10, mib)
	for name, chosen := range map[string][]int{"a short part inside": {0, 1, 2}, "not ascending": {3, 0}, "twice": {0, 0}} {
		var list []resumable_upload_v2_complete_multipart_upload.PartInfo
		for _, i := range chosen {
			list = append(list, parts[i])
		}
		if err := e.complete(s, key, id, list, token, nil); code(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want 400", name, err)
		}
	}
	wrong := append(parts[:0:0], parts[0])
	wrong[0].Etag = parts[1].Etag
	if err := e.complete(s, key, id, wrong, token, nil); code(err) != http.StatusBadRequest {
		t.Errorf("a wrong etag: %v, want 400", err)
	}
	if _, err := e.sendPart(s, key, id, 10_001, []byte("x"), token); code(err) != http.StatusBadRequest {
		t.Errorf("part 10001: %v, want 400", err)
	}
	if err := e.complete(s, key, id, parts, e.token(key, func(p uptoken.PutPolicy) { p.SetFsizeLimit(2 * mib) }), map[string]string{"x-qn-meta-bad name": "x"}); code(err) != http.StatusBadRequest {
		t.Errorf("metadata under a bad name: %v, want 400", err)
	}
	gap := []resumable_upload_v2_complete_multipart_upload.PartInfo{parts[0], parts[2]} // numbers may have gaps
	if err := e.complete(s, key, id, gap, e.token(key, func(p uptoken.PutPolicy) { p.SetFsizeLimit(mib) }), nil); code(err) != http.StatusRequestEntityTooLarge {
		t.Errorf("larger than the token allows: %v, want 413", err)
	}
	if err := e.complete(s, key, id, gap, token, nil); err != nil {
		t.Fatal(err)
	}
	if err := e.complete(s, key, id, gap, token, nil); code(err) != 612 {
		t.Errorf("completed again: %v, want 612", err)
	}
	if got, err := e.read(key); err != nil || got != string(pattern(mib))+string(pattern(10)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestPartsAreListedAndDropped(t *testing.T) {
	t.Parallel()
	e := start(t)
	s := e.storage()
	key := "pending"
	token := e.token(key, nil)
	id, _ := e.initiate(s, key, token, 5, 6, 7)
	list := func(limit, after int64) (*apis.ResumableUploadV2ListPartsResponse, error) {
		return s.ResumableUploadV2ListParts(t.Context(), &apis.ResumableUploadV2ListPartsRequest{
			BucketName: bucketA, ObjectName: &key, UploadId: id, UpToken: token, MaxParts: limit, PartNumberMarker: after,
		}, nil)
	}
	first, err := list(2, 0)
	if err != nil || len(first.Parts) != 2 || first.PartNumberMarker != 2 || first.Parts[1].Size != 6 {
		t.Fatalf("%+v %v", first, err)
	}
	rest, err := list(2, first.PartNumberMarker)
	if err != nil || len(rest.Parts) != 1 || rest.PartNumberMarker != 0 {
		t.Errorf("%+v %v", rest, err)
	}
	if left := time.Until(time.Unix(first.ExpiredAt, 0)); left < 167*time.Hour || left > 168*time.Hour {
		t.Errorf("the upload ends in %v, want 7 days", left)
	}
	e.clock(8 * 24 * 3600)
	later := e.token(key, func(p uptoken.PutPolicy) { p.SetDeadline(time.Now().Add(9 * 24 * time.Hour).Unix()) })
	if _, err := e.sendPart(s, key, id, 4, []byte("late"), later); code(err) != 612 {
		t.Errorf("a part after 7 days: %v, want 612", err)
	}
	e.clock(0)
	id, _ = e.initiate(s, key, token, 5)
	_, err = s.ResumableUploadV2AbortMultipartUpload(t.Context(), &apis.ResumableUploadV2AbortMultipartUploadRequest{
		BucketName: bucketA, ObjectName: &key, UploadId: id, UpToken: token,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list(10, 0); code(err) != 612 {
		t.Errorf("list after abort: %v, want 612", err)
	}
}

func TestPartWithAWrongMD5IsRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	key := "k"
	token := e.token(key, nil)
	id, _ := e.initiate(e.storage(), key, token)
	text, err := token.GetUpToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, sum := range map[string]string{
		"hex of other bytes": "900150983cd24fb0d6963f7d28e17f72",
		"Base64":             "XUFAKrxLKna5cZ2REBfFkg==", // of "hello": the header is hexadecimal here
	} {
		r := e.request(http.MethodPut, "/buckets/"+bucketA+"/objects/aw==/uploads/"+id+"/1", "hello")
		r.Header.Set("Authorization", "UpToken "+text)
		r.Header.Set("Content-MD5", sum)
		if answer, body := e.send(r); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: %d %s, want 400", name, answer.StatusCode, body)
		}
	}
}

func TestPartWithoutALengthIsRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	key := "k"
	token := e.token(key, nil)
	id, _ := e.initiate(e.storage(), key, token)
	text, err := token.GetUpToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := e.request(http.MethodPut, "/buckets/"+bucketA+"/objects/aw==/uploads/"+id+"/1", "hello")
	r.Header.Set("Authorization", "UpToken "+text)
	r.ContentLength = -1
	if answer, body := e.send(r); answer.StatusCode != http.StatusLengthRequired {
		t.Errorf("%d %s, want 411", answer.StatusCode, body)
	}
}

func TestUploadWithoutAKeyIsNamedByItsHash(t *testing.T) {
	t.Parallel()
	e := start(t)
	token := e.token("", nil)
	text, err := token.GetUpToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path, body string) string {
		r := e.request(method, "/buckets/"+bucketA+"/objects/~/uploads"+path, body)
		r.Header.Set("Authorization", "UpToken "+text)
		answer, reply := e.send(r)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, reply)
		}
		return reply
	}
	_, after, _ := strings.Cut(call(http.MethodPost, "", ""), `"uploadId":"`)
	id, _, _ := strings.Cut(after, `"`)
	call(http.MethodPut, "/"+id+"/1", "etag")
	const hash = "FpLiADEaVoALPkdb8tJEJyRTXoe_"
	reply := call(http.MethodPost, "/"+id, `{"parts":[{"partNumber":1,"etag":"`+hash+`"}]}`)
	if want := `{"hash":"` + hash + `","key":"` + hash + `"}`; strings.TrimSpace(reply) != want {
		t.Errorf("%s, want %s", reply, want)
	}
	if got, err := e.read(hash); err != nil || got != "etag" {
		t.Errorf("%q %v", got, err)
	}
}
