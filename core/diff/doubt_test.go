package diff_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestDoubtedKeyIsNeverTheSameByTimeOrSize: whatever the user compares by, a key whose last
// copy is not known to have succeeded is the same by evidence alone.
func TestDoubtedKeyIsNeverTheSameByTimeOrSize(t *testing.T) {
	t.Parallel()
	const md5, otherMD5 = "00112233445566778899aabbccddeeff", "ff112233445566778899aabbccddeeff"
	source := driver.Object{Size: 1, ETag: "s1", Modified: time.Unix(1000, 0)}
	destination := driver.Object{Size: 1, ETag: "d1", Modified: time.Unix(2000, 0)}
	proved := journal.Proof{Size: 1, SourceETag: "s1", DestinationETag: "d1", SourceModified: source.Modified, Grade: journal.GradeOne}
	with := func(o driver.Object, etag string) *driver.Object { o.ETag = etag; return &o }
	other := func(change func(*journal.Proof)) journal.Proof { p := proved; change(&p); return p }
	tests := map[string]struct {
		source, destination *driver.Object
		proved              journal.Proof
		opaque              bool         // ETags that are no MD5s
		listings            diff.Verdict // by auto, size or mtime
		etag, strict        diff.Verdict // where more than the listings may be asked
	}{
		"nothing was proved":            {&source, &destination, journal.Proof{}, true, diff.Different, diff.Unclear, diff.Unclear},
		"proved, and both as then":      {&source, &destination, proved, true, diff.Same, diff.Same, diff.Unclear},
		"the source changed since":      {with(source, "s2"), &destination, proved, true, diff.Different, diff.Unclear, diff.Unclear},
		"the destination changed since": {&source, with(destination, "d2"), proved, true, diff.Different, diff.Unclear, diff.Unclear},
		"a source without ETags":        {with(source, ""), &destination, other(func(p *journal.Proof) { p.SourceETag = "" }), true, diff.Different, diff.Unclear, diff.Unclear},
		"a destination without ETags":   {&source, with(destination, ""), other(func(p *journal.Proof) { p.DestinationETag = "" }), true, diff.Different, diff.Unclear, diff.Unclear},
		"no ETags at all":               {with(source, ""), with(destination, ""), other(func(p *journal.Proof) { p.SourceETag, p.DestinationETag = "", "" }), true, diff.Different, diff.Unclear, diff.Unclear},
		"the same MD5":                  {with(source, md5), with(destination, md5), journal.Proof{}, false, diff.Same, diff.Same, diff.Same},
		"another MD5":                   {with(source, md5), with(destination, otherMD5), journal.Proof{}, false, diff.Different, diff.Different, diff.Different},
		"ETags that look like MD5s":     {with(source, md5), with(destination, md5), journal.Proof{}, true, diff.Different, diff.Unclear, diff.Unclear},
		"the same weak ETag":            {with(source, "W/"+md5), with(destination, "W/"+md5), journal.Proof{}, false, diff.Different, diff.Unclear, diff.Unclear},
		"parts of other sizes":          {with(source, md5+"-2"), with(destination, md5+"-3"), journal.Proof{}, false, diff.Different, diff.Unclear, diff.Unclear},
		"another size":                  {&driver.Object{Size: 2, ETag: md5}, with(destination, md5), journal.Proof{}, false, diff.Different, diff.Different, diff.Different},
		"a weak ETag, rewritten": {
			&driver.Object{Size: 1, ETag: "W/s1", Modified: time.Unix(1001, 0)}, &destination,
			other(func(p *journal.Proof) { p.SourceETag = "W/s1" }), true, diff.Different, diff.Unclear, diff.Unclear,
		},
	}
	for name, test := range tests {
		for _, outcome := range []journal.Outcome{journal.OutcomeFailed, journal.OutcomeSkipped, journal.OutcomeVanished, journal.OutcomeInterrupted, journal.OutcomeDeleted} {
			t.Run(name+", "+string(outcome), func(t *testing.T) {
				t.Parallel()
				record := &journal.Record{Outcome: outcome, SourceETag: "s1", DestinationETag: "d1", Proved: test.proved}
				pair := diff.Pair{Source: test.source, Destination: test.destination, Record: record}
				comparer := diff.Comparer{SourceMD5: !test.opaque, DestinationMD5: !test.opaque}
				checksum := diff.Unclear
				if test.source.Size != test.destination.Size {
					checksum = diff.Different
				}
				for by, want := range map[job.Compare]diff.Verdict{
					job.CompareAuto: test.listings, job.CompareSize: test.listings, job.CompareMtime: test.listings,
					job.CompareETag: test.etag, job.CompareChecksum: checksum,
				} {
					switch {
					case outcome == journal.OutcomeFailed && test.source.ETag == record.SourceETag:
						want = diff.Different // what failed was this very version
					case outcome == journal.OutcomeInterrupted && want == diff.Same && test.strict == diff.Same:
						want = diff.Unclear // its attributes may be missing
					case outcome == journal.OutcomeInterrupted && by != job.CompareChecksum:
						want = diff.Different
					}
					comparer.By = by
					if got := comparer.Compare(pair); got != want {
						t.Errorf("by %s: %d, want %d", by, got, want)
					}
				}
				comparer.By, comparer.Strict = job.CompareAuto, true
				if got := comparer.Compare(pair); got != test.strict {
					t.Errorf("strict: %d, want %d", got, test.strict)
				}
			})
		}
	}
}

