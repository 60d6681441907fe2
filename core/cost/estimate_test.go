package cost_test

import (
	"math"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/cost"
)

func TestWrittenEstimates(t *testing.T) {
	t.Parallel()
	prices := load(t, "")
	small, events, giants := usual, usual, usual
	small.MinWorkers, small.SpotPercent, small.ObjectsPerTB, small.InternetOut = 0, 100, 100_000_000, true
	events.Events, events.ObjectsPerTB, events.NAT, events.Giants = true, 10_000_000, true, true
	giants.Giants, giants.ObjectsPerTB = true, 93
	for name, plan := range map[string]cost.Plan{"small.txt": small, "events.txt": events, "giants.txt": giants} {
		golden(t, name, written(t, estimate(t, prices, plan)))
	}
}

// Each amount is computed by hand from the prices of us-east-1 that stand here again.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	small := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", Workers: 2, ObjectsPerTB: 100_000_000}
	parts := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", ObjectsPerTB: 5_000} // 200 MB: 6 parts of 32 MiB
	giants := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", Workers: 10, ObjectsPerTB: 100, Giants: true}
	idle := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", MinWorkers: 3, SpotPercent: 50, FinderType: "m6g.large", FinderHoursPerMonth: 73}
	behind := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", MinWorkers: 1, NAT: true, InternetOut: true}
	events := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", ObjectsPerTB: 1_000_000, Events: true}
	far := cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", Endpoints: 16, SourceRegion: "eu-test-1", DestinationRegion: "eu-test-2"}
	from, unknown := far, far
	from.DestinationRegion, unknown.SourceRegion = "", "eu-test-2"
	const address, disk = 0.005, 0.08 / 730 // of an hour; the disk by the GB
	tests := map[string]struct {
		plan           cost.Plan
		line           string
		monthly, perTB float64
	}{
		"small: 100 M objects at 700 a second":       {small, "worker instances", 0, 1e8 / 700 / 3600 * (0.0624 + address + 8*disk)},
		"small: a PUT and a GET each, 2 LIST a 1000": {small, "S3 requests", 0, 500 + 40 + 1},
		"small: 1 M messages, 0.5 requests each":     {small, "SQS requests", 0, 0.5 * 0.40},
		"small: 101 M writes, 100.1 M reads":         {small, "DynamoDB requests", 0, 101*0.625 + 100.1*0.125},
		"small: records of 281 bytes":                {small, "DynamoDB records, a month", 0, 281e8 / (1 << 30) * 0.45},
		"small: 15 metrics while 2 workers run":      {small, "CloudWatch metrics", 0, 1e8 / 700 / 3600 / 2 / 730 * 15 * 0.30},
		"parts: 6 GET, 6 PUT and 2 more":             {parts, "S3 requests", 0, (8*5_000+10)*5e-6 + 6*5_000*0.4e-6},
		"parts: bound by 3.125 Gbit/s":               {parts, "worker instances", 0, 8e12 / 3.125e9 / 3600 * (0.0624 + address + 8*disk)},
		"parts: a record, a tally and 6 parts":       {parts, "DynamoDB requests", 0, 5_000*(1+1+6)*0.625e-6 + 5_005*0.125e-6},
		"giants: one round of 3 and 2 more":          {giants, "Step Functions", 0, 100 * 5 * 25e-6},
		"giants: 150 parts of 64 MiB, 4 writes each": {giants, "DynamoDB requests", 0, 100*(1+1+600+1)*0.625e-6 + (100.1+15_000)*0.125e-6},
		"giants: requests of tasks and parts":        {giants, "SQS requests", 0, (100 + 15_000) * 1.2 * 0.4e-6},
		"idle: half Spot at 0.48":                    {idle, "worker instances", 3 * 730 * (0.0624*0.74 + address + 8*disk), 1e12 * 8 / 3.125e9 / 3600 * (0.0624*0.74 + address + 8*disk)},
		"idle: a finder for a tenth of the month":    {idle, "finder instance", 73 * (0.077 + address + 64*disk), 0},
		"idle: 2 looks in 20 seconds each":           {idle, "SQS requests", 3 * 730 * 360 * 0.4e-6, 100_000 / 26.0 * 1.2 * 0.4e-6},
		"idle: 15 metrics and 4 for a tenth":         {idle, "CloudWatch metrics", 15.4 * 0.30, 0},
		"idle: 26 metrics of alarms":                 {idle, "CloudWatch alarms", 2.60, 0},
		"NAT: no address":                            {behind, "worker instances", 730 * (0.0624 + 8*disk), 1e12 * 8 / 3.125e9 / 3600 * (0.0624 + 8*disk)},
		"NAT: a gateway, and 931 GiB through it":     {behind, "NAT gateway", 730 * 0.045, 1e12 / (1 << 30) * 0.045},
		"out: 931 GiB":                               {behind, "transfer out of AWS", 0, 1e12 / (1 << 30) * 0.09},
		"endpoints: 8 in two zones":                  {far, "interface endpoints", 16 * 730 * 0.01, 0},
		"far: from there and to there":               {far, "transfer between regions", 0, 1e12 / (1 << 30) * (0.03 + 0.02)},
		"far: at the price of the source":            {from, "transfer between regions", 0, 1e12 / (1 << 30) * 0.03},
		"far: price of the source not known":         {unknown, "transfer between regions", 0, 1e12 / (1 << 30) * 0.02},
		"events: three requests each":                {events, "SQS requests", 0, 3 * 0.40},
		"events: no listing":                         {events, "S3 requests", 0, 5 + 0.40},
	}
	prices := load(t, "regions: {eu-test-1: {currency: USD, transfer: {region: 0.03}}}")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, line := range estimate(t, prices, test.plan).Lines {
				if line.Name == test.line {
					if !near(line.Monthly, test.monthly) || !near(line.PerTB, test.perTB) {
						t.Errorf("%v and %v, want %v and %v", line.Monthly, line.PerTB, test.monthly, test.perTB)
					}
					return
				}
			}
			t.Errorf("no line %q", test.line)
		})
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func TestTotals(t *testing.T) {
	t.Parallel()
	e := estimate(t, load(t, ""), usual)
	monthly, perTB := 0.0, 0.0
	for _, line := range e.Lines {
		monthly, perTB = monthly+line.Monthly, perTB+line.PerTB
	}
	if !near(e.Monthly(), monthly) || !near(e.PerTB(), perTB) || monthly == 0 || perTB == 0 {
		t.Errorf("totals are %v and %v, want %v and %v", e.Monthly(), e.PerTB(), monthly, perTB)
	}
	if want := 8e12 / 3.125e9 / 3600 / 20; !near(e.HoursPerTB, want) {
		t.Errorf("%v hours for a TB, want %v", e.HoursPerTB, want)
	}
	if e.Currency != "USD" || e.Plan.ObjectsPerTB != cost.DefaultObjectsPerTB {
		t.Errorf("currency %q, %d objects", e.Currency, e.Plan.ObjectsPerTB)
	}
}

