package sqlite

import (
	"fmt"

	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// Packed values are part of the state file's schema: a change to their layout, or to the
// order of outcomes and grades here, raises the schema's version.

func outcomes() []journal.Outcome {
	return []journal.Outcome{journal.OutcomeDone, journal.OutcomeFailed, journal.OutcomeSkipped}
}

// grades begins with that of a record without evidence.
func grades() []journal.Grade {
	return []journal.Grade{"", journal.GradeBoth, journal.GradeOne, journal.GradeSize}
}

func packRecord(record journal.Record) ([]byte, error) {
	outcome, err := number(outcomes(), record.Outcome)
	if err != nil {
		return nil, err
	}
	grade, err := number(grades(), record.Grade)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 128)
	b = pack.AppendUint(b, outcome)
	b = pack.AppendUint(b, grade)
	b = pack.AppendString(b, record.Run)
	b = pack.AppendInt(b, record.Size)
	b = pack.AppendString(b, record.SourceETag)
	b = pack.AppendString(b, record.SourceVersion)
	b = pack.AppendString(b, record.DestinationETag)
	b = appendChecksum(b, record.Checksum)
	b = pack.AppendString(b, record.Written)
	b = appendTexts(b, record.Changes)
	b = pack.AppendInt(b, int64(record.Replans))
	b = pack.AppendString(b, record.Error)
	return pack.AppendTime(b, record.At), nil
}

func readRecord(entry row) (journal.Record, error) {
	r := pack.NewReader(entry.value)
	record := journal.Record{
		Key:             entry.key,
		Outcome:         named(&r, outcomes()),
		Grade:           named(&r, grades()),
		Run:             r.Text(),
		Size:            r.Int(),
		SourceETag:      r.Text(),
		SourceVersion:   r.Text(),
		DestinationETag: r.Text(),
		Checksum:        readChecksum(&r),
		Written:         r.Text(),
		Changes:         readTexts(&r),
		Replans:         int(r.Int()),
		Error:           r.Text(),
		At:              r.Time(),
	}
	return record, r.Err()
}

func packUpload(upload journal.Upload) []byte {
	b := pack.AppendString(nil, upload.SourceETag)
	b = pack.AppendString(b, upload.SourceVersion)
	b = pack.AppendInt(b, upload.Size)
	b = pack.AppendInt(b, upload.PartSize)
	b = pack.AppendTime(b, upload.Intended)
	b = pack.AppendString(b, upload.Written)
	b = appendTexts(b, upload.Changes)
	return appendAttributes(b, upload.Attributes)
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

func appendTexts(b []byte, texts []string) []byte {
	b = pack.AppendUint(b, uint64(len(texts)))
	for _, text := range texts {
		b = pack.AppendString(b, text)
	}
	return b
}

// readTexts reads what appendTexts wrote. The count is not trusted with memory.
func readTexts(r *pack.Reader) []string {
	var texts []string
	for count := r.Uint(); count > 0 && r.Err() == nil; count-- {
		texts = append(texts, r.Text())
	}
	return texts
}

func readUpload(key, id, packed string) (journal.Upload, error) {
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
		Changes:       readTexts(&r),
		Attributes:    readAttributes(&r),
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

func packPart(part journal.Part) []byte {
	b := pack.AppendInt(nil, part.Size)
	b = pack.AppendString(b, part.ETag)
	return appendChecksum(appendChecksum(b, part.Checksum), part.SourceChecksum)
}

func readPart(number int, packed string) (journal.Part, error) {
	r := pack.NewReader(packed)
	part := journal.Part{Number: number, Size: r.Int(), ETag: r.Text(), Checksum: readChecksum(&r), SourceChecksum: readChecksum(&r)}
	return part, r.Err()
}

func appendChecksum(b []byte, checksum driver.Checksum) []byte {
	kind := uint64(checksum.Algorithm) << 1
	if checksum.Composite {
		kind |= 1
	}
	return pack.AppendString(pack.AppendUint(b, kind), checksum.Value)
}

func readChecksum(r *pack.Reader) driver.Checksum {
	kind := r.Uint()
	return driver.Checksum{
		Algorithm: driver.Algorithm(kind >> 1),
		Composite: kind&1 != 0,
		Value:     r.Text(),
	}
}

// number returns the place of name among names.
func number[N ~string](names []N, name N) (uint64, error) {
	for i, known := range names {
		if name == known {
			return uint64(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %q", name, names)
}

// named reads what number returned.
func named[N ~string](r *pack.Reader, names []N) N {
	n := r.Uint()
	if n >= uint64(len(names)) {
		r.Fail()
		return ""
	}
	return names[n]
}
