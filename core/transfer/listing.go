package transfer

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// List returns one page. It is where every listing enters the host, whatever the driver: a
// page that is not what was asked for is an error, because keys outside the asked prefix
// would be copied, or deleted, as other keys, and a page of another listing would be taken
// for what the bucket holds.
func (s *Side) List(ctx context.Context, request driver.ListRequest) (page driver.ListPage, err error) {
	err = s.control(ctx, observe.List, func() (err error) {
		page, err = s.bucket.List(ctx, request)
		return err
	})
	if err != nil {
		return driver.ListPage{}, err
	}
	if problem := pageProblem(request, page, s.Session.Limits.ListOrdered); problem != "" {
		return driver.ListPage{}, s.failed(0, &driver.Error{
			Op: "List", Bucket: s.Name, Kind: driver.KindFatal,
			Message: fmt.Sprintf(
				"the listing of prefix %q %s: the store, or a proxy or cache on the way to it, answered with something else than was asked for; nothing of this listing was used",
				request.Prefix, problem),
		})
	}
	return page, nil
}

// pageProblem says what of a page is not as it was asked for; empty where all is.
func pageProblem(request driver.ListRequest, page driver.ListPage, ordered bool) string {
	if request.MaxKeys > 0 && len(page.Objects) > request.MaxKeys {
		return fmt.Sprintf("has a page of %d keys where at most %d were asked for", len(page.Objects), request.MaxKeys)
	}
	if page.Next != "" && page.Next == request.Token {
		return "has a page that leads to itself"
	}
	for i := range page.Objects {
		object := &page.Objects[i]
		switch {
		case object.Key == "":
			return "has an entry without a key"
		case !strings.HasPrefix(object.Key, request.Prefix):
			return fmt.Sprintf("has the key %q, which does not begin with the prefix", object.Key)
		case request.Token == "" && request.StartAfter != "" && object.Key <= request.StartAfter:
			return fmt.Sprintf("has the key %q, which does not come after %q", object.Key, request.StartAfter)
		case ordered && i > 0 && object.Key <= page.Objects[i-1].Key:
			return fmt.Sprintf("is not in order: %q came after %q", object.Key, page.Objects[i-1].Key)
		case object.Size < 0:
			return fmt.Sprintf("says that the key %q has %d bytes", object.Key, object.Size)
		case !plausible(object.Modified):
			return fmt.Sprintf("says that the key %q was modified at %s", object.Key, object.Modified.Format(time.RFC3339))
		}
	}
	return ""
}

// newest is the last time that nanoseconds since 1970 can say, as records of listings do.
var newest = time.Unix(0, math.MaxInt64)

// plausible says whether an object can have been modified at that time. The zero time is
// that of stores that do not tell one.
func plausible(at time.Time) bool {
	return at.IsZero() || at.Unix() >= 0 && !at.After(newest)
}

// Lists says whether a listing shows exactly the absolute key. A store that lists in
// order shows it among the first that begin with it; of another all pages are looked at.
func (s *Side) Lists(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return false, nil // no object has it, and its listing is that of the bucket
	}
	request := driver.ListRequest{Prefix: key}
	var pages list.Tokens
	for {
		page, err := s.List(ctx, request)
		if err != nil {
			return false, err
		}
		for _, object := range page.Objects {
			if object.Key == key {
				return true, nil
			}
		}
		if page.Next == "" || s.Session.Limits.ListOrdered && len(page.Objects) > 0 {
			return false, nil
		}
		if err := pages.Follow("List", key, page.Next); err != nil {
			return false, s.failed(0, err)
		}
		request.Token = page.Next
	}
}
