package deploy

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/core/cost"
)

// finderHours is how long a finder's instance is thought to be there for one comparison:
// half of it to boot, which is most of what a bucket of some million keys takes.
const finderHours = 1.0 / 12

// Cost returns what is to be estimated of a plan. Whether its subnets are private, and in
// which regions its buckets are where it does not say so, is known after [Cloud.Examine].
func (p *Plan) Cost() cost.Plan {
	number := func(name string) int {
		n, _ := strconv.Atoi(p.Value(name)) // the plan is checked
		return n
	}
	worker, _, _ := strings.Cut(p.Value("workerInstanceTypes"), ",")
	leaves := !p.amazon("dest")
	if region := p.Value("destRegion"); region != "" && partition(region) != partition(p.Region) {
		leaves = true
	}
	endpoints := 0
	if p.Value("vpcEndpoints") == "All" {
		endpoints = len(interfaces()) * len(strings.Split(p.Value("ec2Subnets"), ","))
	}
	return cost.Plan{
		Region: p.Region, WorkerType: worker, Workers: max(1, number("desiredCapacity")), MinWorkers: number("minCapacity"), SpotPercent: number("spotPercent"),
		FinderType: p.FinderType(), FinderHoursPerMonth: min(hoursPerMonth, finderHours*comparisons(p.Value("ec2CronExpression"))),
		Events: p.Value("srcEvent") != "No", Giants: true, InternetOut: leaves, NAT: p.Private,
		Endpoints: endpoints, SourceRegion: p.far("src"), DestinationRegion: p.far("dest"),
	}
}

// amazon says whether one side is Amazon S3, as far as can be known: a plugin may lead
// anywhere, unless it is that of S3 or is told an endpoint of AWS.
func (p *Plan) amazon(short string) bool {
	plugin, endpoint := p.Value(short+"Plugin"), p.Value(short+"Endpoint")
	return p.Value(short+"Type") == "Amazon_S3" && ofAWS(endpoint) && (plugin == "" || plugin == "s3" || endpoint != "")
}

// far returns the region of one side where it is another one of the stack's partition, as the
// plan says it or else as the doctor saw it.
func (p *Plan) far(short string) string {
	region := cmp.Or(p.Value(short+"Region"), p.Regions[short])
	if !p.amazon(short) || region == p.Region || region == "" || partition(region) != partition(p.Region) {
		return ""
	}
	return region
}

const hoursPerMonth = 730

// comparisons returns how often in a month of 30.4 days an expression of EventBridge comes
// up, about: of the last and the nearest days it counts one.
func comparisons(cron string) float64 {
	fields := strings.Fields(cron)
	if len(fields) != 6 {
		return 0
	}
	times := func(i, first, last int) float64 { return float64(count(fields[i], first, last)) }
	days := times(2, 1, 31) / 31 * 365.25 / 12
	if fields[4] != "?" && fields[4] != "*" {
		days = times(4, 1, 7) / 7 * 365.25 / 12
	}
	return times(0, 0, 59) * times(1, 0, 23) * days * times(3, 1, 12) / 12
}

// count returns how many values a field of cron means.
func count(field string, first, last int) int {
	total := 0
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		begin, err := strconv.Atoi(from)
		end := last
		switch {
		case span == "*" || span == "?":
			begin = first
		case err != nil: // MON, L, 3W
			begin = first
			if !ranged {
				end = begin
			} else {
				end = begin + 4 // MON-FRI
			}
		case ranged:
			if n, err := strconv.Atoi(to); err == nil {
				end = n
			}
		case !stepped:
			end = begin
		}
		every, err := strconv.Atoi(step)
		if err != nil || every < 1 {
			every = 1
		}
		total += max(0, end-begin)/every + 1
	}
	return total
}
