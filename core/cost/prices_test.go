package cost_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dth-dev/dth/core/cost"
)

func TestOverrideReplacesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	before := estimate(t, load(t, ""), usual)
	after := estimate(t, load(t, "regions:\n  us-east-1:\n    s3: {put: 10}\n"), usual)
	for i, line := range after.Lines {
		was := before.Lines[i]
		if line.Name == "S3 requests" {
			if want := was.PerTB + (100_000+200)*5e-6; !near(line.PerTB, want) {
				t.Errorf("%s: %v, want %v", line.Name, line.PerTB, want)
			}
		} else if line != was {
			t.Errorf("%+v, was %+v", line, was)
		}
	}
	if !strings.Contains(after.Prices, "some of your own") || strings.Contains(before.Prices, "your own") {
		t.Errorf("%q, before %q", after.Prices, before.Prices)
	}
}

func TestOwnRegionAndType(t *testing.T) {
	t.Parallel()
	const table = `
instances: {c8gn.medium: 3125}
regions:
  cn-test-1:
    currency: CNY
    s3: {put: 4.5, get: 1.5}
    sqs: {request: 3}
    dynamodb: {write: 5, read: 1, storage: 2, recovery: 1}
    ec2: {date: 2026-11-01, c8gn.medium: 0.4}
    ebs: {gp3: 0.5}
    address: {ipv4: 0}
    logs: {gb: 6}
    metrics: {month: 2}
    alarms: {metric: 0.6}
    dashboards: {month: 20}
    kms: {key: 7}
    transfer: {region: 0.6}
`
	prices := load(t, table)
	e := estimate(t, prices, cost.Plan{Region: "cn-test-1", WorkerType: "c8gn.medium"})
	if e.Currency != "CNY" || e.Prices != "Prices of cn-test-1 as of 2026-11-01, some of your own." {
		t.Errorf("%q %q", e.Currency, e.Prices)
	}
	if got := strings.Join(prices.Regions(), " "); !strings.Contains(got, "cn-test-1 ") || !strings.Contains(got, "us-east-1") {
		t.Errorf("regions are %s", got)
	}
}

func TestTablesThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ table, want string }{
		"no mapping":         {"- a", "line 1: NAME: VALUE"},
		"unknown part":       {"\nregion: {}", `line 2: "region" is no part`},
		"unknown group":      {"regions:\n  us-east-1:\n    sqz: {request: 1}", `line 3: "sqz" is no group`},
		"unknown price":      {"regions:\n  us-east-1:\n    sqs: {requests: 1}", `line 3: "requests" is no price of this group: request`},
		"no type":            {"regions:\n  us-east-1:\n    ec2:\n      big: 1", `line 4: "big" is no type of instances`},
		"no number":          {"regions: {us-east-1: {sqs: {request: much}}}", "line 1: a number"},
		"negative":           {"regions: {us-east-1: {sqs: {request: -1}}}", "line 1: a number"},
		"infinite":           {"regions: {us-east-1: {sqs: {request: .inf}}}", "line 1: a number"},
		"not a number":       {"regions: {us-east-1: {sqs: {request: NaN}}}", "line 1: a number"},
		"nothing":            {"regions: {us-east-1: {sqs: {request: }}}", "line 1: a number"},
		"none for a service": {"regions: {us-east-1: {sqs: {request: none}}}", "line 1: a number"},
		"date":               {"regions: {us-east-1: {sqs: {date: today}}}", "line 1: \"today\" is no day"},
		"currency":           {"regions: {us-east-1: {currency: dollars}}", "line 1: a currency"},
		"twice":              {"regions: {us-east-1: {sqs: {request: 1, request: 2}}}", "line 1:"},
		"two documents":      {"regions: {}\n---\nregions: {}", "a second document"},
		"syntax":             {"regions: {", "line 1:"},
		"still":              {"instances: {c9.big: 0}", "line 1: an instance without network"},
		"no instance":        {"instances: {big: 1}", `line 1: "big" is no type`},
		"large":              {strings.Repeat("#", 1<<20+1), "larger than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := cost.Load(strings.NewReader(test.table)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	gone := errors.New("gone")
	if _, err := cost.Load(iotest.ErrReader(gone)); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("regions: {us-east-1: {s3: {put: 1}}}")
	f.Add("instances: {a.b: 1}\nregions:\n  x: {currency: CNY, ec2: {a.b: none}}")
	f.Add("regions: &a {b: *a}")
	f.Fuzz(func(t *testing.T, table string) {
		prices, err := cost.Load(strings.NewReader(table))
		if err != nil {
			return
		}
		for _, region := range prices.Regions() {
			plan := usual
			plan.Region = region
			e, err := prices.Estimate(plan)
			if err != nil {
				continue
			}
			for _, line := range e.Lines {
				if math.IsNaN(line.Monthly+line.PerTB) || line.Monthly < 0 || line.PerTB < 0 {
					t.Errorf("%+v", line)
				}
			}
			if err := e.Write(io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
}
