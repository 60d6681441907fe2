package memdriver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	maxTags = 10
	maxCopy = 16 << 20 // small, so that copies in parts are tested with little data
)

// classes are the storage classes; objects of the last must be restored before they
// are read.
var classes = []driver.StorageClass{
	{Name: "HOT", Tier: driver.TierHot}, {Name: "COOL", Tier: driver.TierCool}, {Name: archiveClass, Tier: driver.TierArchive},
}

const archiveClass = "ARCHIVE"

func knownClass(name string) bool {
	return name == "" || slices.ContainsFunc(classes, func(c driver.StorageClass) bool { return c.Name == name })
}

var (
	_ driver.Copier      = (*bucket)(nil)
	_ driver.Tagger      = (*bucket)(nil)
	_ driver.Restorer    = (*bucket)(nil)
	_ driver.EventParser = (*bucket)(nil)
)

func formatTags(tags []driver.Tag) string {
	values := url.Values{}
	for _, tag := range tags {
		values.Set(tag.Key, tag.Value)
	}
	return values.Encode()
}

// parseTags reads what formatTags wrote.
func parseTags(text string) []driver.Tag {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	var tags []driver.Tag
	for key := range values {
		tags = append(tags, driver.Tag{Key: key, Value: values.Get(key)})
	}
	slices.SortFunc(tags, func(a, b driver.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags
}

// ReachCopy tries the source with a listing of one key.
func (b *bucket) ReachCopy(ctx context.Context, source driver.CopySource) error {
	set, problem := readOptions(source.Options)
	if problem != "" {
		return b.invalid("ReachCopy", "", problem)
	}
	if set.origin != b.origin {
		return b.failure("ReachCopy", "", driver.Error{Kind: driver.KindUnsupported, Message: "the source is on another server"})
	}
	from := newBucket(source.Bucket, b.account, b.secret, b.settings)
	defer func() { _ = from.Close() }() // never fails
	_, err := from.List(ctx, driver.ListRequest{MaxKeys: 1})
	return err
}

// CopyObject implements driver.Copier.
func (b *bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	if err := b.check("CopyObject", request.Key, request.Object.VersionID); err != nil {
		return driver.Object{}, err
	}
	if request.Object.Size > maxCopy {
		return driver.Object{}, b.invalid("CopyObject", request.Key, fmt.Sprintf("one copy carries at most %d bytes", maxCopy))
	}
	if !knownClass(request.StorageClass) {
		return driver.Object{}, b.invalid("CopyObject", request.Key, fmt.Sprintf("the store has no storage class %q", request.StorageClass))
	}
	return send[driver.Object](ctx, b, "CopyObject", request.Key, request)
}

// CopyPart implements driver.Copier.
func (b *bucket) CopyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	if err := b.check("CopyPart", request.Upload.Key, request.Object.VersionID); err != nil {
		return driver.Part{}, err
	}
	return send[driver.Part](ctx, b, "CopyPart", request.Upload.Key, request)
}

// Tags implements driver.Tagger.
func (b *bucket) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	if err := b.check("Tags", request.Key, request.VersionID); err != nil {
		return nil, err
	}
	return send[[]driver.Tag](ctx, b, "Tags", request.Key, request)
}

// Restore implements driver.Restorer. The store takes no time for it.
func (b *bucket) Restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	if err := b.check("Restore", request.Key, request.VersionID); err != nil {
		return false, err
	}
	if request.Days < 1 {
		return false, b.invalid("Restore", request.Key, "an object is restored for at least one day")
	}
	_, err := send[done](ctx, b, "Restore", request.Key, request)
	return err == nil, err
}

// ParseEvents reads a JSON object whose member "events" is a list of driver.Event.
func (b *bucket) ParseEvents(_ context.Context, payload []byte) ([]driver.Event, error) {
	var document struct {
		Events *[]driver.Event `json:"events"`
	}
	if err := json.Unmarshal(payload, &document); err != nil {
		return nil, b.invalid("ParseEvents", "", "the payload is no JSON object: "+err.Error())
	}
	if document.Events == nil {
		return nil, b.invalid("ParseEvents", "", `the payload has no member "events"`)
	}
	return *document.Events, nil
}

// copySource returns the source object of a copy in the version that is asked for.
// The server's lock is held.
func (s *Server) copySource(source driver.CopySource, wanted driver.Object) (*storedObject, error) {
	from, exists := s.buckets[source.Bucket]
	if !exists {
		return nil, &failure{404, "NoSuchBucket", "there is no bucket of this name"}
	}
	object, err := from.get(wanted.Key)
	switch {
	case err != nil:
		return nil, err
	case wanted.ETag != "" && wanted.ETag != object.ETag:
		return nil, &failure{412, "PreconditionFailed", "the source is another version"}
	}
	return object, object.readable()
}

// frozen says whether it is archived and was not restored.
func (o *storedObject) frozen() bool { return o.StorageClass == archiveClass && !o.restored }

// readable refuses an archived object.
func (o *storedObject) readable() error {
	if o.frozen() {
		return &failure{403, "InvalidObjectState", "the object is archived: restore it first"}
	}
	return nil
}

func (s *Server) copyObject(b *bucketData, request driver.CopyObjectRequest) (driver.Object, error) {
	source, err := s.copySource(request.Source, request.Object)
	if err != nil {
		return driver.Object{}, err
	}
	attributes := source.Attributes
	attributes.StorageClass, attributes.Tags = request.StorageClass, source.tags
	object := newObject(request.Key, source.data, attributes, s.now())
	b.put(object)
	return object.Object, nil
}

func (s *Server) copyPart(b *bucketData, request driver.CopyPartRequest) (driver.Part, error) {
	source, err := s.copySource(request.Source, request.Object)
	if err != nil {
		return driver.Part{}, err
	}
	upload, err := b.upload(request.Upload)
	if err != nil {
		return driver.Part{}, err
	}
	end := request.Offset + request.Size
	if request.Offset < 0 || request.Size < 1 || end > source.Size {
		return driver.Part{}, &failure{416, "InvalidRange", "the source does not have this range"}
	}
	part := newPart(request.Number, bytes.Clone(source.data[request.Offset:end]))
	upload.parts[request.Number] = part
	return part.Part, nil
}

// restore makes an archived object readable, for ever.
func (b *bucketData) restore(key string) error {
	object, err := b.get(key)
	if err != nil {
		return err
	}
	readable := *object
	readable.restored = true
	b.put(&readable)
	return nil
}
