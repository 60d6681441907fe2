package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader"
	"github.com/qiniu/go-sdk/v7/storagev2/objects"
	sdkregion "github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"
)

// code returns the status of an error that the vendor's client returned.
func code(err error) int {
	var info *client.ErrorInfo
	if errors.As(err, &info) {
		return info.Code
	}
	return 0
}

// read downloads an object by the vendor's download manager, which finds the
// address and signs it.
func (e *emulator) read(key string) (string, error) {
	e.t.Helper()
	urls := downloader.SignURLsProvider(
		downloader.NewDefaultSrcURLsProvider(accessKey, &downloader.DefaultSrcURLsProviderOptions{
			BucketRegionsQueryOptions: sdkregion.BucketRegionsQueryOptions{
				UseInsecureProtocol: true, PersistentFilePath: filepath.Join(e.t.TempDir(), "regions.json"),
				Resolver: resolver.NewDefaultResolver(),
			},
			BucketHosts: sdkregion.Endpoints{Preferred: []string{e.address}},
		}),
		downloader.NewCredentialsSigner(e.credentials()), nil)
	manager := downloader.NewDownloadManager(&downloader.DownloadManagerOptions{
		Options: e.options(), DestinationDownloader: downloader.NewConcurrentDownloader(&downloader.ConcurrentDownloaderOptions{
			Concurrency: 2, PartSize: 1 << 20, DownloaderOptions: downloader.DownloaderOptions{RetryMax: 1, Resolver: resolver.NewDefaultResolver()},
		}),
	})
	var body bytes.Buffer
	_, err := manager.DownloadToWriter(e.t.Context(), key, &body, &downloader.ObjectOptions{
		GenerateOptions:      downloader.GenerateOptions{BucketName: bucketA, UseInsecureProtocol: true},
		DownloadURLsProvider: urls,
	})
	return body.String(), err
}

func TestSDKStoresAndReads(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, body := range map[string]string{
		"plain.txt":         "hello",
		"目录/ключ +%&?#;=.x": "odd key",
		"a&e=1&f=2":         "looks a little signed",
		"lead//..//double":  "dots",
		"long.bin":          strings.Repeat("0123456789abcdef", 3<<16), // 3 MiB, read in ranges
		"text.txt":          strings.Repeat("may come compressed ", 100),
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			e.put(name, body)
			got, err := e.read(name)
			if err != nil || got != body {
				t.Errorf("%d bytes and %v, want %d", len(got), err, len(body))
			}
		})
	}
}

func TestSDKStatsAndChanges(t *testing.T) {
	t.Parallel()
	e := start(t)
	ctx := t.Context()
	key := "a/b.txt"
	var reply struct{ Hash, Key string }
	err := e.uploads().UploadReader(ctx, strings.NewReader("hello"), &uploader.ObjectOptions{
		BucketName: bucketA, ObjectName: &key, FileName: "b.txt", ContentType: "text/x-hello",
		Metadata: map[string]string{"Color_1": "blue", "x-qn-meta-shape": "round"},
	}, &reply)
	if err != nil {
		t.Fatal(err)
	}
	object := e.bucket().Object(key)
	details, err := object.Stat().Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Hash != details.ETag || details.Size != 5 || details.MimeType != "text/x-hello" || len(details.MD5) != 16 {
		t.Errorf("stat: %+v, after the upload told %+v", details, reply)
	}
	if diff := cmp.Diff(map[string]string{"Color_1": "blue", "shape": "round"}, details.Metadata); diff != "" {
		t.Errorf("metadata: %s", diff)
	}
	if err := object.SetMetadata("text/y").Metadata(map[string]string{"shape": "square"}).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if err := object.SetMetadata("text/z").Conditions(map[string]string{"hash": "other"}).Call(ctx); code(err) != 608 {
		t.Errorf("a condition that does not hold: %v, want 608", err)
	}
	changed, err := object.Stat().Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Color_1": "blue", "shape": "square"}, changed.Metadata); diff != "" || changed.MimeType != "text/y" {
		t.Errorf("after chgm: %s %s", changed.MimeType, diff)
	}
	if !changed.UploadedAt.Equal(details.UploadedAt) {
		t.Error("chgm changed the time of the upload")
	}
}

func TestSDKCopiesMovesAndDeletes(t *testing.T) {
	t.Parallel()
	e := start(t, "-bucket", bucketA+","+bucketB)
	ctx := t.Context()
	e.put("one", "1")
	e.put("two", "2")
	one := e.bucket().Object("one")
	if err := one.CopyTo(bucketA, "two").Call(ctx); code(err) != 614 {
		t.Errorf("copy onto another object: %v, want 614", err)
	}
	if err := one.CopyTo(bucketA, "two").Force(true).Call(ctx); err != nil {
		t.Error(err)
	}
	if err := one.CopyTo(bucketB, "elsewhere").Call(ctx); err != nil {
		t.Error(err)
	}
	if err := one.MoveTo(bucketA, "three").Call(ctx); err != nil {
		t.Error(err)
	}
	if err := one.MoveTo(bucketA, "four").Call(ctx); code(err) != 612 {
		t.Errorf("move what is not there: %v, want 612", err)
	}
	if err := one.CopyTo("nowhere", "x").Call(ctx); code(err) != 612 && code(err) != 631 {
		t.Errorf("copy to no bucket: %v", err)
	}
	if diff := cmp.Diff([]string{"three", "two"}, keys(t, e.bucket(), nil)); diff != "" {
		t.Error(diff)
	}
	if err := e.bucket().Object("three").Delete().Call(ctx); err != nil {
		t.Error(err)
	}
	if err := e.bucket().Object("three").Delete().Call(ctx); code(err) != 612 {
		t.Errorf("delete what is not there: %v, want 612", err)
	}
}

