package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Parts are read by many requests, over hours and by many machines. All of them are bound to
// one version: to the ETag of the listing where that tells a strong one, and beyond that to
// what the first answer said. The binding is on record with the upload.

// unboundError says that nothing in a source's answers tells one version of an object
// from the next, so that its parts could be of several.
type unboundError struct{ what string }

func (e *unboundError) Error() string { return e.what }

// unbound returns the reason in err that an object's parts cannot be bound; nil where there is none.
func unbound(err error) error {
	var reason *unboundError
	if errors.As(err, &reason) {
		return reason
	}
	return nil
}

func isStrong(etag string) bool { return etag != "" && !isWeak(etag) }

// version returns the task with all that is known to bind its requests.
func (a *assembly) version() task.Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.task
	if t.ETag == "" {
		t.ETag = a.record.Bound.ETag // sent as If-Match where it is strong
	}
	return t
}

// bind makes sure that an answer is of the same version as those before it; the first one
// binds those that follow.
func (a *assembly) bind(answer *exchange.Answer) error {
	got := bindingOf(answer)
	a.mu.Lock()
	defer a.mu.Unlock()
	want := a.record.Bound
	switch {
	case want.IsZero() && a.record.ID != "" && !isStrong(a.task.ETag):
		return &changedError{"its record does not say of which version its parts are"} // one from before bindings
	case want.IsZero():
		if err := bindable(a.task, got, answer.Header); err != nil {
			return err
		}
		a.record.Bound = got
	case got.ETag != want.ETag:
		return &changedError{fmt.Sprintf("its ETag is %q now, it was %q when the first part was read", got.ETag, want.ETag)}
	case !isStrong(want.ETag) && got.Modified.Unix() != want.Modified.Unix():
		return &changedError{"its time of modification is another than when the first part was read"}
	case got.Encoding != want.Encoding:
		return &changedError{fmt.Sprintf("its Content-Encoding is %q now, it was %q when the first part was read", got.Encoding, want.Encoding)}
	}
	return nil
}

func bindingOf(answer *exchange.Answer) journal.Binding {
	return journal.Binding{
		ETag: answer.ETag, Modified: answer.Modified, Encoding: driver.WithoutChunked(strings.Join(answer.Header.Values("Content-Encoding"), ", ")),
	}
}

// bindable says why what an answer tells does not bind others to its version. A strong
// ETag does. A time of modification does so once the store's clock has passed its second:
// what is written from then on has another (RFC 9110 section 8.8.2.2).
func bindable(t task.Task, got journal.Binding, header http.Header) error {
	if isStrong(t.ETag) || isStrong(got.ETag) {
		return nil
	}
	if got.Modified.IsZero() {
		return &unboundError{"the source tells neither a strong ETag of it nor when it was modified, so nothing shows that all parts are of one version"}
	}
	if now, err := http.ParseTime(header.Get("Date")); err != nil || now.Unix() <= got.Modified.Unix() {
		return &unboundError{"the source tells no strong ETag of it, and it was modified within this second: another version could not be told from it"}
	}
	return nil
}

// copyUnbound copies an object whose parts cannot be bound to one version: the one
// answer to one request is of one version.
func (c *Copier) copyUnbound(ctx context.Context, t task.Task, signed driver.Exchange, reason error) (receipt, error) {
	if most := c.Destination.Session.Limits.MaxPut; most > 0 && t.Size > most {
		return receipt{}, c.Source.failed(0, &driver.Error{
			Op: "GET", Key: c.Source.Prefix + t.Key, Kind: driver.KindUnsupported,
			Message: fmt.Sprintf("%v, and it is larger than the %d bytes that the destination takes at once", reason, most),
		})
	}
	if err := c.abandon(ctx, t); err != nil {
		return receipt{}, err
	}
	return c.copyWhole(ctx, t, signed)
}

// isStill makes sure that the source object is the version that an upload on record was
// begun with, where the listing does not tell it by a strong ETag: all parts may be there
// already, and then no answer would. Where the times do not tell, the same bytes may have been
// written again with other attributes, which the upload would not get any more: then they are
// compared, too. now are the attributes where they are known; nil has the source asked. IsChanged
// tells that it is another.
func (c *Copier) isStill(ctx context.Context, a *assembly, now *driver.Attributes) error {
	ask := now == nil && !timesTell(a)
	if ask || !isStrong(a.task.ETag) {
		var seen seenTags
		var err error
		if ask {
			if seen, err = c.seeTags(ctx, a.task); err != nil {
				return err
			}
		}
		err = c.attempt(ctx, c.Source, func(ctx context.Context) error {
			answer, err := c.openRange(ctx, a, 0, min(a.task.Size, 1))
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if ask {
				var attributes driver.Attributes
				attributes, err = c.attributes(ctx, a.task, answer, seen)
				now = &attributes
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if now == nil {
		return nil
	}
	return c.carriesStill(a, *now)
}

// timesTell says whether the attributes of an upload are certainly those of all that its
// source object's time of modification stands for: they were read when its second was over.
// The second is by the source's clock, and the record's time by the destination's.
func timesTell(a *assembly) bool {
	if isPinned(a.task) {
		return true
	}
	return !a.task.Modified.IsZero() && !a.record.Modified.IsZero() && a.record.Intended.Sub(a.record.Modified) > 2*MostSkew
}

// carriesStill makes sure that an upload was created with what these attributes of the source
// become at the destination. Its class is part of its form.
func (c *Copier) carriesStill(a *assembly, now driver.Attributes) error {
	fitted, _, err := c.fitted(a.task, now)
	if err != nil {
		return err
	}
	begun, _, err := c.withoutLost(a.record.Attributes) // what this process has learned is no change of the source
	if err != nil {
		return c.unfit(a.task.Key, err)
	}
	// What was left out then, because the destination was known not to keep it, is no change either.
	adapted := len(a.record.Changes) > 0
	same := slices.Equal(fitted.Metadata, begun.Metadata) || adapted && isSubset(begun.Metadata, fitted.Metadata)
	same = same && (slices.Equal(inOrder(fitted.Tags), inOrder(begun.Tags)) || adapted && len(begun.Tags) == 0)
	for i, value := range contentOf(&fitted) {
		was := *contentOf(&begun)[i]
		same = same && (*value == was || adapted && was == "")
	}
	if !same {
		return c.Source.failed(0, &changedError{"its attributes are others than when its upload was begun"})
	}
	return nil
}

func isSubset(some, all []driver.Metadata) bool {
	return !slices.ContainsFunc(some, func(pair driver.Metadata) bool { return !slices.Contains(all, pair) })
}

// checkRange makes sure that an answer is the planned range of the planned
// version.
func checkRange(t task.Task, answer *exchange.Answer, offset, length int64) error {
	span := fmt.Sprintf("bytes %d-%d/", offset, offset+length-1)
	want := fmt.Sprint(span, t.Size)
	got := answer.Header.Get("Content-Range")
	if got == span+"*" && isStrong(t.ETag) {
		got = want // a length that is not told (RFC 9110 section 14.4): the ETag tells the version
	}
	switch {
	case answer.Status == http.StatusOK && offset == 0 && length == t.Size && answer.Size == length:
		// The whole object is one part; some stores leave the 206 out then.
	case answer.Status != http.StatusPartialContent:
		return &driver.Error{Op: "GET", Key: t.Key, Kind: driver.KindFatal, Status: answer.Status, Message: "the store ignored the Range header"}
	case got != want:
		return &changedError{fmt.Sprintf("the range is %q now, %q was planned", got, want)}
	}
	return checkVersion(t, answer)
}
