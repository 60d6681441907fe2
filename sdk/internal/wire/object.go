package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromObject converts to the wire.
func FromObject(o driver.Object) *storagepb.Object {
	return &storagepb.Object{
		Key:          octets(o.Key),
		Size:         o.Size,
		Etag:         octets(o.ETag),
		Modified:     FromTime(o.Modified),
		VersionId:    octets(o.VersionID),
		StorageClass: text(o.StorageClass),
		Attributes:   FromAttributes(o.Attributes),
		Checksums:    FromChecksums(o.Checksums),
	}
}

// ToObject converts from the wire. A missing message is the zero object.
func ToObject(o *storagepb.Object) driver.Object {
	return driver.Object{
		Key:          string(o.GetKey()),
		Size:         o.GetSize(),
		ETag:         string(o.GetEtag()),
		Modified:     ToTime(o.GetModified()),
		VersionID:    string(o.GetVersionId()),
		StorageClass: o.GetStorageClass(),
		Attributes:   ToAttributes(o.GetAttributes()),
		Checksums:    ToChecksums(o.GetChecksums()),
	}
}

// FromAttributes converts to the wire.
func FromAttributes(a driver.Attributes) *storagepb.Attributes {
	out := storagepb.Attributes{
		ContentType:        octets(a.ContentType),
		ContentEncoding:    octets(a.ContentEncoding),
		ContentLanguage:    octets(a.ContentLanguage),
		ContentDisposition: octets(a.ContentDisposition),
		CacheControl:       octets(a.CacheControl),
		Expires:            octets(a.Expires),
	}
	for _, pair := range a.Metadata {
		out.Metadata = append(out.Metadata, &storagepb.Metadata{Name: octets(pair.Name), Value: octets(pair.Value)})
	}
	out.StorageClass, out.Tags = text(a.StorageClass), FromTags(a.Tags)
	for _, what := range a.NotCarried {
		out.NotCarried = append(out.NotCarried, octets(what))
	}
	return &out
}

// ToAttributes converts from the wire.
func ToAttributes(a *storagepb.Attributes) driver.Attributes {
	out := driver.Attributes{
		ContentType:        string(a.GetContentType()),
		ContentEncoding:    string(a.GetContentEncoding()),
		ContentLanguage:    string(a.GetContentLanguage()),
		ContentDisposition: string(a.GetContentDisposition()),
		CacheControl:       string(a.GetCacheControl()),
		Expires:            string(a.GetExpires()),
	}
	if pairs := a.GetMetadata(); len(pairs) > 0 {
		out.Metadata = make([]driver.Metadata, len(pairs))
		for i, pair := range pairs {
			out.Metadata[i] = driver.Metadata{Name: string(pair.GetName()), Value: string(pair.GetValue())}
		}
	}
	out.StorageClass, out.Tags = a.GetStorageClass(), ToTags(a.GetTags())
	for _, what := range a.GetNotCarried() {
		out.NotCarried = append(out.NotCarried, string(what))
	}
	return out
}

// FromTags converts to the wire.
func FromTags(tags []driver.Tag) []*storagepb.Tag {
	var out []*storagepb.Tag
	for _, tag := range tags {
		out = append(out, &storagepb.Tag{Key: octets(tag.Key), Value: octets(tag.Value)})
	}
	return out
}

// ToTags converts from the wire.
func ToTags(tags []*storagepb.Tag) []driver.Tag {
	var out []driver.Tag
	for _, tag := range tags {
		out = append(out, driver.Tag{Key: string(tag.GetKey()), Value: string(tag.GetValue())})
	}
	return out
}

// FromChecksum converts to the wire; nil when there is none.
func FromChecksum(c driver.Checksum) *storagepb.Checksum {
	if c.IsZero() {
		return nil
	}
	return &storagepb.Checksum{
		Algorithm: storagepb.Algorithm(Int32(int(c.Algorithm))),
		Value:     octets(c.Value),
		Composite: c.Composite,
	}
}

// ToChecksum converts from the wire. A missing message is the zero checksum.
func ToChecksum(c *storagepb.Checksum) driver.Checksum {
	return driver.Checksum{
		Algorithm: driver.Algorithm(c.GetAlgorithm()),
		Value:     string(c.GetValue()),
		Composite: c.GetComposite(),
	}
}

// FromChecksums converts to the wire, without those that are zero.
func FromChecksums(list []driver.Checksum) []*storagepb.Checksum {
	var out []*storagepb.Checksum
	for _, c := range list {
		if !c.IsZero() {
			out = append(out, FromChecksum(c))
		}
	}
	return out
}

// ToChecksums converts from the wire.
func ToChecksums(list []*storagepb.Checksum) []driver.Checksum {
	if len(list) == 0 {
		return nil
	}
	out := make([]driver.Checksum, len(list))
	for i, c := range list {
		out[i] = ToChecksum(c)
	}
	return out
}

// fromAlgorithms converts to the wire.
func fromAlgorithms(list []driver.Algorithm) []storagepb.Algorithm {
	var out []storagepb.Algorithm
	for _, a := range list {
		out = append(out, storagepb.Algorithm(Int32(int(a))))
	}
	return out
}

// toAlgorithms converts from the wire.
func toAlgorithms(list []storagepb.Algorithm) []driver.Algorithm {
	var out []driver.Algorithm
	for _, a := range list {
		out = append(out, driver.Algorithm(a))
	}
	return out
}
