package sqlite

import (
	"fmt"

	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
)

// Packed values are part of the state file's schema: a change to their layout, or to
// outcomes and grades here, which only grow at their ends, raises the schema's version.

func outcomes() []journal.Outcome {
	return []journal.Outcome{
		journal.OutcomeDone, journal.OutcomeFailed, journal.OutcomeSkipped,
		// since version 3
		journal.OutcomeDeleted, journal.OutcomeVanished, journal.OutcomeInterrupted,
	}
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
	b = packed.AppendChecksum(b, record.Checksum)
	b = pack.AppendString(b, record.Written)
	b = packed.AppendTexts(b, record.Changes)
	b = pack.AppendInt(b, int64(record.Replans))
	b = pack.AppendString(b, record.Error)
	b = pack.AppendTime(b, record.At)
	kept := !record.Proved.IsZero() || len(record.Unproved) > 0 || record.Since != ""
	if record.SourceModified.IsZero() && !kept {
		return b, nil // as it was before version 3
	}
	b = pack.AppendTime(b, record.SourceModified)
	if kept {
		b = packed.AppendProof(b, record.Proved)
		b = packed.AppendTexts(b, record.Unproved)
		b = pack.AppendString(b, record.Since)
	}
	return b, nil
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
		Checksum:        packed.ReadChecksum(&r),
		Written:         r.Text(),
		Changes:         packed.ReadTexts(&r),
		Replans:         int(r.Int()),
		Error:           r.Text(),
		At:              r.Time(),
	}
	if r.Len() > 0 {
		record.SourceModified = r.Time()
	}
	if r.Len() > 0 {
		record.Proved = packed.ReadProof(&r)
	}
	if r.Len() > 0 {
		record.Unproved, record.Since = packed.ReadTexts(&r), r.Text()
	}
	return record, r.Err()
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
