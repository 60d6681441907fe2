package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

// An answer to Complete may be lost, and a store that answers may have done something else.
// What is at the destination then decides: before an upload is created its key is looked at,
// and after it was completed again. No clock has a say.

// lookBefore returns what the destination holds under the key of an upload that is to be created. It is
// not asked where the checksum of the joined object decides: what has it, with the
// attributes that were asked for, is right, whatever wrote it. That needs a checksum which
// follows from those of the parts, and that nothing is asked for which no look shows.
func (c *Copier) lookBefore(ctx context.Context, key string, inside bool) (journal.Held, error) {
	if !inside && c.Terms == "" {
		for _, algorithm := range c.algorithms(nil) {
			if checksum.Joinable(algorithm) {
				return journal.Held{}, nil
			}
		}
	}
	return c.lookNow(ctx, key)
}

// lookNow returns what the destination holds under a key. Where it may not be seen nothing is
// known.
func (c *Copier) lookNow(ctx context.Context, key string) (journal.Held, error) {
	object, err := c.Destination.Stat(ctx, key)
	switch {
	case IsAbsent(err):
		return journal.Held{Looked: true}, nil
	case driver.KindOf(err) == driver.KindDenied:
		return journal.Held{}, nil // an unclear answer will be no success then
	case err != nil:
		return journal.Held{}, err
	}
	return journal.Held{Looked: true, Exists: true, ETag: object.ETag, VersionID: object.VersionID}, nil
}

// lookAgain looks anew at the key of an upload that was begun before this run, or by another
// process, where the look before it may have to decide: what others wrote since is not ours. The
// upload must be found open after it: if it is not, no look tells what came before its end.
func (c *Copier) lookAgain(ctx context.Context, record journal.Upload) (journal.Held, error) {
	if !record.Before.Looked {
		return record.Before, nil
	}
	return c.lookNow(ctx, record.DestinationKey())
}

// isAnother says whether the object is certainly another than the one that was there.
func isAnother(before journal.Held, object driver.Object) bool {
	return !before.Exists ||
		before.VersionID != object.VersionID && before.VersionID != "" && object.VersionID != "" ||
		before.ETag != object.ETag && before.ETag != "" && object.ETag != ""
}

// landed says whether the destination certainly holds the finished object: an unclear answer
// to Complete may stand for success. The error says that the store could not tell. An object
// that the destination answered to have joined is known by the ETag of that answer and nothing
// else. Where no answer is on record of an upload that is gone, it may as well have been aborted
// and the object be another program's: then the bytes must be proved.
func (c *Copier) landed(ctx context.Context, a *assembly, sums []driver.Checksum) (driver.Object, bool, error) {
	object, err := c.Destination.Stat(ctx, a.record.DestinationKey())
	if err != nil || a.misfit(object) != "" {
		if IsAbsent(err) {
			err = nil
		}
		return object, false, err
	}
	verdict := checksum.CompareWritten(sums, object.Checksums)
	switch {
	case verdict == checksum.Different:
		return object, false, nil
	case a.record.Joined != "":
		return object, object.ETag != "" && sameETag(a.record.Joined, object.ETag), nil
	case a.gone && (verdict != checksum.Equal || a.record.Terms != "" || !c.isAsAsked(a.record.Attributes, object)):
		return object, false, nil
	case a.record.Before.Looked:
		// The same bytes with other attributes may have been there before: that they are
		// there now says nothing.
		return object, isAnother(a.record.Before, object), nil
	}
	return object, verdict == checksum.Equal && c.isAsAsked(a.record.Attributes, object), nil
}

// isAsAsked says whether a look shows the attributes that an object was to have.
func (c *Copier) isAsAsked(asked driver.Attributes, object driver.Object) bool {
	shown := object.Attributes
	if len(asked.Metadata) != len(shown.Metadata) || len(asked.Tags) > 0 {
		return false
	}
	for i, pair := range asked.Metadata {
		if pair != shown.Metadata[i] {
			return false
		}
	}
	byDefault := asked.ContentType == "" && (shown.ContentType == "application/octet-stream" || shown.ContentType == "binary/octet-stream")
	return (asked.ContentType == shown.ContentType || byDefault) &&
		asked.ContentEncoding == shown.ContentEncoding && asked.ContentLanguage == shown.ContentLanguage &&
		asked.ContentDisposition == shown.ContentDisposition && asked.CacheControl == shown.CacheControl && asked.Expires == shown.Expires &&
		(asked.StorageClass == "" || strings.EqualFold(asked.StorageClass, c.classOf(object, asked.StorageClass)))
}

