package main

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	cossdk "github.com/tencentyun/cos-go-sdk-v5"
)

// listAll lists by pages and returns keys and common prefixes.
func listAll(t *testing.T, client *cossdk.Client, options cossdk.BucketGetOptions) (keys, prefixes []string, pages int) {
	t.Helper()
	for {
		page, _, err := client.Bucket.Get(t.Context(), &options)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, o := range page.Contents {
			keys = append(keys, decode(t, o.Key, options.EncodingType))
		}
		for _, p := range page.CommonPrefixes {
			prefixes = append(prefixes, decode(t, p, options.EncodingType))
		}
		if !page.IsTruncated {
			return keys, prefixes, pages
		}
		options.Marker = decode(t, page.NextMarker, options.EncodingType)
	}
}

func decode(t *testing.T, key, encoding string) string {
	t.Helper()
	if encoding == "" {
		return key
	}
	plain, err := cossdk.DecodeURIComponent(key)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestClientListsByPages(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	want := []string{"a", "b c", "dir/1", "dir/2", "dir/sub/3", "é\x01", "é&<ü>", "z+%"}
	for _, key := range want {
		if _, err := client.Object.Put(t.Context(), key, bytes.NewReader(nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for name, c := range map[string]struct {
		options        cossdk.BucketGetOptions
		keys, prefixes []string
		pages          int
	}{
		"all":             {cossdk.BucketGetOptions{EncodingType: "url"}, want, nil, 1},
		"by three":        {cossdk.BucketGetOptions{EncodingType: "url", MaxKeys: 3}, want, nil, 3},
		"below a prefix":  {cossdk.BucketGetOptions{Prefix: "dir/"}, []string{"dir/1", "dir/2", "dir/sub/3"}, nil, 1},
		"after a marker":  {cossdk.BucketGetOptions{Prefix: "dir/", Marker: "dir/1"}, []string{"dir/2", "dir/sub/3"}, nil, 1},
		"by folders":      {cossdk.BucketGetOptions{Prefix: "d", Delimiter: "/"}, nil, []string{"dir/"}, 1},
		"within a folder": {cossdk.BucketGetOptions{Prefix: "dir/", Delimiter: "/", MaxKeys: 1}, []string{"dir/1", "dir/2"}, []string{"dir/sub/"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, prefixes, pages := listAll(t, client, c.options)
			if diff := cmp.Diff(c.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.prefixes, prefixes); diff != "" {
				t.Errorf("prefixes (-want +got):\n%s", diff)
			}
			if pages != c.pages {
				t.Errorf("%d pages, want %d", pages, c.pages)
			}
		})
	}
}

func TestListingTellsWhatHeadTells(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	put := &cossdk.ObjectPutOptions{ObjectPutHeaderOptions: &cossdk.ObjectPutHeaderOptions{XCosStorageClass: "INTELLIGENT_TIERING"}}
	if _, err := client.Object.Put(t.Context(), "key", bytes.NewReader([]byte("body")), put); err != nil {
		t.Fatal(err)
	}
	page, _, err := client.Bucket.Get(t.Context(), nil)
	if err != nil || len(page.Contents) != 1 {
		t.Fatalf("listing: %+v, %v", page, err)
	}
	got := page.Contents[0]
	got.LastModified = ""
	want := cossdk.Object{
		Key: "key", ETag: quoted(md5Of([]byte("body"))), Size: 4, StorageClass: "INTELLIGENT_TIERING", StorageTier: "FREQUENT",
		Owner: &cossdk.Owner{ID: "1250000000", DisplayName: "1250000000"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestClientListsUploadsByPages(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	var want []string
	for i := range 7 {
		key := fmt.Sprintf("up/%d", i/2) // some keys twice
		begun, _, err := client.Object.InitiateMultipartUpload(t.Context(), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, key+" "+begun.UploadID)
	}
	slices.Sort(want)
	for limit := 1; limit <= 8; limit += 3 {
		var got []string
		options := &cossdk.ObjectListUploadsOptions{MaxUploads: limit, Prefix: "up/"}
		for {
			page, _, err := client.Object.ListUploads(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Upload {
				got = append(got, u.Key+" "+u.UploadID)
			}
			if !page.IsTruncated {
				break
			}
			options.KeyMarker, options.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("uploads by %d (-want +got):\n%s", limit, diff)
		}
	}
	grouped, _, err := client.Object.ListUploads(t.Context(), &cossdk.ObjectListUploadsOptions{Delimiter: "/"})
	if err != nil || len(grouped.Upload) != 0 || !slices.Equal(grouped.CommonPrefixes, []string{"up/"}) {
		t.Errorf("grouped uploads: %+v, %v", grouped, err)
	}
}
