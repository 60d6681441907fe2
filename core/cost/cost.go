// Package cost estimates what a fleet costs: by the month that it stands there, and by the
// terabyte that it copies.
//
// An estimate is arithmetic: prices from a table, times what was measured of dth (see
// measured.go). It leaves out what the objects themselves cost where they are kept, taxes,
// free tiers and discounts.
package cost

import (
	"errors"
	"fmt"
)

// TB is what a terabyte is here, in bytes.
const TB = 1_000_000_000_000

// Plan is the fleet to estimate, mostly in the words of the template's parameters.
type Plan struct {
	Region     string // of AWS, where the fleet stands
	WorkerType string // type of the workers' instances
	Workers    int    // workers while there is work; 0 counts as 1
	MinWorkers int    // workers that stay when there is none
	// SpotPercent is the share of Spot instances among workers, 0 to 100.
	SpotPercent int
	// FinderType is the type of the finder's instance.
	FinderType string
	// FinderHoursPerMonth is how long finders are at work in a month.
	FinderHoursPerMonth float64
	// Events says that objects come by notifications of the source, each in a message of
	// its own, and not from a finder, 100 in one.
	Events bool
	// ObjectsPerTB is how many objects make a TB, 0 for DefaultObjectsPerTB.
	ObjectsPerTB int64
	// Giants says that objects of DefaultGiantThreshold and more are copied by many workers
	// and watched by Step Functions. It tells only where ObjectsPerTB makes them so large.
	Giants bool
	// InternetOut says that what is copied leaves AWS, or goes to a region of another
	// partition, such as China.
	InternetOut bool
	// NAT says that instances have no public address and reach the remote store through a
	// NAT gateway.
	NAT bool
	// Endpoints is how many interface endpoints there are for the fleet alone, times the
	// zones that each is in.
	Endpoints int
	// SourceRegion and DestinationRegion are the regions of the stores where they are others
	// of the same partition than Region, else empty: what is copied crosses to or from there.
	SourceRegion, DestinationRegion string
}

// DefaultObjectsPerTB is that of objects of 10 MB, the large ones of docs/scale.md.
const DefaultObjectsPerTB = 100_000

// Line is what one thing costs.
type Line struct {
	Name    string
	Monthly float64 // whether anything is copied or not
	PerTB   float64 // for each TB copied
}

// Estimate is what a Plan costs, in Currency. Its values may be copied and shared.
type Estimate struct {
	Plan     Plan   // with defaults filled in
	Currency string // USD, or CNY in AWS China
	// Prices says where the prices are from and of which days they are.
	Prices      string
	Lines       []Line
	HoursPerTB  float64  // for Plan.Workers together
	Assumptions []string // in plain words
}

// Monthly returns the total of what a month costs where nothing is copied.
func (e Estimate) Monthly() float64 {
	total := 0.0
	for _, line := range e.Lines {
		total += line.Monthly
	}
	return total
}

// PerTB returns the total of what each TB copied costs besides.
func (e Estimate) PerTB() float64 {
	total := 0.0
	for _, line := range e.Lines {
		total += line.PerTB
	}
	return total
}

// filled returns the plan with its defaults, or says what is wrong with it.
func (p Plan) filled() (Plan, error) {
	if p.ObjectsPerTB == 0 {
		p.ObjectsPerTB = DefaultObjectsPerTB
	}
	if p.Workers == 0 {
		p.Workers = 1
	}
	switch {
	case p.Region == "":
		return p, errors.New("the plan names no region")
	case p.WorkerType == "":
		return p, errors.New("the plan names no type of workers")
	case p.FinderType == "" && p.FinderHoursPerMonth > 0:
		return p, errors.New("the plan has hours of a finder, but names no type of it")
	case p.Workers < 0 || p.MinWorkers < 0:
		return p, errors.New("the plan has fewer than no workers")
	case p.Endpoints < 0:
		return p, errors.New("the plan has fewer than no endpoints")
	case p.SpotPercent < 0 || p.SpotPercent > 100:
		return p, fmt.Errorf("%d %% of Spot instances: from 0 to 100", p.SpotPercent)
	case !(p.FinderHoursPerMonth >= 0 && p.FinderHoursPerMonth <= hoursPerMonth): // also where it is no number
		return p, fmt.Errorf("%g hours of a finder: a month has %d, and one finder works at a time", p.FinderHoursPerMonth, hoursPerMonth)
	case p.ObjectsPerTB < 0 || p.ObjectsPerTB > TB:
		return p, fmt.Errorf("%d objects do not make a TB of %d bytes", p.ObjectsPerTB, int64(TB))
	}
	return p, nil
}
