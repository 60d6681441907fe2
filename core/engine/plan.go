package engine

import (
	"context"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

// Forecast is what a sync would do now.
type Forecast struct {
	Listed     int64 `json:"listed"` // source objects
	Equal      int64 `json:"equal"`
	New        int64 `json:"new"`
	Changed    int64 `json:"changed"`
	Unclear    int64 `json:"unclear"`    // a sync would ask both stores for checksums
	Extra      int64 `json:"extra"`      // objects that only the destination has
	Unmappable int64 `json:"unmappable"` // objects that the destination cannot hold, as far as key, size and class tell
	Archived   int64 `json:"archived"`   // of those to copy, objects of classes that must be restored before they are read
	Encoded    int64 `json:"encoded"`    // objects to copy whose key is encoded at the destination
	Bytes      int64 `json:"bytes"`      // to copy
	Requests   Sides `json:"requests"`
	// ThroughHost says why bytes pass through this machine; empty when the store
	// copies by itself.
	ThroughHost string `json:"through_host,omitempty"`
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
	var forecast Forecast
	reason, err := e.openInside(ctx)
	if err != nil {
		return forecast, err
	}
	forecast.ThroughHost = reason
	comparer, parents := e.comparer(), e.parents()
	visit := func(pair diff.Pair) error {
		parent := parents.of(pair)
		switch {
		case pair.Source == nil:
			forecast.Extra++
			return nil
		case parent != "":
			forecast.Unmappable++
			return nil
		case pair.Destination == nil:
			forecast.New++
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
	err = e.merge(ctx, visitor{pair: visit, lost: func(diff.Pair, error) error {
		forecast.Unclear++
		return nil
	}})
	forecast.Listed = e.counters.ListedSource.Load()
	return forecast, err
}

// forecast adds the copy of one object.
func (e *Engine) forecast(forecast *Forecast, pair diff.Pair) {
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
		return // sync leaves it
	}
	if e.copier.Tags {
		forecast.Requests.Source++
	}
	forecast.Bytes += size
	parts := int64(layout.Parts())
	forecast.Requests.Source += parts
	forecast.Requests.Destination += parts
	if layout.Multipart() {
		forecast.Requests.Source++         // the checksum of the whole
		forecast.Requests.Destination += 2 // create and complete
	}
}
