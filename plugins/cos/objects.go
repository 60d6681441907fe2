package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const checksumHeader = "x-cos-hash-crc64ecma"

// List returns one page, by the older of the two protocols that S3 knows: COS has no
// other. Source: https://www.tencentcloud.com/document/product/436/7734.
func (b *bucket) List(ctx context.Context, request driver.ListRequest) (page driver.ListPage, err error) {
	defer b.blame("List", "", &err)
	return b.list(ctx, request)
}

func (b *bucket) list(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	marker := cmp.Or(request.Token, request.StartAfter)
	query := []driver.Header{{Name: "encoding-type", Value: "url"}}
	if marker != "" {
		query = append(query, driver.Header{Name: "marker", Value: marker})
	}
	if request.MaxKeys > 0 {
		query = append(query, driver.Header{Name: "max-keys", Value: strconv.Itoa(request.MaxKeys)})
	}
	if request.Prefix != "" {
		query = append(query, driver.Header{Name: "prefix", Value: request.Prefix})
	}
	answer, err := b.do(ctx, call{method: "GET", query: query})
	if err != nil {
		return driver.ListPage{}, err
	}
	page, err := readListing(answer.Body, control.Asked{Bucket: b.name, Prefix: request.Prefix, After: marker})
	if err == nil && page.Next != "" && page.Next <= marker {
		err = errors.New("it leads nowhere")
	}
	if err != nil {
		return driver.ListPage{}, dialect.Foreign("a listing", answer, err)
	}
	return page, nil
}

var errNoListing = errors.New("it is no whole ListBucketResult")

// readListing reads a page as text: encoding/xml takes four times as long, and a
// listing of ten million keys is common. Keys are URL-encoded, so no text holds "<".
func readListing(document []byte, asked control.Asked) (page driver.ListPage, err error) {
	if !bytes.Contains(document, []byte("<ListBucketResult")) || !bytes.Contains(document, []byte("</ListBucketResult>")) {
		return page, errNoListing
	}
	page.Objects = make([]driver.Object, 0, bytes.Count(document, []byte("<Contents>")))
	rest := document
	for {
		_, after, found := bytes.Cut(rest, []byte("<Contents>"))
		if !found {
			break
		}
		one, next, closed := bytes.Cut(after, []byte("</Contents>"))
		object := driver.Object{
			ETag: control.Unquote(element(one, "ETag")), StorageClass: className(element(one, "StorageClass")), Modified: parseTime(element(one, "LastModified")),
		}
		var errKey, errSize error
		object.Key, errKey = url.QueryUnescape(element(one, "Key"))
		object.Size, errSize = strconv.ParseInt(element(one, "Size"), 10, 64)
		if err := errors.Join(errKey, errSize); err != nil || !closed || object.Key == "" {
			return driver.ListPage{}, errors.Join(errNoListing, err)
		}
		page.Objects, rest = append(page.Objects, object), next
	}
	if page.Next, err = url.QueryUnescape(element(document, "NextMarker")); err != nil {
		return driver.ListPage{}, errors.Join(errNoListing, err)
	}
	listed := control.Listed{
		Bucket: said(document, "Name"), Prefix: said(document, "Prefix"), Truncated: said(document, "IsTruncated"), Next: page.Next,
		Delimiter: element(document, "Delimiter"), Grouped: grouped(document),
		Begins: []string{element(document, "Marker")},
	}
	if err := listed.Check(asked, len(page.Objects)); err != nil {
		return driver.ListPage{}, err
	}
	return page, nil
}

// grouped says whether a page has CommonPrefixes that hold anything.
func grouped(document []byte) bool {
	_, rest, _ := bytes.Cut(document, []byte("<CommonPrefixes>"))
	group, _, _ := bytes.Cut(rest, []byte("</CommonPrefixes>"))
	return element(group, "Prefix") != ""
}

// said is element for what a page may leave out.
func said(document []byte, name string) *string {
	text := element(document, name)
	if text == "" && !bytes.Contains(document, []byte("<"+name+">")) && !bytes.Contains(document, []byte("<"+name+"/>")) {
		return nil
	}
	return &text
}

// element returns the text of the first element of that name, empty where there is
// none. It asks for no whole document: beside what is looked for stand keys as they
// are, with characters that no XML parser takes; "<" is escaped even there.
func element(document []byte, name string) string {
	_, rest, _ := bytes.Cut(document, []byte("<"+name+">"))
	text, _, closed := bytes.Cut(rest, []byte("</"+name+">"))
	if !closed {
		return ""
	}
	return html.UnescapeString(string(text))
}

// className returns the class as driver.Object tells it: the default one is empty.
func className(name string) string {
	if name == "STANDARD" {
		return ""
	}
	return name
}