// What an estimate rests on is said only where it does.
func TestAssumptionsOfTheNetwork(t *testing.T) {
	t.Parallel()
	const within, out, gateway = "Transfer is within one region", "Left out: transfer from eu-test-2 to us-east-1, whose price there is not known.", "if there is a gateway endpoint"
	tests := map[string]struct {
		change         func(*cost.Plan)
		want, unwanted []string // said, and not said
	}{
		"one region":       {func(*cost.Plan) {}, []string{within}, []string{out, gateway}},
		"to another":       {func(p *cost.Plan) { p.DestinationRegion = "eu-test-2" }, nil, []string{within, out}},
		"from another":     {func(p *cost.Plan) { p.SourceRegion = "eu-test-2" }, []string{out}, []string{within}},
		"from a known one": {func(p *cost.Plan) { p.SourceRegion = "us-east-1" }, nil, []string{within, out}},
		"in CNY":           {func(p *cost.Plan) { p.SourceRegion = "eu-test-1" }, []string{"transfer from eu-test-1"}, []string{within}},
		"NAT":              {func(p *cost.Plan) { p.NAT = true }, []string{within, gateway, "else it is 41.91 a TB more"}, []string{out}},
	}
	prices := load(t, "regions: {eu-test-1: {currency: CNY, transfer: {region: 0.3}}}")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := usual
			test.change(&plan)
			said := strings.Join(estimate(t, prices, plan).Assumptions, "\n")
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said:\n%s", want, said)
				}
			}
			for _, unwanted := range test.unwanted {
				if strings.Contains(said, unwanted) {
					t.Errorf("%q is said:\n%s", unwanted, said)
				}
			}
		})
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*cost.Plan)
		want   string
	}{
		"no region":         {func(p *cost.Plan) { p.Region = "" }, "names no region"},
		"unknown region":    {func(p *cost.Plan) { p.Region = "mars-1" }, `no prices of region "mars-1": give a table of your own`},
		"no worker":         {func(p *cost.Plan) { p.WorkerType = "" }, "no type of workers"},
		"unknown worker":    {func(p *cost.Plan) { p.WorkerType = "c9.big" }, "unknown network of c9.big"},
		"no finder":         {func(p *cost.Plan) { p.FinderType = "" }, "hours of a finder"},
		"unknown finder":    {func(p *cost.Plan) { p.FinderType = "c9.big" }, "no price of ec2 c9.big"},
		"fewer than none":   {func(p *cost.Plan) { p.MinWorkers = -1 }, "fewer than no workers"},
		"fewer endpoints":   {func(p *cost.Plan) { p.Endpoints = -1 }, "fewer than no endpoints"},
		"too much Spot":     {func(p *cost.Plan) { p.SpotPercent = 101 }, "from 0 to 100"},
		"too many hours":    {func(p *cost.Plan) { p.FinderHoursPerMonth = 731 }, "a month has 730"},
		"no number":         {func(p *cost.Plan) { p.FinderHoursPerMonth = math.NaN() }, "a month has 730"},
		"too many objects":  {func(p *cost.Plan) { p.ObjectsPerTB = cost.TB + 1 }, "do not make a TB"},
		"negative objects":  {func(p *cost.Plan) { p.ObjectsPerTB = -1 }, "do not make a TB"},
		"not in the region": {func(p *cost.Plan) { p.Region = "eu-test-1" }, "eu-test-1: no c7gn.medium as of 2026-01-02, no price of"},
	}
	prices := load(t, "regions: {eu-test-1: {ec2: {date: 2026-01-02, c7gn.medium: none}}}")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := usual
			test.change(&plan)
			if _, err := prices.Estimate(plan); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
