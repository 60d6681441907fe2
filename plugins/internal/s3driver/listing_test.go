package s3driver

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestRestoredCopies: where listings tell of them, an archived object without one is frozen,
// and one of a class that needs none is not.
func TestRestoredCopies(t *testing.T) {
	const listing = `<ListBucketResult><IsTruncated>false</IsTruncated>
  <Contents><Key>archived</Key><Size>1</Size><StorageClass>GLACIER</StorageClass></Contents>
  <Contents><Key>begun</Key><Size>1</Size><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus><StorageClass>GLACIER</StorageClass></Contents>
  <Contents><Key>empty</Key><Size>1</Size><RestoreStatus/><StorageClass>GLACIER</StorageClass></Contents>
  <Contents><Key>instant</Key><Size>1</Size><StorageClass>GLACIER_IR</StorageClass></Contents>
  <Contents><Key>plain</Key><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>
  <Contents><Key>restored</Key><StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2026-11-30T00:00:00Z</RestoreExpiryDate></RestoreStatus><Size>5</Size></Contents>
</ListBucketResult>`
	for told, want := range map[bool][]string{true: {"archived", "begun", "empty"}, false: nil} {
		profile := rich
		profile.Listing.Restores = told
		profile.Classes = append(profile.Classes, Class{"GLACIER_IR", "archive-instant"})
		header := ""
		bucket, _ := answering(t, profile, func(w http.ResponseWriter, r *http.Request) {
			header = r.Header.Get("X-Amz-Optional-Object-Attributes")
			if told != strings.Contains(r.Header.Get("Authorization"), "x-amz-optional-object-attributes") {
				t.Errorf("signed: %s", r.Header.Get("Authorization"))
			}
			fmt.Fprint(w, listing)
		})
		page, err := bucket.List(t.Context(), driver.ListRequest{})
		if err != nil || len(page.Objects) != 6 || page.Objects[5].Size != 5 || told != (header == "RestoreStatus") {
			t.Fatalf("List = %+v, %v, asked for %q", page, err, header)
		}
		var frozen []string
		for _, object := range page.Objects {
			if object.Frozen {
				frozen = append(frozen, object.Key)
			}
		}
		if diff := cmp.Diff(want, frozen); diff != "" {
			t.Errorf("told %t: frozen (-want +got):\n%s", told, diff)
		}
	}
}

// asked is what the pages of these tests were asked for.
var asked = control.Asked{Bucket: "b"}

