package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// forgetful is a store that answers writes as if all were well and changes attributes.
type forgetful struct {
	store
	change func(*driver.Attributes)
}

func (f forgetful) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	request.Attributes.Metadata = slices.Clone(request.Attributes.Metadata)
	f.change(&request.Attributes)
	return f.store.SignPut(ctx, request)
}

func (f forgetful) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	request.Attributes.Metadata = slices.Clone(request.Attributes.Metadata)
	f.change(&request.Attributes)
	return f.store.CreateUpload(ctx, request)
}

// rich are all attributes that an object may have.
func rich() driver.Attributes {
	return driver.Attributes{
		ContentType: "text/plain", ContentEncoding: "br", ContentLanguage: "de", ContentDisposition: `attachment; filename="a.txt"`,
		CacheControl: "no-cache, max-age=60", Expires: "Thu, 01 Dec 2033 16:00:00 GMT",
		Metadata:     []driver.Metadata{{Name: "owner", Value: "me"}, {Name: "purpose", Value: "test"}},
		StorageClass: "COOL", Tags: []driver.Tag{{Key: "team", Value: "blue"}},
	}
}

// losses are what stores do to attributes, and how it is told.
var losses = map[string]struct {
	change func(*driver.Attributes)
	told   string
}{
	"content type":        {func(a *driver.Attributes) { a.ContentType = "" }, `header content-type "text/plain"`},
	"content type fixed":  {func(a *driver.Attributes) { a.ContentType = "application/octet-stream" }, `header content-type "text/plain"`},
	"content encoding":    {func(a *driver.Attributes) { a.ContentEncoding = "" }, `header content-encoding "br"`},
	"content language":    {func(a *driver.Attributes) { a.ContentLanguage = "" }, `header content-language "de"`},
	"content disposition": {func(a *driver.Attributes) { a.ContentDisposition = "attachment" }, `header content-disposition "attachment; filename=\"a.txt\""`},
	"cache control":       {func(a *driver.Attributes) { a.CacheControl = "" }, `header cache-control "no-cache, max-age=60"`},
	"cache control cut":   {func(a *driver.Attributes) { a.CacheControl = "no-cache" }, `header cache-control "no-cache, max-age=60"`},
	"expires":             {func(a *driver.Attributes) { a.Expires = "" }, `header expires`},
	"expires moved":       {func(a *driver.Attributes) { a.Expires = "Thu, 01 Dec 2033 16:00:01 GMT" }, `header expires`},
	"metadata":            {func(a *driver.Attributes) { a.Metadata = nil }, `metadata "owner"`},
	"one pair":            {func(a *driver.Attributes) { a.Metadata = a.Metadata[:1] }, `metadata "purpose"`},
	"a value":             {func(a *driver.Attributes) { a.Metadata[0].Value = "you" }, `metadata "owner"`},
	"tags":                {func(a *driver.Attributes) { a.Tags = nil }, "tags"},
	"a class":             {func(a *driver.Attributes) { a.StorageClass = "" }, `storage class "COOL"`},
}

// TestAttributesThatAreDropped: what the destination did not keep of the first object that
// has it is told or fails, as --unmappable says, and so are the others, which are not
// looked at again.
func TestAttributesThatAreDropped(t *testing.T) {
	t.Parallel()
	const objects = 6
	for name, loss := range losses {
		for way, size := range map[string]int{"small": 100, "streamed": 300 << 10, "in parts": 5 * minPart} {
			for _, policy := range []job.Unmappable{job.UnmappableFail, job.UnmappableDrop, job.UnmappableEncode} {
				t.Run(fmt.Sprintf("%s, %s, %s", name, way, policy), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.travels(way)
					w.settings.Unmappable, w.settings.Tags, w.settings.StorageClass = policy, true, job.ClassOfSource
					w.atTarget = func(s store) driver.Bucket { return forgetful{s, loss.change} }
					for i := range objects {
						w.put(fmt.Sprint(i), content(size, byte(i)), rich())
					}
					report, err := w.trySync(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					var told []string
					if policy == job.UnmappableDrop {
						for _, adapted := range report.Adapted {
							told = append(told, strings.Join(adapted.Changes, "; "))
						}
					} else {
						for _, problem := range report.Problems {
							told = append(told, problem.Error)
						}
					}
					if len(told) != objects {
						t.Fatalf("%+v, want each of %d told", report.Objects, objects)
					}
					for _, text := range told {
						if !strings.Contains(text, loss.told) || strings.Count(text, "header")+strings.Count(text, "metadata ")+strings.Count(text, "tags") > 2 {
							t.Errorf("told %q, want %q and nothing else", text, loss.told)
						}
					}
					most := int64(9)
					if way == "in parts" {
						most += objects // each is looked at before and after, as an upload is
					}
					if got := report.Requests.Destination["stat"]; got > most {
						t.Errorf("the destination was asked for %d objects", got)
					}
				})
			}
		}
	}
}

