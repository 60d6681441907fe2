// Package packed lays the values that journals keep end to end in few bytes. Its layout
// is part of the state file's schema and of the tables of a fleet: it does not change.
package packed

import (
	"time"

	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// AppendUpload appends an upload without its key and ID.
func AppendUpload(b []byte, upload journal.Upload) []byte {
	b = pack.AppendString(b, upload.SourceETag)
	b = pack.AppendString(b, upload.SourceVersion)
	b = pack.AppendInt(b, upload.Size)
	b = pack.AppendInt(b, upload.PartSize)
	b = pack.AppendTime(b, upload.Intended)
	b = pack.AppendString(b, upload.Written)
	b = AppendTexts(b, upload.Changes)
	b = appendAttributes(b, upload.Attributes)
	found := appendFinding(nil, upload)
	if upload.Terms == "" && len(found) == 0 {
		return b // as it was before there were terms
	}
	return append(pack.AppendString(b, upload.Terms), found...)
}

// appendFinding appends what was looked at before the upload was created, and what its parts
// were joined into; nothing where all of that is unknown, as in records from before it was kept.
func appendFinding(b []byte, upload journal.Upload) []byte {
	if upload.Modified.IsZero() && upload.Bound.IsZero() && upload.Before == (journal.Held{}) && !upload.Listed && len(upload.Left) == 0 && upload.Joined == "" {
		return b
	}
	b = pack.AppendTime(b, upload.Modified)
	b = pack.AppendString(b, upload.Bound.ETag)
	b = pack.AppendTime(b, upload.Bound.Modified)
	b = pack.AppendString(b, upload.Bound.Encoding)
	b = appendFlags(b, upload.Before.Looked, upload.Before.Exists, upload.Listed)
	b = pack.AppendString(b, upload.Before.ETag)
	b = pack.AppendString(b, upload.Before.VersionID)
	b = AppendTexts(b, upload.Open)
	b = pack.AppendUint(b, uint64(len(upload.Left)))
	for _, left := range upload.Left {
		b = pack.AppendString(b, left.Key)
		b = pack.AppendString(b, left.ID)
		b = pack.AppendTime(b, left.Intended)
		b = appendFlags(b, left.Listed)
		b = AppendTexts(b, left.Open)
	}
	if upload.Joined != "" {
		b = pack.AppendString(b, upload.Joined)
	}
	return b
}

func appendFlags(b []byte, flags ...bool) []byte {
	var bits uint64
	for i, flag := range flags {
		if flag {
			bits |= 1 << i
		}
	}
	return pack.AppendUint(b, bits)
}

// readFinding reads what appendFinding wrote.
func readFinding(r *pack.Reader, upload *journal.Upload) {
	upload.Modified = readTime(r)
	upload.Bound = journal.Binding{ETag: r.Text(), Modified: readTime(r), Encoding: r.Text()}
	flags := r.Uint()
	upload.Before = journal.Held{Looked: flags&1 != 0, Exists: flags&2 != 0, ETag: r.Text(), VersionID: r.Text()}
	upload.Listed = flags&4 != 0
	upload.Open = ReadTexts(r)
	for count := r.Uint(); count > 0 && r.Err() == nil; count-- {
		left := journal.Begun{Key: r.Text(), ID: r.Text(), Intended: readTime(r)}
		left.Listed = r.Uint() != 0
		left.Open = ReadTexts(r)
		upload.Left = append(upload.Left, left)
	}
	if r.Err() == nil && r.Len() > 0 {
		upload.Joined = r.Text()
	}
}

// readTime reads a time that may be unknown.
func readTime(r *pack.Reader) time.Time {
	if t := r.Time(); !t.IsZero() {
		return t
	}
	return time.Time{}
}

func appendAttributes(b []byte, a driver.Attributes) []byte {
	for _, header := range []string{
		a.ContentType, a.ContentEncoding, a.ContentLanguage, a.ContentDisposition, a.CacheControl, a.Expires, a.StorageClass,
	} {
		b = pack.AppendString(b, header)
	}
	b = pack.AppendUint(b, uint64(len(a.Metadata)))
	for _, pair := range a.Metadata {
		b = pack.AppendString(b, pair.Name)
		b = pack.AppendString(b, pair.Value)
	}
	b = pack.AppendUint(b, uint64(len(a.Tags)))
	for _, tag := range a.Tags {
		b = pack.AppendString(b, tag.Key)
		b = pack.AppendString(b, tag.Value)
	}
	return b
}

// AppendTexts appends a list of any bytes.
func AppendTexts(b []byte, texts []string) []byte {
	b = pack.AppendUint(b, uint64(len(texts)))
	for _, text := range texts {
		b = pack.AppendString(b, text)
	}
	return b
}

// ReadTexts reads what AppendTexts wrote. The count is not trusted with memory.
func ReadTexts(r *pack.Reader) []string {
	var texts []string
	for count := r.Uint(); count > 0 && r.Err() == nil; count-- {
		texts = append(texts, r.Text())
	}
	return texts
}

// ReadUpload reads what AppendUpload wrote.
func ReadUpload(key, id, packed string) (journal.Upload, error) {
	r := pack.NewReader(packed)
	upload := journal.Upload{
		Key:           key,
		ID:            id,
		SourceETag:    r.Text(),
		SourceVersion: r.Text(),
		Size:          r.Int(),
		PartSize:      r.Int(),
		Intended:      r.Time(),
		Written:       r.Text(),
		Changes:       ReadTexts(&r),
		Attributes:    readAttributes(&r),
	}
	if r.Err() == nil && r.Len() > 0 {
		upload.Terms = r.Text()
	}
	if r.Err() == nil && r.Len() > 0 {
		readFinding(&r, &upload)
	}
	return upload, r.Err()
}

// readAttributes reads what appendAttributes wrote.
func readAttributes(r *pack.Reader) driver.Attributes {
	a := driver.Attributes{
		ContentType:        r.Text(),
		ContentEncoding:    r.Text(),
		ContentLanguage:    r.Text(),
		ContentDisposition: r.Text(),
		CacheControl:       r.Text(),
		Expires:            r.Text(),
		StorageClass:       r.Text(),
	}
	for pairs := r.Uint(); pairs > 0 && r.Err() == nil; pairs-- {
		a.Metadata = append(a.Metadata, driver.Metadata{Name: r.Text(), Value: r.Text()})
	}
	for tags := r.Uint(); tags > 0 && r.Err() == nil; tags-- {
		a.Tags = append(a.Tags, driver.Tag{Key: r.Text(), Value: r.Text()})
	}
	return a
}

// AppendPart appends a part without its number.
func AppendPart(b []byte, part journal.Part) []byte {
	b = pack.AppendInt(b, part.Size)
	b = pack.AppendString(b, part.ETag)
	return AppendChecksum(AppendChecksum(b, part.Checksum), part.SourceChecksum)
}

// ReadPart reads what AppendPart wrote.
func ReadPart(number int, packed string) (journal.Part, error) {
	r := pack.NewReader(packed)
	part := journal.Part{Number: number, Size: r.Int(), ETag: r.Text(), Checksum: ReadChecksum(&r), SourceChecksum: ReadChecksum(&r)}
	return part, r.Err()
}

// AppendChecksum appends a checksum.
func AppendChecksum(b []byte, checksum driver.Checksum) []byte {
	kind := uint64(checksum.Algorithm) << 1
	if checksum.Composite {
		kind |= 1
	}
	return pack.AppendString(pack.AppendUint(b, kind), checksum.Value)
}

// ReadChecksum reads what AppendChecksum wrote.
func ReadChecksum(r *pack.Reader) driver.Checksum {
	kind := r.Uint()
	return driver.Checksum{
		Algorithm: driver.Algorithm(kind >> 1),
		Composite: kind&1 != 0,
		Value:     r.Text(),
	}
}

// AppendProof appends a proof.
func AppendProof(b []byte, proof journal.Proof) []byte {
	b = pack.AppendInt(b, proof.Size)
	b = pack.AppendString(b, proof.SourceETag)
	b = pack.AppendString(b, proof.SourceVersion)
	b = pack.AppendTime(b, proof.SourceModified)
	b = pack.AppendString(b, proof.DestinationETag)
	b = pack.AppendString(b, string(proof.Grade))
	if proof.Adapted {
		return pack.AppendUint(b, 1)
	}
	return pack.AppendUint(b, 0)
}

// ReadProof reads what AppendProof wrote, also before it wrote whether the copy was adapted.
func ReadProof(r *pack.Reader) journal.Proof {
	proof := journal.Proof{
		Size: r.Int(), SourceETag: r.Text(), SourceVersion: r.Text(), SourceModified: r.Time(),
		DestinationETag: r.Text(), Grade: journal.Grade(r.Text()),
	}
	proof.Adapted = r.Len() > 0 && r.Uint() == 1
	return proof
}