func TestParseListing(t *testing.T) {
	t.Parallel()
	modified := time.Date(2026, 11, 23, 7, 31, 47, 803e6, time.UTC)
	cases := map[string]struct {
		document string
		want     driver.ListPage
	}{
		"empty": {`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><IsTruncated>false</IsTruncated></ListBucketResult>`,
			driver.ListPage{Objects: []driver.Object{}}},
		"page": {`<ListBucketResult>
  <!-- a comment > --><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b==</NextContinuationToken>
  <Contents><Key>a+b%2Bc%20d</Key><LastModified>2026-11-23T07:31:47.803Z</LastModified><ETag>&quot;e1&#34;</ETag><Size>12</Size>
    <Owner><ID>1</ID><DisplayName>Key</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>
  <Contents><ETag>"e2-3"</ETag><Size>0</Size><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><StorageClass>GLACIER</StorageClass><Key>&#x1F680;</Key></Contents>
  <CommonPrefixes><Prefix/></CommonPrefixes>
  <EncodingType>url</EncodingType></ListBucketResult>`,
			driver.ListPage{Next: "a&b==", Objects: []driver.Object{
				{Key: "a b+c d", Size: 12, ETag: "e1", Modified: modified},
				{Key: "🚀", ETag: "e2-3", StorageClass: "GLACIER"},
			}}},
		"empty elements": {`<ListBucketResult><Delimiter/><Prefix/><Marker/><ContinuationToken/><StartAfter/><CommonPrefixes/><IsTruncated>false</IsTruncated><Contents><Owner/><StorageClass /><Key>a</Key><Size>1</Size><ETag/></Contents></ListBucketResult>`,
			driver.ListPage{Objects: []driver.Object{{Key: "a", Size: 1}}}},
		"keys that are not encoded": {`<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a+b%2B &lt;&gt;&amp;&apos;&quot;&#xA;&#x9;</Key><Size>0</Size></Contents><EncodingType></EncodingType></ListBucketResult>`,
			driver.ListPage{Objects: []driver.Object{{Key: "a+b%2B <>&'\"\n\t"}}}},
		"a key of markup": {`<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>&lt;IsTruncated&gt;true&lt;/IsTruncated&gt;</Key><Size>0</Size></Contents></ListBucketResult>`,
			driver.ListPage{Objects: []driver.Object{{Key: "<IsTruncated>true</IsTruncated>"}}}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := (Listing{}).parse([]byte(test.document), asked)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("parse (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCutListing cuts a page at every byte: no prefix of it may pass for a page.
func TestCutListing(t *testing.T) {
	t.Parallel()
	whole := `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key><Size>1</Size></Contents></ListBucketResult>`
	for i := range whole {
		if page, err := (Listing{}).parse([]byte(whole[:i]), asked); err == nil {
			t.Errorf("%q passes for a page: %+v", whole[:i], page)
		}
	}
	for _, wrong := range []string{"<Error><Code>x</Code></Error>", "<html></html>", "{}", "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>", "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%zz</Key><Size>1</Size></Contents><EncodingType>url</EncodingType></ListBucketResult>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"} {
		if page, err := (Listing{}).parse([]byte(wrong), asked); err == nil {
			t.Errorf("%q passes for a page: %+v", wrong, page)
		}
	}
}

// TestListingOfSomethingElse: what the vendor's document says of a page is compared with what
// was asked for. A page that was cut, or is of another listing, is none.
func TestListingOfSomethingElse(t *testing.T) {
	const entry = "<Contents><Key>p/a</Key><Size>1</Size></Contents>"
	for name, test := range map[string]struct {
		listing Listing
		inside  string
		text    string // of the error; empty for none
	}{
		"as asked for":           {Listing{}, "<Name>bucket</Name><Prefix>p/</Prefix><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>" + entry, ""},
		"version 1":              {Listing{V1: true}, "<Name>bucket</Name><Prefix>p/</Prefix><IsTruncated>true</IsTruncated>" + entry, ""},
		"a prefix encoded":       {Listing{}, "<Prefix>p%2F</Prefix><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>", ""},
		"nothing":                {Listing{}, "", "whether more pages follow"},
		"nothing of version 1":   {Listing{V1: true}, entry, "whether more pages follow"},
		"a token alone":          {Listing{}, entry + "<NextContinuationToken>t</NextContinuationToken>", "whether more pages follow"},
		"a token too many":       {Listing{}, "<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>", "no page follows"},
		"no token":               {Listing{}, "<IsTruncated>true</IsTruncated>" + entry, "and not where"},
		"no marker and no key":   {Listing{V1: true}, "<IsTruncated>true</IsTruncated>", "and not where"},
		"another bucket":         {Listing{}, "<Name>other</Name><IsTruncated>false</IsTruncated>" + entry, `of bucket "other"`},
		"another prefix":         {Listing{}, "<Prefix>q/</Prefix><IsTruncated>false</IsTruncated>" + entry, `of prefix "q/"`},
		"no prefix":              {Listing{}, "<Prefix/><IsTruncated>false</IsTruncated>" + entry, `of prefix ""`},
		"more keys than entries": {Listing{}, "<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>" + entry, "2 keys and has 1"},
		"fewer":                  {Listing{}, "<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>" + entry, "0 keys and has 1"},
		"an entry without a key": {Listing{}, "<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>", "does not speak S3"},
		"one without a size":     {Listing{}, "<IsTruncated>false</IsTruncated><Contents><Key>p/a</Key></Contents>", "does not speak S3"},
		"an empty one":           {Listing{}, "<IsTruncated>false</IsTruncated><Contents/>", "does not speak S3"},
		"a folder":               {Listing{}, "<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>" + entry + "<CommonPrefixes><Prefix>p/b/</Prefix></CommonPrefixes>", "by the delimiter"},
		"folders alone":          {Listing{}, "<IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>p/b/</Prefix></CommonPrefixes><CommonPrefixes/>", "by the delimiter"},
		"a delimiter":            {Listing{}, "<Delimiter>%2F</Delimiter><IsTruncated>false</IsTruncated>" + entry, `by the delimiter "%2F"`},
		"the token asked for":    {Listing{}, "<ContinuationToken>t+1=</ContinuationToken><IsTruncated>false</IsTruncated>" + entry, ""},
		"the token encoded":      {Listing{}, "<ContinuationToken>t%2B1%3D</ContinuationToken><IsTruncated>false</IsTruncated>" + entry, ""},
		"start-after as both":    {Listing{}, "<StartAfter>p/0</StartAfter><ContinuationToken>p/0</ContinuationToken><IsTruncated>false</IsTruncated>" + entry, ""},
		"another token":          {Listing{}, "<ContinuationToken>other</ContinuationToken><IsTruncated>false</IsTruncated>" + entry, `begins after "other"`},
		"another start":          {Listing{}, "<StartAfter>p/1</StartAfter><IsTruncated>false</IsTruncated>" + entry, `begins after "p/1"`},
		"a marker of version 1":  {Listing{}, "<Marker>p/1</Marker><IsTruncated>false</IsTruncated>" + entry, ""},
		"a token of version 2":   {Listing{V1: true}, "<ContinuationToken>p/1</ContinuationToken><StartAfter>p/1</StartAfter><IsTruncated>false</IsTruncated>" + entry, ""},
		"another marker":         {Listing{V1: true}, "<Marker>p/1</Marker><IsTruncated>false</IsTruncated>" + entry, `begins after "p/1"`},
	} {
		t.Run(name, func(t *testing.T) {
			profile := rich
			profile.Listing = test.listing
			bucket, _ := answering(t, profile, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, "<ListBucketResult>"+test.inside+"</ListBucketResult>")
			})
			page, err := bucket.List(t.Context(), driver.ListRequest{Prefix: "p/", Token: "t+1=", StartAfter: "p/0"})
			switch {
			case test.text == "" && err != nil:
				t.Error(err)
			case test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)):
				t.Errorf("List = %+v, %v, want %q", page, err, test.text)
			}
		})
	}
}