// misfit says what of an object cannot be of one that was joined from all parts; "" where
// nothing is.
func (a *assembly) misfit(object driver.Object) string {
	if object.Size != a.task.Size {
		return fmt.Sprintf("it has %d bytes, %d were sent", object.Size, a.task.Size)
	}
	if parts, tells := partsOf(object.ETag); tells && parts != a.layout.Parts() {
		return fmt.Sprintf("by its ETag it was joined from %d parts, %d were sent", parts, a.layout.Parts())
	}
	return ""
}

// partsOf returns the number of parts that an ETag tells: that of an upload is, on Amazon S3
// and the stores that follow it, 32 hexadecimal digits, "-" and the number
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html). Others may hold a "-" by chance.
func partsOf(etag string) (parts int, tells bool) {
	const digits = 32
	if len(etag) < digits+2 || etag[digits] != '-' {
		return 0, false
	}
	for _, c := range []byte(etag[:digits]) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0, false
		}
	}
	parts, err := strconv.Atoi(etag[digits+1:])
	return parts, err == nil && parts > 0
}

// lookAfter returns the object that the destination made of the parts, as a fresh look shows it:
// whole, and the one that the answer to Complete spoke of.
func (c *Copier) lookAfter(ctx context.Context, a *assembly, answered driver.Object) (object driver.Object, err error) {
	key := a.record.DestinationKey()
	refuse := func(kind driver.Kind, message string) error {
		return c.Destination.failed(0, &driver.Error{Op: "CompleteUpload", Key: c.Destination.Prefix + key, Kind: kind, Message: message})
	}
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) error {
		var err error
		object, err = c.Destination.Stat(ctx, key)
		switch {
		case IsAbsent(err):
			return refuse(driver.KindUnavailable, "the store says that it joined the parts, and does not have the object")
		case err == nil && !sameETag(answered.ETag, object.ETag):
			// Tried again, because the look may be stale; if it stays so, what is there is not proved to
			// be ours, and the upload is of no use any more.
			return refuse(driver.KindIntegrity, fmt.Sprintf(
				"the store says that it joined the parts into the object with ETag %q, and has one with %q", answered.ETag, object.ETag))
		}
		return err
	})
	if err != nil {
		return object, err
	}
	if misfit := a.misfit(object); misfit != "" {
		return object, refuse(driver.KindIntegrity, "the store did not join all parts: "+misfit)
	}
	if len(object.Checksums) == 0 {
		object.Checksums = answered.Checksums
	}
	return object, nil
}

// sourceSums returns what the source states of the version that an upload is of, and fails
// where that is another checksum than the parts have together. Ranged answers state none of
// the whole object, so the source is asked once. A version that is not there any more cannot
// show that its parts were damaged on the way: the object is planned again.
func (c *Copier) sourceSums(ctx context.Context, a *assembly, sums []driver.Checksum) (stated []driver.Checksum, err error) {
	version := a.version()
	if len(c.Source.Session.Checksums.Stored) == 0 || version.ETag == "" {
		return nil, nil
	}
	object, err := c.Source.stat(ctx, a.task.Key, a.task.VersionID)
	switch {
	case IsHidden(err):
		return nil, nil // without a statement the evidence is weaker, no more
	case IsAbsent(err):
		return nil, c.Source.failed(0, &changedError{"it is gone since its parts were read"})
	case err != nil:
		return nil, err
	case object.ETag != version.ETag:
		return nil, c.Source.failed(0, &changedError{fmt.Sprintf("its ETag is %q now, it was %q when its parts were read", object.ETag, version.ETag)})
	}
	return object.Checksums, c.compareSource(a.task.Key, sums, object.Checksums)
}

// proveParts compares the joined checksums with what both sides state of the object, which
// was looked at.
func (c *Copier) proveParts(a *assembly, object driver.Object, sums, source []driver.Checksum) (receipt, error) {
	if checksum.CompareWritten(sums, object.Checksums) != checksum.Equal {
		source = nil // it says nothing of what the destination holds
	}
	return c.prove(a.task, object.ETag, sums, source, object.Checksums)
}

func fullObject(sums []driver.Checksum) []driver.Checksum {
	var full []driver.Checksum
	for _, sum := range sums {
		if checksum.OfBytes(sum) {
			full = append(full, sum)
		}
	}
	return full
}

// joined returns the checksums of the whole object that follow from those of its
// parts; none when a part is missing or its checksum says nothing of the whole.
func joined(layout plan.Layout, parts map[int]journal.Part) []driver.Checksum {
	known, ofSource := make([]checksum.Part, layout.Parts()), make([]checksum.Part, layout.Parts())
	for i := range known {
		part, held := parts[i+1]
		if !held {
			return nil
		}
		known[i] = checksum.Part{Checksum: part.Checksum, Size: part.Size}
		ofSource[i] = checksum.Part{Checksum: part.SourceChecksum, Size: part.Size}
	}
	return append(checksum.Join(known), checksum.Join(ofSource)...)
}