// TestAttributesThatAreKept: what a store writes in another form is not lost, and one look
// decides.
func TestAttributesThatAreKept(t *testing.T) {
	t.Parallel()
	forms := map[string]func(*driver.Attributes){
		"as it was": func(*driver.Attributes) {},
		"a charset": func(a *driver.Attributes) { a.ContentType = "text/plain; charset=UTF-8" },
		"case": func(a *driver.Attributes) {
			a.ContentType, a.ContentLanguage, a.ContentEncoding = "Text/Plain", "DE", "BR"
		},
		"blanks and order":  func(a *driver.Attributes) { a.CacheControl = "max-age=60,no-cache" },
		"no quotes":         func(a *driver.Attributes) { a.ContentDisposition = "attachment;filename=a.txt" },
		"another date form": func(a *driver.Attributes) { a.Expires = "Thu Dec  1 16:00:00 2033" },
		"RFC 2047":          func(a *driver.Attributes) { a.Metadata[0].Value = "=?UTF-8?Q?me?=" },
		"more metadata":     func(a *driver.Attributes) { a.Metadata = append(a.Metadata, driver.Metadata{Name: "zone", Value: "1"}) },
	}
	for name, change := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Tags, w.settings.StorageClass = true, job.ClassOfSource
			w.atTarget = func(s store) driver.Bucket { return forgetful{s, change} }
			for i := range 30 {
				w.put(fmt.Sprint(i), content(100, byte(i)), rich())
			}
			report := w.sync()
			if report.Objects.Adapted != 0 || report.Requests.Destination["stat"] != 1 {
				t.Errorf("%d adapted, destination asked for %d objects, want none and one", report.Objects.Adapted, report.Requests.Destination["stat"])
			}
		})
	}
}

// TestAttributesThatCannotBeSeen: a destination that may not be read is written to.
func TestAttributesThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.destination.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(http.StatusForbidden, "AccessDenied")})
	for i := range 30 {
		w.put(fmt.Sprint(i), content(100, byte(i)), driver.Attributes{ContentType: "text/plain"})
	}
	if report := w.sync(); report.Requests.Destination["stat"] != 1 {
		t.Errorf("the destination was asked %d times, want once", report.Requests.Destination["stat"])
	}
	w.same()
}

// uncarried is a store whose objects have more than dth copies.
type uncarried struct{ store }

func (u uncarried) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	signed, err := u.store.SignGet(ctx, request)
	if err == nil {
		reply := *signed.Reply
		reply.Overridden = "x-mem-request-id" // has the object asked for
		signed.Reply = &reply
	}
	return signed, err
}

func (u uncarried) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := u.store.Stat(ctx, request)
	object.Attributes.NotCarried = []string{"x-mem-redirect: /elsewhere"}
	return object, err
}

// TestAttributesThatAreNotCarried: what no field has is told or fails, and is nothing where
// attributes are not asked for.
func TestAttributesThatAreNotCarried(t *testing.T) {
	t.Parallel()
	for _, policy := range []job.Unmappable{job.UnmappableFail, job.UnmappableDrop, job.UnmappableEncode} {
		for way, size := range objectSizes {
			t.Run(fmt.Sprintf("%s, %s", policy, way), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.travels(way)
				w.settings.Unmappable = policy
				w.atSource = func(s store) driver.Bucket { return uncarried{s} }
				w.put("object", content(size, 1), driver.Attributes{})
				report, err := w.trySync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				const lack = "x-mem-redirect: /elsewhere"
				switch {
				case policy == job.UnmappableDrop:
					if len(report.Adapted) != 1 || !strings.Contains(report.Adapted[0].Changes[0], lack) {
						t.Errorf("adapted %+v, want %q told", report.Adapted, lack)
					}
				case report.Objects.Failed != 1 || !strings.Contains(report.Problems[0].Error, lack) || w.destination.Count("Put") > 0:
					t.Errorf("%+v %+v after %d PUTs, want one failed before it is written", report.Objects, report.Problems, w.destination.Count("Put"))
				}
				w.settings.Metadata = job.MetadataNone
				if report := w.sync(); report.Objects.Adapted > 0 {
					t.Errorf("without metadata: %+v", report.Adapted)
				}
			})
		}
	}
}