// FuzzParseListing writes keys with encoding/xml and reads them back.
func FuzzParseListing(f *testing.F) {
	for _, key := range []string{"", "a/b", "<&>'\"", "a+b %2B", "\r\n\t", "🚀", "]]>"} {
		f.Add(key, "token", true)
		f.Add(key, "", false)
	}
	f.Fuzz(func(t *testing.T, key, token string, encoded bool) {
		want, encoding := key, ""
		if encoded {
			key, encoding = url.QueryEscape(key), "url"
		} else {
			want = xmlText(key)
		}
		var document strings.Builder
		fmt.Fprintf(&document, "<ListBucketResult><IsTruncated>%t</IsTruncated><Contents><Size>1</Size><Key>", xmlText(token) != "")
		_ = xml.EscapeText(&document, []byte(key))
		document.WriteString("</Key></Contents><NextContinuationToken>")
		_ = xml.EscapeText(&document, []byte(token))
		document.WriteString("</NextContinuationToken><EncodingType>" + encoding + "</EncodingType></ListBucketResult>")
		page, err := (Listing{}).parse([]byte(document.String()), asked)
		if want == "" && err != nil { // no object has the empty key
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, document.String())
		}
		if len(page.Objects) != 1 || page.Objects[0].Key != want || page.Next != xmlText(token) {
			t.Errorf("got %+v, want key %q and token %q", page, want, xmlText(token))
		}
	})
}

// FuzzListingOfAnything reads what is no listing: it may fail but not panic.
func FuzzListingOfAnything(f *testing.F) {
	for _, document := range []string{"<>", "<ListBucketResult><>", "<ListBucketResult/>", "<!---->", "<?", "</", "<ListBucketResult><Contents><Key>&;", "<ListBucketResult><Contents><ETag>&quot;</ETag>"} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(_ *testing.T, document []byte) { _, _ = (Listing{}).parse(document, asked) })
}

// xmlText is what XML can carry of a text.
func xmlText(text string) string {
	var document strings.Builder
	_ = xml.EscapeText(&document, []byte(text))
	var back string
	_ = xml.Unmarshal([]byte("<a>"+document.String()+"</a>"), &back)
	return back
}

func BenchmarkParseListing(b *testing.B) {
	var document strings.Builder
	document.WriteString(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>`)
	for i := range 1000 {
		fmt.Fprintf(&document, `<Contents><Key>some/prefix/2026/11/23/object-%08d.parquet</Key><LastModified>2026-11-23T07:31:47.803Z</LastModified><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>4096</Size><StorageClass>STANDARD</StorageClass></Contents>`, i)
	}
	document.WriteString("</ListBucketResult>")
	page := []byte(document.String())
	perSignature(b, func() error {
		_, err := (Listing{}).parse(page, asked)
		return err
	})
}
