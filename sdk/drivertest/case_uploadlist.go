package drivertest

import (
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

func uploadListCases() []testCase {
	declared := func(s driver.Session) bool { return canUpload(s) && s.Has(driver.CapabilityUploadLister) }
	return []testCase{
		{name: "uploads-leaked", proves: "an upload that nobody remembers is found under its exact key", declared: declared, run: uploadsLeaked},
		{name: "uploads-gone", proves: "completed and aborted uploads are no longer listed", declared: declared, run: uploadsGone},
	}
}

// openUploads returns all uploads that are listed for the prefix.
func (k *check) openUploads(prefix string) []driver.Upload {
	lister, can := driver.As[driver.UploadLister](k.bucket, driver.CapabilityUploadLister)
	if !can {
		k.fatalf("the bucket declares upload-lister but does not implement it")
	}
	var all []driver.Upload
	request := driver.ListUploadsRequest{Prefix: prefix}
	for range 10_000 {
		page, err := lister.ListUploads(k.ctx, request)
		k.must(err, "list the uploads of %q", prefix)
		all = append(all, page.Uploads...)
		if page.Next == "" {
			break
		}
		request.Token = page.Next
	}
	for i, u := range all {
		if !strings.HasPrefix(u.Key, prefix) {
			k.errorf("listing the uploads of %q shows one of %q", prefix, u.Key)
		}
		if i > 0 && all[i-1].Key > u.Key {
			k.errorf("listing the uploads of %q shows %q after %q", prefix, u.Key, all[i-1].Key)
		}
	}
	return all
}

func uploadsLeaked(k *check) {
	begin := time.Now()
	var wanted []*upload
	for _, name := range []string{"key", "key", "key0", "key/below", "ke", "key with space", "key%2F"} {
		if k.session.KeyRules.Violation(k.key(name)) == "" {
			wanted = append(wanted, k.create(k.key(name), driver.Attributes{}))
		}
	}
	for _, u := range wanted {
		// Stores that search exact keys only show no neighbours: both are right.
		listed := k.openUploads(u.ref.Key)
		at := slices.IndexFunc(listed, func(l driver.Upload) bool { return l.UploadRef == u.ref })
		if at < 0 {
			k.errorf("the upload of %q is not listed under its key, but %+v is", u.ref.Key, listed)
			continue
		}
		if initiated := listed[at].Initiated; !initiated.IsZero() && initiated.Sub(begin).Abs() > time.Hour {
			k.errorf("the upload of %q began at %s according to the list, a moment ago in truth", u.ref.Key, initiated)
		}
	}
	ids := map[string]bool{}
	for _, u := range k.openUploads(k.key("key")) {
		if ids[u.ID] {
			k.errorf("upload %s is listed twice", u.ID)
		}
		ids[u.ID] = true
	}
}

func uploadsGone(k *check) {
	key := k.key("object")
	completed, aborted, open := k.create(key, driver.Attributes{}), k.create(key, driver.Attributes{}), k.create(key, driver.Attributes{})
	part := completed.send(1, data(key, 10))
	completed.complete([]driver.Part{part}, data(key, 10))
	k.must(aborted.uploader.AbortUpload(k.ctx, aborted.ref), "abort")
	listed := k.openUploads(key)
	if len(listed) != 1 || listed[0].UploadRef != open.ref {
		k.errorf("after one upload completed and one aborted %+v is listed, want only %s", listed, open.ref.ID)
	}
}
