package wire

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// through sends a message over the wire: it is encoded and decoded by protobuf.
func through[M proto.Message](tb testing.TB, message, empty M) M {
	tb.Helper()
	encoded, err := proto.Marshal(message)
	if err != nil {
		tb.Fatal(err)
	}
	if err := proto.Unmarshal(encoded, empty); err != nil {
		tb.Fatal(err)
	}
	return empty
}

var (
	moment     = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	checksum   = driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\x00\xff12345\n", Composite: true}
	attributes = driver.Attributes{
		ContentType: "text/plain", ContentEncoding: "gzip", ContentLanguage: "de", ContentDisposition: "inline; filename=\"\xe4\"",
		CacheControl: "no-cache", Expires: "never", Metadata: []driver.Metadata{{Name: "a", Value: "\xff"}, {Name: "b"}},
	}
	// read is what is told of an object that was read; nothing of NotCarried is ever written.
	read = driver.Attributes{
		ContentType: "text/plain", Metadata: attributes.Metadata, NotCarried: []string{"x-redirect: /\xff"},
	}
	object = driver.Object{
		Key: "k\xff/\x00", Size: math.MaxInt64, ETag: "W/\"\xfe\"", Modified: moment, VersionID: "v\xff", StorageClass: "GLACIER",
		Attributes: read, Checksums: []driver.Checksum{checksum},
	}
	part = driver.Part{Number: 10_000, Size: 5 << 30, ETag: "e", Checksums: []driver.Checksum{checksum}}
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	session := driver.Session{
		Identity: "host/bucket", Capabilities: []driver.Capability{driver.CapabilityUploader, 999},
		Limits:    driver.Limits{MaxPut: 1, MinPart: 2, MaxPart: 3, MaxParts: 4, MaxObject: 5, MaxMetadata: 6, MaxKeys: 7, ListOrdered: true, ListStartAfter: true, StronglyConsistent: true},
		Checksums: driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmMD5}, ETagMD5: true, BodyFirst: true},
		KeyRules:  driver.KeyRules{MaxBytes: 1, MaxSegment: 2, NoEmptySegment: true, NoDotSegment: true, NoLeadingSlash: true, NoTrailingSlash: true, NoControl: true, NoParentConflict: true, LookUp: true, Forbidden: []string{"\\"}},
		Transport: driver.Transport{CA: "/ca", ClientCert: "/cert", Proxy: "none"},
		Expires:   moment,
	}
	description := driver.Description{Name: "n", Title: "t", Version: "1", Options: []driver.Option{{Name: "o", Summary: "s", Default: "d", Values: []string{"d"}, Required: true}}}
	upload := driver.Upload{UploadRef: driver.UploadRef{Key: "k\xff", ID: "u\xff"}, Initiated: moment, Expires: moment}
	list := driver.ListRequest{Prefix: "p\xff", StartAfter: "s\xff", Token: "t\xff", MaxKeys: 9}
	complete := driver.CompleteUploadRequest{Upload: upload.UploadRef, Parts: []driver.Part{part}, Size: 5, Checksum: checksum, Attributes: attributes}
	uploads := driver.UploadsPage{Uploads: []driver.Upload{upload}, Next: "n\xff"}
	parts := driver.PartsPage{Parts: []driver.Part{part, {}}, Next: "n\xff"}
	events := []driver.Event{
		{Kind: driver.EventDeleted, Name: "n", Bucket: "b\xff", Key: "k\xff", VersionID: "v\xff", Size: 5, ETag: "e\xff", Sequencer: "0A", Time: moment},
		{Name: "n", Problem: "it lacks a key"},
	}
	for name, pair := range map[string][2]any{
		"description":      {description, ToDescription(through(t, FromDescription(description), &storagepb.DescribeResponse{}))},
		"session":          {session, ToSession(through(t, FromSession(session), &storagepb.Session{}))},
		"empty session":    {driver.Session{}, ToSession(through(t, FromSession(driver.Session{}), &storagepb.Session{}))},
		"object":           {object, ToObject(through(t, FromObject(object), &storagepb.Object{}))},
		"empty object":     {driver.Object{}, ToObject(nil)},
		"upload":           {upload, ToUpload(through(t, FromUpload(upload), &storagepb.Upload{}))},
		"uploads":          {uploads, ToUploadsPage(through(t, FromUploadsPage(uploads), &storagepb.ListUploadsResponse{}))},
		"parts":            {parts, ToPartsPage(through(t, FromPartsPage(parts), &storagepb.ListPartsResponse{}))},
		"events":           {events, ToEvents(through(t, FromEvents(events), &storagepb.ParseEventsResponse{}))},
		"list request":     {list, ToList(through(t, FromList(1, list), &storagepb.ListRequest{}))},
		"complete request": {complete, ToComplete(through(t, FromComplete(1, complete), &storagepb.CompleteUploadRequest{}))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, want time.Time }{
		"zero":         {time.Time{}, time.Time{}},
		"now":          {moment, moment},
		"before 1970":  {time.Unix(-5, 0).UTC(), time.Unix(-5, 0).UTC()},
		"other zone":   {moment.In(time.FixedZone("x", 3600)), moment},
		"out of range": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
	} {
		if got := ToTime(FromTime(test.in)); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestListPageRoundTrip(t *testing.T) {
	t.Parallel()
	plain := func(key, class string) driver.Object {
		return driver.Object{Key: key, Size: int64(len(key)), ETag: key + "e", Modified: moment, StorageClass: class}
	}
	frozen := plain("c", "X")
	frozen.Frozen = true
	for name, page := range map[string]driver.ListPage{
		"frozen":          {Objects: []driver.Object{frozen, plain("d", "X"), frozen}},
		"empty":           {},
		"only a token":    {Next: "t\xff"},
		"default classes": {Objects: []driver.Object{plain("a", ""), plain("b\xff", ""), {}}, Next: "n"},
		"mixed classes":   {Objects: []driver.Object{plain("a", "X"), plain("b", ""), plain("c", "Y"), plain("d", "X")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ToListPage(through(t, FromListPage(page), &storagepb.ListResponse{}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(page, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListPageIsDecodedWithFewAllocations(t *testing.T) {
	page := driver.ListPage{}
	for i := range 1000 {
		page.Objects = append(page.Objects, driver.Object{Key: fmt.Sprintf("key-%04d", i), ETag: fmt.Sprintf("etag-%04d", i), Modified: moment})
	}
	response := FromListPage(page)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := ToListPage(response); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("%v allocations for 1,000 keys", n)
	}
}

func TestListPageThatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	good := func() *storagepb.ListResponse {
		return FromListPage(driver.ListPage{Objects: []driver.Object{{Key: "a", ETag: "e", StorageClass: "X"}, {Key: "b", ETag: "f"}}})
	}
	for name, spoil := range map[string]func(*storagepb.ListResponse){
		"sizes":           func(m *storagepb.ListResponse) { m.Sizes = m.Sizes[1:] },
		"etag lengths":    func(m *storagepb.ListResponse) { m.EtagLengths = nil },
		"times":           func(m *storagepb.ListResponse) { m.Modified = append(m.Modified, 1) },
		"keys too short":  func(m *storagepb.ListResponse) { m.Keys = m.Keys[1:] },
		"keys too long":   func(m *storagepb.ListResponse) { m.Keys = append(m.Keys, 'x') },
		"etags too short": func(m *storagepb.ListResponse) { m.Etags = nil },
		"huge length":     func(m *storagepb.ListResponse) { m.KeyLengths[1] = math.MaxUint32 },
		"classes":         func(m *storagepb.ListResponse) { m.StorageClass = m.StorageClass[1:] },
		"unknown frozen":  func(m *storagepb.ListResponse) { m.Frozen = []uint32{2} },
		"unknown class":   func(m *storagepb.ListResponse) { m.StorageClass[0] = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := good()
			spoil(message)
			if page, err := ToListPage(message); err == nil {
				t.Errorf("accepted as %v", page)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	full := &driver.Error{
		Op: "Stat", Bucket: "b", Key: "k\xff", Kind: driver.KindThrottled, Code: "SlowDown", Status: 503, RequestID: "r",
		RetryAfter: time.Minute, Message: "slow down",
	}
	canceled := &driver.Error{Op: "List", Kind: driver.KindUnavailable, Message: "gave up", Err: context.Canceled}
	for name, test := range map[string]struct{ in, want error }{
		"full":            {full, full},
		"wrapped":         {fmt.Errorf("around: %w", full), full},
		"plain":           {errors.New("plain"), &driver.Error{Message: "plain"}},
		"cause's text":    {&driver.Error{Op: "O", Err: errors.New("cause")}, &driver.Error{Op: "O", Message: "cause"}},
		"canceled":        {context.Canceled, context.Canceled},
		"deadline":        {fmt.Errorf("x: %w", context.DeadlineExceeded), context.DeadlineExceeded},
		"canceled inside": {canceled, canceled},
		"query string":    {errors.New(`Get "https://h/k?X-Amz-Signature=canary": EOF`), &driver.Error{Message: `Get "https://h/k?…": EOF`}},
		"not UTF-8":       {errors.New("bad \xff text"), &driver.Error{Message: "bad \uFFFD text"}},
		"endless":         {errors.New(strings.Repeat("x", 1<<20)), &driver.Error{Message: strings.Repeat("x", 4<<10) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := status.Convert(FromCall(test.in))
			got, ok := ToCall(status.FromProto(through(t, sent.Proto(), status.New(codes.OK, "").Proto())).Err())
			if !ok {
				t.Fatalf("%v is not the driver's", got)
			}
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b error) bool { return sameError(a, b) })); diff != "" {
				t.Error(diff)
			}
		})
	}
	if FromCall(nil) != nil {
		t.Error("success is an error")
	}
	if _, ok := ToCall(status.Error(codes.Unavailable, "connection lost")); ok {
		t.Error("a lost connection is taken for the driver's error")
	}
}

func sameError(a, b error) bool {
	var x, y *driver.Error
	if errors.As(a, &x) && errors.As(b, &y) {
		u, v := *x, *y
		sameCause := errors.Is(u.Err, v.Err)
		u.Err, v.Err = nil, nil
		return u == v && sameCause
	}
	return errors.Is(a, b)
}
