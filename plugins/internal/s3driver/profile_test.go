package s3driver

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestParseProfileRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ document, want string }{
		"misspelt quirk":   {"title: x\nconditional-gte: true\n", "conditional-gte"},
		"misspelt nested":  {"listing:\n  v2: true\n", "v2"},
		"unknown checksum": {"checksums:\n  stored: [crc64]\n", `unknown checksum "crc64"`},
		"unknown tier":     {"classes:\n  - {name: A, tier: cold}\n", `class A has the unknown tier "cold"`},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseProfile("p", []byte(test.document))
			if err == nil || !strings.Contains(err.Error(), "profile p: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseProfile = %v, want %q", err, test.want)
			}
		})
	}
}

func TestSessionOfProfile(t *testing.T) {
	t.Parallel()
	profile, err := ParseProfile("p", []byte(`
checksums: {stored: [crc32c]}
metadata: {bytes: 100, name-chars: "ab-", max-name: 9, max-value: 8, lost-headers: [expires]}
copies: {objects: true, parts: true}
classes: [{name: HOT, tier: hot}, {name: DEEP, tier: deep-archive}]
restore: true
events: true
limits: {max-copy: 7, max-tags: 3}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := profile.session()
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Session{
		Capabilities: []driver.Capability{
			driver.CapabilityUploader, driver.CapabilityCopier, driver.CapabilityTagger, driver.CapabilityRestorer, driver.CapabilityEventParser,
		},
		Limits:         driver.Limits{MaxCopy: 7, MaxMetadata: 100, MaxTags: 3},
		Checksums:      driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmCRC32C}},
		MetadataRules:  driver.MetadataRules{NameChars: "ab-", MaxName: 9, MaxValue: 8, VisibleASCII: true, LostHeaders: []string{"expires"}},
		StorageClasses: []driver.StorageClass{{Name: "HOT", Tier: driver.TierHot}, {Name: "DEEP", Tier: driver.TierDeepArchive}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
}

func TestListingQuery(t *testing.T) {
	t.Parallel()
	request := driver.ListRequest{Prefix: "p/", StartAfter: "p/a b", MaxKeys: 9}
	next := request
	next.Token = "p/t&"
	cases := map[string]struct {
		listing     Listing
		first, then string
	}{
		"version 2": {Listing{}, "encoding-type=url&list-type=2&max-keys=9&prefix=p%2F&start-after=p%2Fa%20b",
			"continuation-token=p%2Ft%26&encoding-type=url&list-type=2&max-keys=9&prefix=p%2F"},
		"version 1": {Listing{V1: true}, "encoding-type=url&marker=p%2Fa%20b&max-keys=9&prefix=p%2F",
			"encoding-type=url&marker=p%2Ft%26&max-keys=9&prefix=p%2F"},
		"version 1, no encoding": {Listing{V1: true, NoEncoding: true}, "marker=p%2Fa%20b&max-keys=9&prefix=p%2F", "marker=p%2Ft%26&max-keys=9&prefix=p%2F"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{test.first, test.then}, []string{test.listing.query(request), test.listing.query(next)}); diff != "" {
				t.Errorf("queries (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNextMarker reads where a listing of version 1 goes on, told or not.
func TestNextMarker(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ document, want string }{
		"last key": {`<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>b%2Bc</Key><Size>1</Size></Contents><EncodingType>url</EncodingType></ListBucketResult>`, "b+c"},
		"told":     {`<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>x%20y</NextMarker><Contents><Key>a</Key><Size>1</Size></Contents><EncodingType>url</EncodingType></ListBucketResult>`, "x y"},
		"as it is": {`<ListBucketResult><NextMarker>x%20y&amp;</NextMarker><IsTruncated>true</IsTruncated></ListBucketResult>`, "x%20y&"},
		"the end":  {`<ListBucketResult><NextMarker>x</NextMarker><IsTruncated>false</IsTruncated></ListBucketResult>`, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := Listing{V1: true}.parse([]byte(test.document), asked)
			if err != nil || page.Next != test.want {
				t.Errorf("next is %q, %v, want %q", page.Next, err, test.want)
			}
		})
	}
	if page, err := (Listing{V1: true}).parse([]byte(`<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`), asked); err == nil {
		t.Errorf("a page without an end passes for %+v", page)
	}
}

// TestPlainRequests wants nothing in control calls that Google Cloud Storage refuses or
// changes, and no question for checksums where the store keeps none.
func TestPlainRequests(t *testing.T) {
	bucket, _ := answering(t, Profile{Listing: Listing{NoEncoding: true}}, func(w http.ResponseWriter, r *http.Request) {
		for _, unwanted := range []string{"accept-encoding", "amz-sdk", "x-amz-checksum"} {
			if strings.Contains(r.Header.Get("Authorization"), unwanted) {
				t.Errorf("%s %s signs %s", r.Method, r.URL, unwanted)
			}
		}
		for _, unwanted := range []string{"x-id", "encoding-type"} {
			if r.URL.Query().Has(unwanted) {
				t.Errorf("%s %s has %s", r.Method, r.URL, unwanted)
			}
		}
		w.Header().Set("Etag", `"e"`)
	})
	for _, call := range calls(bucket) {
		_ = call(context.Background()) // the answers say nothing; what was asked is looked at above
	}
	exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil || len(exchange.Header) > 0 {
		t.Errorf("the headers of a GET are %v, %v", exchange.Header, err)
	}
}
