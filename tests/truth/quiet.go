package truth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
)

// quietRuns is how many runs it may take until all is equal once nothing fails any more:
// one, and one more where objects failed that a damaged copy of stands in the way.
const quietRuns = 2

// quiet ends a history: nothing fails any more, and dth runs until it copied everything.
// Copies of single objects are repeated first, because each has a state of its own.
func (p *play) quiet(ctx context.Context) (*Violation, error) {
	p.settle()
	for _, key := range slices.Sorted(maps.Keys(p.copied)) {
		if _, there := p.source.present(key); !there {
			continue
		}
		c := Command{Verb: Copy, Key: key, Unmappable: job.UnmappableDrop, Transfers: 4}
		if violation, err := p.untilDone(ctx, c); violation != nil || err != nil {
			return violation, err
		}
	}
	c := Command{Verb: Sync, Compare: job.CompareAuto, Unmappable: job.UnmappableDrop, Transfers: 4}
	if violation, err := p.untilDone(ctx, c); violation != nil || err != nil {
		return violation, err
	}
	if violation, err := p.checkUploads(ctx); violation != nil || err != nil {
		return violation, err
	}
	return p.command(ctx, Command{Verb: Verify, Unmappable: job.UnmappableDrop, Transfers: 4})
}

// untilDone repeats a command until it is done.
func (p *play) untilDone(ctx context.Context, c Command) (*Violation, error) {
	for run := 1; ; run++ {
		p.pass(Source)
		p.pass(Destination)
		violation, err := p.command(ctx, c)
		switch {
		case violation != nil || err != nil:
			return violation, err
		case p.said.State == journal.StateDone:
			return nil, nil
		case run == quietRuns:
			return &Violation{Rule: RuleQuiet, Key: c.Key, What: fmt.Sprintf("%d times dth %s ended as %q without any failure: %s", run, c.Verb, p.said.State, p.said)}, nil
		}
	}
}

// checkUploads: no upload is open that dth began, but those that it tells.
func (p *play) checkUploads(ctx context.Context) (*Violation, error) {
	told := map[string]bool{}
	for key, copied := range p.copies { // of an object that is gone: the next copy of the key ends it
		uploads, err := journalsqlite.New(copied.file).Uploads(ctx)
		if err != nil {
			return nil, err
		}
		told[key] = len(uploads) > 0
	}
	for _, left := range p.said.UploadsLeft {
		told[left.Key] = true
	}
	for _, upload := range p.servers[Destination].Uploads(p.buckets[Destination]) {
		switch {
		case told[upload.Key]:
		case p.lateMade[upload.ID]: // after dth had looked for it
		case !p.history.Destination.UploadLister && p.lostIDs: // its ID was never told
		default:
			return &Violation{Rule: RuleUploads, Key: upload.Key, What: "the upload " + upload.ID + " is open"}, nil
		}
	}
	return nil, nil
}
