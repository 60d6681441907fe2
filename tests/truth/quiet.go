package truth

import (
	"context"
	"fmt"

	"github.com/dth-dev/dth/core/job"
)

// quietRuns is how many runs it may take until all is equal once nothing fails any more:
// one, and one more where objects failed that a damaged copy of stands in the way.
const quietRuns = 2

// quiet ends a history: nothing fails any more, and dth runs until it copied everything.
func (p *play) quiet(ctx context.Context) (*Violation, error) {
	p.settle()
	c := Command{Verb: Sync, Compare: job.CompareAuto, Unmappable: job.UnmappableDrop, Transfers: 4}
	for run := 1; ; run++ {
		p.pass(Source)
		p.pass(Destination)
		violation, state, err := p.quietRun(ctx, c)
		if violation != nil || err != nil {
			return violation, err
		}
		if state == "done" {
			break
		}
		if run == quietRuns {
			return &Violation{Rule: RuleQuiet, What: fmt.Sprintf("%d runs without any failure ended as %q", run, state)}, nil
		}
	}
	if violation := p.checkUploads(); violation != nil {
		return violation, nil
	}
	return p.command(ctx, Command{Verb: Verify, Unmappable: job.UnmappableDrop, Transfers: 4})
}

func (p *play) quietRun(ctx context.Context, c Command) (violation *Violation, state string, err error) {
	violation, err = p.command(ctx, c)
	return violation, p.said.State, err
}

// checkUploads: no upload is open that dth began.
func (p *play) checkUploads() *Violation {
	for _, upload := range p.servers[Destination].Uploads(p.buckets[Destination]) {
		switch {
		case p.lateMade[upload.ID]: // after dth had looked for it
		case !p.history.Destination.UploadLister && p.lostIDs: // its ID was never told
		default:
			return &Violation{Rule: RuleUploads, Key: upload.Key, What: "the upload " + upload.ID + " is open"}
		}
	}
	return nil
}