// TestFailedVersionIsCopiedAgain: a copy that failed for this version is made again though the
// bytes are there, and were proved: what failed may be the attributes. Where it was interrupted,
// the stores are asked.
func TestFailedVersionIsCopiedAgain(t *testing.T) {
	t.Parallel()
	const md5 = "00112233445566778899aabbccddeeff"
	object := driver.Object{Size: 1, ETag: md5}
	proved := journal.Proof{Size: 1, SourceETag: md5, DestinationETag: md5, Grade: journal.GradeBoth}
	for outcome, want := range map[journal.Outcome]diff.Verdict{
		journal.OutcomeFailed: diff.Different, journal.OutcomeInterrupted: diff.Unclear, journal.OutcomeSkipped: diff.Same,
	} {
		for name, proof := range map[string]journal.Proof{"nothing was proved": {}, "proved before": proved} {
			pair := diff.Pair{Source: &object, Destination: &object, Record: &journal.Record{Outcome: outcome, SourceETag: md5, Proved: proof}}
			for _, by := range []job.Compare{job.CompareAuto, job.CompareSize, job.CompareMtime, job.CompareETag} {
				if got := (diff.Comparer{By: by, SourceMD5: true, DestinationMD5: true}).Compare(pair); got != want {
					t.Errorf("%s, %s, by %s: %d, want %d", outcome, name, by, got, want)
				}
			}
		}
	}
}

// TestRecordedTimeTellsARewrite: the times of one clock are compared with each other, not
// with those of another, where a record knows them.
func TestRecordedTimeTellsARewrite(t *testing.T) {
	t.Parallel()
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	tests := map[string]struct {
		record              *journal.Record
		source, destination driver.Object
		by                  job.Compare
		want                diff.Verdict
	}{
		"rewritten by a clock behind": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000)},
			driver.Object{Modified: at(1500)}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Different,
		},
		"rewritten to an older time": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000)},
			driver.Object{Modified: at(500)}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Different,
		},
		"rewritten, compared by time": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000)},
			driver.Object{Modified: at(1500)}, driver.Object{Modified: at(2000)}, job.CompareMtime, diff.Different,
		},
		"rewritten, with another ETag at the destination only": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000), DestinationETag: "d"},
			driver.Object{Modified: at(1500)}, driver.Object{Modified: at(2000), ETag: "d"}, job.CompareAuto, diff.Different,
		},
		"not rewritten": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000)},
			driver.Object{Modified: at(1000)}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Same,
		},
		"not rewritten, told to the second": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(1000)},
			driver.Object{Modified: at(1000).Add(900 * time.Millisecond)}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Same,
		},
		"not rewritten, the source's clock ahead": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(3000), DestinationETag: "d"},
			driver.Object{Modified: at(3000)}, driver.Object{Modified: at(2000), ETag: "d"}, job.CompareAuto, diff.Same,
		},
		"the destination rewritten, the source's clock ahead": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceModified: at(3000), DestinationETag: "d"},
			driver.Object{Modified: at(3000)}, driver.Object{Modified: at(4000), ETag: "e"}, job.CompareAuto, diff.Different,
		},
		"a weak ETag again, rewritten": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceETag: "W/s", SourceModified: at(1000), DestinationETag: "d"},
			driver.Object{Modified: at(1001), ETag: "W/s"}, driver.Object{Modified: at(2000), ETag: "d"}, job.CompareAuto, diff.Different,
		},
		"a record of a time before times were recorded": {
			&journal.Record{Outcome: journal.OutcomeDone},
			driver.Object{Modified: at(1500)}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Same,
		},
		"a strong ETag again, however late": {
			&journal.Record{Outcome: journal.OutcomeDone, SourceETag: "s", SourceModified: at(1000), DestinationETag: "d"},
			driver.Object{Modified: at(5000), ETag: "s"}, driver.Object{Modified: at(2000), ETag: "d"}, job.CompareAuto, diff.Same,
		},
		"no time at the source":      {nil, driver.Object{}, driver.Object{Modified: at(2000)}, job.CompareAuto, diff.Different},
		"no time at the destination": {nil, driver.Object{Modified: at(1000)}, driver.Object{}, job.CompareMtime, diff.Different},
		"no time at all":             {nil, driver.Object{}, driver.Object{}, job.CompareAuto, diff.Different},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := diff.Pair{Source: &test.source, Destination: &test.destination, Record: test.record}
			if got := (diff.Comparer{By: test.by}).Compare(pair); got != test.want {
				t.Errorf("Compare = %d, want %d", got, test.want)
			}
		})
	}
}