// keys lists a bucket by the vendor's lister, which pages on its own.
func keys(t *testing.T, b *objects.Bucket, options *objects.ListObjectsOptions) []string {
	t.Helper()
	lister := b.List(t.Context(), options)
	defer lister.Close()
	var all []string
	var o objects.ObjectDetails
	for lister.Next(&o) {
		all = append(all, o.Name)
	}
	if err := lister.Error(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSDKLists(t *testing.T) {
	t.Parallel()
	e := start(t)
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("d%d/%02d", i%3, i))
		e.put(want[i], "x")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(t, e.bucket(), nil)); diff != "" {
		t.Error(diff)
	}
	var inD1 []string
	for _, key := range want {
		if strings.HasPrefix(key, "d1/") {
			inD1 = append(inD1, key)
		}
	}
	if diff := cmp.Diff(inD1, keys(t, e.bucket(), &objects.ListObjectsOptions{Prefix: "d1/"})); diff != "" {
		t.Error(diff)
	}
	storage := e.storage()
	var paged []string
	marker, pages := "", 0
	for ; pages == 0 || marker != ""; pages++ {
		page, err := storage.GetObjects(t.Context(), &apis.GetObjectsRequest{Bucket: bucketA, Limit: 5, Marker: marker}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			paged = append(paged, item.Key)
		}
		marker = page.Marker
	}
	if diff := cmp.Diff(want, paged); diff != "" || pages != 6 { // the full fifth page does not know that it is the last
		t.Errorf("%d pages: %s", pages, diff)
	}
	page, err := storage.GetObjects(t.Context(), &apis.GetObjectsRequest{Bucket: bucketA, Delimiter: "/"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d0/", "d1/", "d2/"}, page.CommonPrefixes); diff != "" || len(page.Items) != 0 {
		t.Errorf("by delimiter: %d items, %s", len(page.Items), diff)
	}
}

func TestSDKBatches(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("one", "1")
	b := e.bucket()
	var sizes []int64
	var refusals int
	manager := objects.NewObjectsManager(&objects.ObjectsManagerOptions{Options: e.options()})
	err := manager.Batch(t.Context(), []objects.Operation{
		b.Object("one").Stat().OnResponse(func(o *objects.ObjectDetails) { sizes = append(sizes, o.Size) }),
		b.Object("none").Delete().OnError(func(error) { refusals++ }),
	}, &objects.BatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1}, sizes); diff != "" || refusals != 1 {
		t.Errorf("%d refusals, %s", refusals, diff)
	}
}

func TestSDKRestores(t *testing.T) {
	t.Parallel()
	e := start(t)
	ctx := context.WithoutCancel(t.Context())
	e.put("cold", "kept")
	object := e.bucket().Object("cold")
	if err := object.Restore(1).Call(ctx); code(err) != 403 {
		t.Errorf("restore of what is not archived: %v, want 403", err)
	}
	if err := object.SetStorageClass(objects.ArchiveStorageClass).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if err := object.SetStorageClass(objects.ArchiveStorageClass).Call(ctx); code(err) != 400 {
		t.Errorf("archive what is archived: %v, want 400", err)
	}
	if got, err := e.read("cold"); err == nil {
		t.Errorf("an archived object was read: %q", got)
	}
	if err := object.Restore(1).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if details, err := object.Stat().Call(ctx); err != nil || details.RestoreStatus != objects.RestoringStatus {
		t.Errorf("while it thaws: %+v %v", details, err)
	}
	if got, err := e.read("cold"); err == nil {
		t.Errorf("an object was read that is not restored yet: %q", got)
	}
	e.clock(61)
	if details, err := object.Stat().Call(ctx); err != nil || details.RestoreStatus != objects.RestoredStatus {
		t.Errorf("when it has thawed: %+v %v", details, err)
	}
	if got, err := e.read("cold"); err != nil || got != "kept" {
		t.Errorf("%q %v", got, err)
	}
}

func TestSDKSetsLifeAndStatus(t *testing.T) {
	t.Parallel()
	e := start(t)
	ctx := t.Context()
	e.put("k", "hello")
	object := e.bucket().Object("k")
	if err := object.SetLifeCycle().ToIAAfterDays(1).DeleteAfterDays(2).Call(ctx); err != nil {
		t.Fatal(err)
	}
	details, err := object.Stat().Call(ctx)
	if err != nil || details.TransitionToIA == nil || details.ExpireAt == nil || details.ExpireAt.Sub(*details.TransitionToIA) != 24*time.Hour {
		t.Fatalf("%+v %v", details, err)
	}
	if left := time.Until(*details.ExpireAt); left < 48*time.Hour || left > 72*time.Hour {
		t.Errorf("it lives for %v", left)
	}
	if err := object.SetLifeCycle().DeleteAfterDays(-1).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if details, err := object.Stat().Call(ctx); err != nil || details.ExpireAt != nil || details.TransitionToIA == nil {
		t.Errorf("%+v %v", details, err)
	}
	if err := object.SetStatus(objects.DisabledStatus).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := e.read("k"); err == nil {
		t.Errorf("a disabled object was read: %q", got)
	}
	if err := object.SetStatus(objects.EnabledStatus).Call(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := e.read("k"); err != nil || got != "hello" {
		t.Errorf("%q %v", got, err)
	}
}
