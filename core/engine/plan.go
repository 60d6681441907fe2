package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

// Forecast is what a sync would do now.
type Forecast struct {
	Listed  int64 `json:"listed"` // source objects
	Equal   int64 `json:"equal"`
	New     int64 `json:"new"`
	Changed int64 `json:"changed"`
	Unclear int64 `json:"unclear"` // a sync would ask both stores for checksums
	Extra   int64 `json:"extra"`   // objects that only the destination has
	Deletes int64 `json:"deletes"` // of them, those that a sync with these settings would delete
	// DeletesIf says what must hold for that, where only a sync can find it out.
	DeletesIf  string `json:"deletes_if,omitempty"`
	Unmappable int64  `json:"unmappable"` // objects that the destination cannot hold, as far as key, size and class tell
	Archived   int64  `json:"archived"`   // of those to copy, objects of classes that must be restored before they are read
	Encoded    int64  `json:"encoded"`    // objects to copy whose key is encoded at the destination
	Bytes      int64  `json:"bytes"`      // to copy
	Requests   Sides  `json:"requests"`
	// ThroughHost says why bytes pass through this machine; empty when the store
	// copies by itself.
	ThroughHost string `json:"through_host,omitempty"`
	// Guard says why a sync with these settings would stop before it deletes.
	Guard    string   `json:"guard,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// planner makes a forecast.
type planner struct {
	Forecast
	frozen int64  // of Archived, those that sync skips
	unsure int64  // objects of the destination that may be extra or not
	sample string // an extra key, as the destination has it, that both locations would share
}

// Sides is a number of requests to each side, listings not counted.
type Sides struct {
	Source      int64 `json:"source"`
	Destination int64 `json:"destination"`
}

// ToCopy returns how many objects a sync would copy, unclear ones included.
func (f Forecast) ToCopy() int64 { return f.New + f.Changed + f.Unclear }

// Plan compares both sides and returns what Sync would do. It writes nothing.
func (e *Engine) Plan(ctx context.Context) (Forecast, error) {
	var forecast planner
	reason, err := e.openInside(ctx)
	if err != nil {
		return forecast.Forecast, err
	}
	forecast.ThroughHost = reason
	pending, err := e.resumable(ctx)
	if err != nil {
		return forecast.Forecast, err
	}
	comparer, parents := e.comparer(), e.parents()
	visit := func(pair diff.Pair) error {
		parent := parents.of(pair)
		switch {
		case pair.Source == nil:
			forecast.Extra++
			if forecast.sample == "" && e.inBoth(pair.Key) {
				forecast.sample = pair.Key
			}
			return nil
		case parent != "":
			forecast.Unmappable++
			return nil
		case pair.Destination == nil:
			forecast.New++
		case pending[pair.Key]:
			forecast.Changed++
		default:
			switch comparer.Compare(pair) {
			case diff.Same:
				forecast.Equal++
				return nil
			case diff.Different:
				forecast.Changed++
			case diff.Unclear:
				forecast.Unclear++
				forecast.Requests.Source++
				forecast.Requests.Destination++
				return nil
			}
		}
		e.forecast(&forecast, pair)
		return nil
	}
	err = e.merge(ctx, visitor{pair: visit, lost: func(pair diff.Pair, _ error) error {
		if pair.Source == nil {
			forecast.unsure++
		} else {
			forecast.Unclear++
		}
		return nil
	}})
	forecast.Listed = e.counters.ListedSource.Load()
	if err == nil {
		err = e.foretellDeletions(ctx, &forecast)
	}
	return forecast.Forecast, err
}

// foretellDeletions says what a sync would delete, and which guard would keep it from that.
func (e *Engine) foretellDeletions(ctx context.Context, forecast *planner) error {
	if forecast.Listed == 0 {
		forecast.Warnings = append(forecast.Warnings, e.emptySource()+": check the location")
	}
	if forecast.unsure > 0 {
		forecast.Warnings = append(forecast.Warnings, unsureText(forecast.unsure))
	}
	err := e.guard(tallies{
		source: forecast.Listed, destination: e.counters.ListedDestination.Load(), extra: forecast.Extra,
		left: forecast.Unmappable + forecast.frozen + forecast.unsure,
	})
	var guard *GuardError
	switch {
	case errors.As(err, &guard):
		forecast.Guard = guard.Reason + ". " + guard.Do
	case !e.job.Settings.Delete || forecast.Extra == 0:
	default:
		forecast.Deletes = forecast.Extra
		forecast.DeletesIf = strings.Join(e.conditions(ctx, forecast), ", and ")
	}
	return ctx.Err()
}

// conditions are what must hold for deletions and only a sync finds out.
func (e *Engine) conditions(ctx context.Context, forecast *planner) []string {
	var conditions []string
	if thawed := forecast.Archived - forecast.frozen; thawed > 0 && !e.job.Settings.IgnoreErrors {
		conditions = append(conditions, fmt.Sprintf("all archived objects that are to be copied (%d) were restored", thawed))
	}
	if e.mayBeOne() && !e.onlyAtDestination(ctx, forecast.sample) {
		conditions = append(conditions, fmt.Sprintf("a small object that sync writes proves that source %s and destination %s are not one bucket under two names",
			e.source.Session.Identity, e.destination.Session.Identity))
	}
	return conditions
}

// forecast adds the copy of one object.
func (e *Engine) forecast(forecast *planner, pair diff.Pair) {
	session, size := e.destination.Session, pair.Source.Size
	layout, err := plan.Divide(size, e.copier.Sizes, session.Limits, session.Has(driver.CapabilityUploader))
	written, unfit := e.copier.Fit.Key(pair.Key)
	if err != nil || unfit != nil || e.copier.Fit.CheckClass(pair.Source.StorageClass) != nil {
		forecast.Unmappable++
		return
	}
	if written != pair.Key {
		forecast.Encoded++
	}
	if class, _ := e.source.Session.Class(pair.Source.StorageClass); pair.Source.Frozen || class.Tier.MustRestore() {
		forecast.Archived++
	}
	if pair.Source.Frozen {
		forecast.frozen++
		return // sync leaves it
	}
	if e.copier.Tags {
		forecast.Requests.Source++
	}
	forecast.Bytes += size
	parts := int64(layout.Parts())
	forecast.Requests.Source += parts
	forecast.Requests.Destination += parts
	switch stored := session.Checksums; {
	case layout.Multipart():
		forecast.Requests.Source++         // the checksum of the whole
		forecast.Requests.Destination += 3 // create, complete, and a look at what became of it
		if session.Has(driver.CapabilityUploadLister) {
			forecast.Requests.Destination++ // which uploads are open before
		}
	case len(stored.Stored) == 0 && !stored.ETagMD5:
		forecast.Requests.Destination++ // a look at what became of it
	}
}
