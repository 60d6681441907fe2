package deploy_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/cost"
	"github.com/dth-dev/dth/core/deploy"
)

// What is estimated is the fleet that is deployed.
func TestCostIsOfThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, destination string
		settings            []string
		change              func(*cost.Plan)
	}{
		"as the form has it": {"s3://from", "s3://to", nil, func(*cost.Plan) {}},
		"more":               {"s3://from", "s3://to", []string{"desired-workers=7", "min-workers=3", "spot=75", "events=Create"}, func(p *cost.Plan) { p.Workers, p.MinWorkers, p.SpotPercent, p.Events = 7, 3, 75, true }},
		"none at first":      {"s3://from", "s3://to", []string{"desired-workers=0", "min-workers=0"}, func(p *cost.Plan) { p.MinWorkers = 0 }},
		"other machines":     {"s3://from", "s3://to", []string{"instance-types=m6g.medium,a1.medium,t4g.small,c7g.medium", "finder-memory=64"}, func(p *cost.Plan) { p.WorkerType, p.FinderType = "m6g.medium", "r6g.2xlarge" }},
		"out of AWS":         {"s3://from", "cos://to-1?credentials=secret:x", nil, func(p *cost.Plan) { p.InternetOut = true }},
		"to another store":   {"s3://from", "s3compat://to?credentials=secret:x&endpoint=https://x.example.com", nil, func(p *cost.Plan) { p.InternetOut = true }},
		"to China":           {"s3://from", "s3://to?credentials=secret:x&region=cn-north-1", nil, func(p *cost.Plan) { p.InternetOut = true }},
		"to another region":  {"s3://from", "s3://to?region=us-east-1", nil, func(p *cost.Plan) { p.DestinationRegion = "us-east-1" }},
		"from another one":   {"s3://from?region=us-east-1", "s3://to?region=eu-west-1", nil, func(p *cost.Plan) { p.SourceRegion = "us-east-1" }},
		"from China":         {"s3://from?credentials=secret:x&region=cn-north-1", "s3://to", nil, func(*cost.Plan) {}},
		"region of COS":      {"cos://from-1?credentials=secret:x&region=ap-tokyo", "s3://to", nil, func(*cost.Plan) {}},
		"by another plugin":  {"s3://from", "s3://to", []string{"parameter destPlugin=tiny"}, func(p *cost.Plan) { p.InternetOut = true }},
		"by the same plugin": {"s3://from", "s3://to", []string{"parameter destPlugin=s3"}, func(*cost.Plan) {}},
		"S3 as a store":      {"s3://from", "s3compat://to?credentials=secret:x&endpoint=https://s3.eu-west-1.amazonaws.com", nil, func(*cost.Plan) {}},
		"a profile's store":  {"s3://from", "s3compat://to?credentials=secret:x&profile=minio", nil, func(p *cost.Plan) { p.InternetOut = true }},
		"endpoints": {"s3://from", "s3://to", []string{"parameter vpcEndpoints=All"}, func(p *cost.Plan) {
			p.Endpoints = 2 * strings.Count(template(t).Text, "VpcEndpointType: Interface") // in two subnets
		}},
		"gateways":        {"s3://from", "s3://to", []string{"parameter vpcEndpoints=Gateway"}, func(*cost.Plan) {}},
		"once":            {"s3://from", "s3://to", []string{"cron=once"}, func(p *cost.Plan) { p.FinderHoursPerMonth = 0 }},
		"by night":        {"s3://from", "s3://to", []string{"cron=0 3 * * ? *"}, func(p *cost.Plan) { p.FinderHoursPerMonth = 365.25 / 12 / 12 }},
		"by the quarter":  {"s3://from", "s3://to", []string{"cron=0/15 * * * ? *"}, func(p *cost.Plan) { p.FinderHoursPerMonth *= 4 }},
		"on workdays":     {"s3://from", "s3://to", []string{"cron=0 8,20 ? * MON-FRI *"}, func(p *cost.Plan) { p.FinderHoursPerMonth = 2 * 5. / 7 * 365.25 / 12 / 12 }},
		"by the month":    {"s3://from", "s3://to", []string{"cron=0 3 L * ? *"}, func(p *cost.Plan) { p.FinderHoursPerMonth = 365.25 / 12 / 12 / 31 }},
		"in half the day": {"s3://from", "s3://to", []string{"cron=0 0-11 * 1-6 ? *"}, func(p *cost.Plan) { p.FinderHoursPerMonth /= 4 }},
		"all the time":    {"s3://from", "s3://to", []string{"cron=* * * * ? *"}, func(p *cost.Plan) { p.FinderHoursPerMonth = 730 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := map[string]string{}
			settings := slices.DeleteFunc(slices.Clone(c.settings), func(setting string) bool {
				parameter, ok := strings.CutPrefix(setting, "parameter ")
				if name, value, _ := strings.Cut(parameter, "="); ok {
					own[name] = value
				}
				return ok
			})
			r := request(t, c.source, c.destination, settings...)
			maps.Copy(r.Own, own)
			plan, err := deploy.Draw(r)
			if err != nil {
				t.Fatal(err)
			}
			want := cost.Plan{
				Region: "eu-west-1", WorkerType: "c7gn.medium", Workers: 1, MinWorkers: 1, FinderType: "m6g.large",
				FinderHoursPerMonth: 24 * 365.25 / 12 / 12, Giants: true,
			}
			c.change(&want)
			near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })
			if diff := cmp.Diff(want, plan.Cost(), near); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Behind a NAT gateway every byte costs more, which the doctor sees.
func TestCostOfPrivateSubnets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers map[string]answer
		want    bool
	}{
		"NAT":    {nil, true},
		"public": {map[string]answer{"DescribeSubnets": subnets("vpc-1", "eu-west-1a", "eu-west-1b", "true"), "DescribeRouteTables": routes(local+igw, "")}, false},
	} {
		plan, err := deploy.Draw(request(t, "s3://from", "s3://to"))
		if err != nil {
			t.Fatal(err)
		}
		answers := healthy()
		for operation, is := range c.answers {
			answers[operation] = is
		}
		(&account{}).serve(t, answers).Examine(t.Context(), plan, false)
		if !plan.Examined || plan.Cost().NAT != c.want {
			t.Errorf("%s: %+v", name, plan.Cost())
		}
	}
}

// Where buckets are that the job says no region of is seen by the doctor.
func TestCostOfBucketsElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers map[string]answer
		want    [2]string
	}{
		"here":     {nil, [2]string{}},
		"far":      {map[string]answer{"HEAD /from": {region: "us-east-1"}, "HEAD /to": {region: "us-west-2"}}, [2]string{"us-east-1", "us-west-2"}},
		"not ours": {map[string]answer{"HEAD /from": {status: 403, region: "us-east-1"}}, [2]string{"us-east-1", ""}},
	} {
		plan, err := deploy.Draw(request(t, "s3://from", "s3://to"))
		if err != nil {
			t.Fatal(err)
		}
		answers := healthy()
		maps.Copy(answers, c.answers)
		(&account{}).serve(t, answers).Examine(t.Context(), plan, false)
		if got := plan.Cost(); got.SourceRegion != c.want[0] || got.DestinationRegion != c.want[1] {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