func parseTime(text string) time.Time {
	at, _ := time.Parse(time.RFC3339, text) // zero where there is none
	return at.UTC()
}

// Stat asks for one object by HEAD, whose attributes are always the object's own.
func (b *bucket) Stat(ctx context.Context, request driver.StatRequest) (object driver.Object, err error) {
	defer b.blame("Stat", request.Key, &err)
	if _, err := b.path(request.Key); err != nil {
		return driver.Object{}, err
	}
	look := call{method: "HEAD", key: request.Key, query: versioned(request.VersionID)}
	answer, err := b.do(ctx, look)
	var refused *driver.Error
	if errors.As(err, &refused) && refused.Status >= 300 && refused.Status < 500 {
		// The answer to a HEAD has no document: a GET tells an absent key from an absent
		// bucket, and a missing right from a wrong clock.
		look.method, look.header = "GET", []driver.Header{{Name: "range", Value: "bytes=0-0"}}
		if _, err = b.do(ctx, look); err == nil {
			err = &driver.Error{Kind: driver.KindUnavailable, Message: "the object appeared while it was looked at: ask again"}
		}
	}
	if err != nil {
		return driver.Object{}, err
	}
	if object = attributes.Object(request.Key, answer.Header); object.ETag == "" {
		return driver.Object{}, dialect.Foreign("a HEAD of an object", answer, nil)
	}
	object.VersionID = answer.Header.Get("x-cos-version-id")
	object.StorageClass = className(answer.Header.Get("x-cos-storage-class"))
	object.Checksums = checksums(answer.Header)
	return object, nil
}

// checksums reads the CRC-64 of an answer. Source:
// https://www.tencentcloud.com/document/product/436/45260.
func checksums(header http.Header) []driver.Checksum {
	number, err := strconv.ParseUint(header.Get(checksumHeader), 10, 64)
	if err != nil {
		return nil // older objects and copies of them have none
	}
	return []driver.Checksum{{Algorithm: driver.AlgorithmCRC64ECMA, Value: string(binary.BigEndian.AppendUint64(nil, number))}}
}

// Delete removes the current version of the key.
func (b *bucket) Delete(ctx context.Context, request driver.DeleteRequest) (err error) {
	defer b.blame("Delete", request.Key, &err)
	if _, err := b.path(request.Key); err != nil {
		return err
	}
	answer, err := b.do(ctx, call{method: "DELETE", key: request.Key})
	return unless("NoSuchKey", done("a deletion", answer, err))
}

// done says whether a success without a document is COS's, by the request id that every
// answer of COS has: the login page of a proxy has none. Source:
// https://www.tencentcloud.com/document/product/436/7729.
func done(what string, answer control.Answer, err error) error {
	if err == nil && !dialect.FromStore(answer) {
		return dialect.Foreign(what, answer, nil)
	}
	return err
}

// unless forgives the one refusal that leaves nothing to do.
func unless(code string, err error) error {
	var failure *driver.Error
	if errors.As(err, &failure) && failure.Code == code {
		return nil
	}
	return err
}

// Tags returns the tags of an object.
func (b *bucket) Tags(ctx context.Context, request driver.StatRequest) (tags []driver.Tag, err error) {
	defer b.blame("Tags", request.Key, &err)
	query := append([]driver.Header{{Name: "tagging"}}, versioned(request.VersionID)...)
	answer, err := b.do(ctx, call{method: "GET", key: request.Key, query: query})
	if err != nil {
		return nil, err
	}
	var found cos.ObjectGetTaggingResult
	if err := read("a tag set", answer, &found); err != nil {
		return nil, err
	}
	for _, tag := range found.TagSet {
		tags = append(tags, driver.Tag{Key: tag.Key, Value: tag.Value})
	}
	slices.SortFunc(tags, func(a, b driver.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags, nil
}

// Restore asks for an archived object to be readable, at the pace that both archive
// classes have. Source: https://www.tencentcloud.com/document/product/436/12633.
func (b *bucket) Restore(ctx context.Context, request driver.RestoreRequest) (readable bool, err error) {
	defer b.blame("Restore", request.Key, &err)
	query := append([]driver.Header{{Name: "restore"}}, versioned(request.VersionID)...)
	wish := &cos.ObjectRestoreOptions{Days: request.Days, Tier: &cos.CASJobParameters{Tier: "Standard"}}
	answer, err := b.do(ctx, call{method: "POST", key: request.Key, query: query, body: wish})
	if driver.KindOf(err) == driver.KindFrozen {
		return true, nil // it is not archived
	}
	err = done("a restoration", answer, err)
	return err == nil && answer.Status == http.StatusOK, unless("RestoreAlreadyInProgress", err)
}
