package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestWishes asks the emulator what became of the wishes, on each way to write an object.
func TestWishes(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	here := map[string]string{"endpoint": server.Endpoint, "acl": "public-read", "sse": "AES256"}
	b, client := openAt(t, "env:GOOD", here), clientOf(t, server)
	b.put(t, client, "put", "body", driver.Attributes{})
	upload, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "upload"})
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := b.SignPart(t.Context(), driver.PartRequest{Upload: upload.UploadRef, Number: 1, Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	part := driver.Part{Number: 1, Size: 4, ETag: strings.Trim(send(t, client, exchange, []byte("body")).Header.Get("Etag"), `"`)}
	if _, err := b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: upload.UploadRef, Parts: []driver.Part{part}, Size: 4}); err != nil {
		t.Fatal(err)
	}
	source := driver.CopySource{Bucket: suite, Options: map[string]string{"region": region, "endpoint": server.Endpoint}}
	if _, err := b.CopyObject(t.Context(), driver.CopyObjectRequest{Source: source, Object: driver.Object{Key: "put", Size: 4}, Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"put", "upload", "copy"} {
		head, err := b.do(t.Context(), call{method: "HEAD", key: key})
		if err != nil || head.Header.Get("X-Cos-Server-Side-Encryption") != "AES256" {
			t.Errorf("%s: encryption %v, %v", key, head.Header, err)
		}
		access, err := b.do(t.Context(), call{method: "GET", key: key, query: []driver.Header{{Name: "acl"}}})
		if err != nil || !strings.Contains(string(access.Body), "AllUsers") {
			t.Errorf("%s: access %s, %v", key, access.Body, err)
		}
	}
}

// TestKeyService: the emulator has none and says so, after it has checked the signature.
func TestKeyService(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint, "sse": "cos/kms", "sse-kms-key": "k"})
	exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Header{{Name: "x-cos-server-side-encryption", Value: "cos/kms"}, {Name: "x-cos-server-side-encryption-cos-kms-key-id", Value: "k"}}
	if diff := cmp.Diff(want, exchange.Header[:2]); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if answer := send(t, clientOf(t, server), exchange, []byte("1")); answer.Status != 501 || !strings.Contains(string(answer.Body), "The emulator has no") {
		t.Errorf("PUT: %d %s", answer.Status, answer.Body)
	}
	if _, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"}); driver.KindOf(err) != driver.KindUnsupported {
		t.Errorf("CreateUpload: %v", err)
	}
}

func TestWishesRefused(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]map[string]string{
		"option sse-kms-key is of no use without sse=cos/kms": {"sse-kms-key": "k"},
		`"aws:kms" is none of none, AES256, cos/kms`:          {"sse": "aws:kms"},
		`"public" is none of default, private`:                {"acl": "public"},
		`"requester-pays" is unknown`:                         {"requester-pays": "true"},
	} {
		_, err := store{}.Open(t.Context(), at(suite, "anonymous", "http://127.0.0.1:9", options))
		if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
