package transfer

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// No answer to a request for tags says of which version they are. So they are asked for
// between two looks at the object, the listing and the GET: where both tell one time of
// modification, and the tags were asked for after its second, all three saw one version
// (RFC 9110 section 8.8.2.2). The ETag alone would not do: the same bytes may have been
// written again with other tags. Where the time cannot tell, because one of them names
// none or the object was just written, the tags are asked for once more: those that stand
// on both sides of the GET are its own. An upload that is gone on with was begun so, and
// its record binds it to the time of modification, see isOf and, where that cannot tell, isStill.

// seenTags are the tags that an object had before its GET. Without Copier.Tags it has none.
type seenTags struct {
	tags  []driver.Tag
	asked time.Time // by our clock
}

// seeTags asks for the tags of the task's version where they are copied.
func (c *Copier) seeTags(ctx context.Context, t task.Task) (seen seenTags, err error) {
	if !c.Tags {
		return seen, nil
	}
	seen.asked = time.Now()
	seen.tags, err = c.tagsOf(ctx, t)
	return seen, err
}

// tagsOf asks for the tags of the task's version. The object may be gone, as at its GET.
func (c *Copier) tagsOf(ctx context.Context, t task.Task) ([]driver.Tag, error) {
	tags, err := c.Source.tags(ctx, t)
	if IsAbsent(err) {
		return nil, c.Source.refusal(ctx, t, err)
	}
	return tags, err
}

// sameVersion makes sure that the tags are of the version that the answer to a GET is of.
func (c *Copier) sameVersion(ctx context.Context, t task.Task, answer *exchange.Answer, seen seenTags) error {
	if !c.Tags || isPinned(t) {
		return nil
	}
	if err := c.stillModified(t, answer.Modified); err != nil {
		return err
	}
	if !t.Modified.IsZero() && !answer.Modified.IsZero() && seen.after(t.Modified, answer.Header) {
		return nil
	}
	return c.sameTags(ctx, t, seen)
}

// MostSkew is how far the clock of this machine may be from a store's: signatures are refused beyond it
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp).
const MostSkew = 15 * time.Minute

// sameVersionLooked is sameVersion for a look at the object, which tells no date.
func (c *Copier) sameVersionLooked(ctx context.Context, t task.Task, object driver.Object, seen seenTags) error {
	if !c.Tags {
		return nil
	}
	if err := c.stillModified(t, object.Modified); err != nil {
		return err
	}
	if !t.Modified.IsZero() && !object.Modified.IsZero() && seen.asked.Sub(t.Modified) > MostSkew {
		return nil
	}
	return c.sameTags(ctx, t, seen)
}

// isPinned says whether the task's requests name a version that never changes. The version
// "null" of a bucket whose versioning is off is written over.
func isPinned(t task.Task) bool { return t.VersionID != "" && t.VersionID != "null" }

// stillModified compares the time of modification with the planned one, as far as both are
// known: to the second, as headers have it.
func (c *Copier) stillModified(t task.Task, modified time.Time) error {
	if t.Modified.IsZero() || modified.IsZero() || modified.Unix() == t.Modified.Unix() {
		return nil
	}
	return c.Source.failed(0, &changedError{"its time of modification is another than planned, so its tags may be of another version"})
}

// after says whether the tags were certainly asked for when the second had passed by the
// store's clock, which the answer to a later request tells.
func (s seenTags) after(second time.Time, header http.Header) bool {
	date, err := http.ParseTime(header.Get("Date"))
	return err == nil && date.Add(-time.Since(s.asked)).Unix() > second.Unix()
}

// sameTags asks for the tags again, and fails where they are others than were seen.
func (c *Copier) sameTags(ctx context.Context, t task.Task, seen seenTags) error {
	again, err := c.tagsOf(ctx, t)
	if err != nil {
		return err
	}
	if !slices.Equal(inOrder(again), inOrder(seen.tags)) {
		return c.Source.failed(0, &changedError{"its tags are others than before it was read"})
	}
	return nil
}

// inOrder returns tags in an order of their own.
func inOrder(tags []driver.Tag) []driver.Tag {
	return slices.SortedFunc(slices.Values(tags), func(a, b driver.Tag) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	})
}

// tags asks for the tags of the task's version.
func (s *Side) tags(ctx context.Context, t task.Task) (tags []driver.Tag, err error) {
	tagger, ok := driver.As[driver.Tagger](s.bucket, driver.CapabilityTagger)
	if !ok {
		return nil, nil
	}
	err = s.control(ctx, observe.GetTags, func() (err error) {
		tags, err = tagger.Tags(ctx, driver.StatRequest{Key: s.Prefix + t.Key, VersionID: t.VersionID})
		return err
	})
	return tags, err
}
