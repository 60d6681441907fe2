package cost_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/cost"
)

// box is a block of numbers in docs/cost.md.
var box = regexp.MustCompile("(?s)<!-- cost: ([a-z]+) -->\n```\n(.*?)```\n")

// TestDocSaysWhatThePackageSays compares the numbers of docs/cost.md.
func TestDocSaysWhatThePackageSays(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "cost.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	boxes := boxes(t, load(t, ""))
	found := map[string]bool{}
	got := box.ReplaceAllStringFunc(string(doc), func(block string) string {
		name := box.FindStringSubmatch(block)[1]
		found[name] = true
		return fmt.Sprintf("<!-- cost: %s -->\n```\n%s```\n", name, boxes[name])
	})
	for name := range boxes {
		if !found[name] {
			t.Errorf("docs/cost.md has no %q", name)
		}
	}
	for name := range found {
		if boxes[name] == "" {
			t.Errorf("nothing is known of %q", name)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(doc), got); diff != "" {
		t.Errorf("docs/cost.md is not what the package says; -update rewrites it (-file +package):\n%s", diff)
	}
}

// worked are the fleets of docs/cost.md.
var worked = map[string]struct {
	plan cost.Plan
	tb   float64 // copied in the month of the example
}{
	"small":  {cost.Plan{Workers: 20, SpotPercent: 100, FinderHoursPerMonth: 3, ObjectsPerTB: 100_000_000}, 1},
	"medium": {cost.Plan{Workers: 20, FinderHoursPerMonth: 1, ObjectsPerTB: cost.TB / (50 << 20)}, 10},
	"events": {cost.Plan{Workers: 1, MinWorkers: 1, FinderHoursPerMonth: 30, Events: true, ObjectsPerTB: 10_000_000}, 365.0 / 12 / 10},
	"giants": {cost.Plan{Workers: 10, FinderHoursPerMonth: 1, Giants: true, ObjectsPerTB: 10}, 1},
}

// fleet returns a plan in us-east-1 with the template's types.
func fleet(plan cost.Plan) cost.Plan {
	plan.Region, plan.WorkerType, plan.FinderType = "us-east-1", "c7gn.medium", "m6g.large"
	return plan
}

func boxes(t *testing.T, prices cost.Prices) map[string]string {
	t.Helper()
	all := map[string]string{
		"idle": idleBox(t, prices), "network": networkBox(t, prices), "payer": payerBox(t, prices), "kms": kmsBox(t, prices), "hub": hubBox(t, prices),
	}
	for name, example := range worked {
		e := estimate(t, prices, fleet(example.plan))
		all[name] = written(t, e) + fmt.Sprintf("\nA month with %.4g TB: %.2f %s.\n", example.tb, e.Monthly()+example.tb*e.PerTB(), e.Currency)
	}
	return all
}

// row writes a line of a table with one name and amounts.
func row(name string, amounts ...any) string {
	var line strings.Builder
	fmt.Fprintf(&line, "%-44s", name)
	for _, amount := range amounts {
		if number, ok := amount.(float64); ok {
			amount = fmt.Sprintf("%.2f", number)
		}
		fmt.Fprintf(&line, "%16s", amount)
	}
	return line.String() + "\n"
}

func idleBox(t *testing.T, prices cost.Prices) string {
	t.Helper()
	plan := fleet(cost.Plan{FinderHoursPerMonth: 61})
	none := estimate(t, prices, plan)
	plan.MinWorkers = 1
	one := estimate(t, prices, plan)
	text := row("USD a month, minCapacity", "0", "1")
	for _, line := range one.Lines {
		if line.Monthly != 0 {
			text += row(line.Name, amount(none, line.Name).Monthly, line.Monthly)
		}
	}
	return text + row("total", none.Monthly(), one.Monthly()) + "\n" + one.Prices + "\n"
}

// amount returns the line of a name, an empty one where there is none.
func amount(e cost.Estimate, name string) cost.Line {
	for _, line := range e.Lines {
		if line.Name == name {
			return line
		}
	}
	return cost.Line{}
}

func price(t *testing.T, prices cost.Prices, group, name string) float64 {
	t.Helper()
	found, ok := prices.Price("us-east-1", group, name)
	if !ok {
		t.Fatalf("no price of %s %s", group, name)
	}
	return found
}

func networkBox(t *testing.T, prices cost.Prices) string {
	t.Helper()
	gateway := amount(estimate(t, prices, fleet(cost.Plan{NAT: true})), "NAT gateway")
	return row("USD", "a month", "a TB") +
		row("public address of one worker", 730*price(t, prices, "address", "ipv4"), "-") +
		row("NAT gateway in one zone", gateway.Monthly, gateway.PerTB) +
		row("gateway endpoint of S3 or DynamoDB", 0.0, 0.0) +
		row("8 interface endpoints in two zones", amount(estimate(t, prices, fleet(cost.Plan{Endpoints: 8 * 2})), "interface endpoints").Monthly, "-")
}

func payerBox(t *testing.T, prices cost.Prices) string {
	t.Helper()
	const billed = float64(cost.TB) / (1 << 30)
	requests := func(objects float64) float64 {
		return objects/1e6*price(t, prices, "s3", "get") + objects/1000/1e6*price(t, prices, "s3", "put")
	}
	return row("USD a TB", "10 KB objects", "10 MB objects") +
		row("GET and LIST of the source", requests(1e8), requests(1e5)) +
		row("transfer to another region", billed*price(t, prices, "transfer", "region"), billed*price(t, prices, "transfer", "region")) +
		row("or to the internet", billed*price(t, prices, "transfer", "internet"), billed*price(t, prices, "transfer", "internet"))
}

func kmsBox(t *testing.T, prices cost.Prices) string {
	t.Helper()
	request := price(t, prices, "kms", "request")
	return row("USD a million objects", "without", "with bucket key") +
		row("read: one Decrypt each", request, 0.01*request) +
		row("written: one GenerateDataKey each", request, 0.01*request) +
		row("S3's own GET and PUT, to compare", price(t, prices, "s3", "get")+price(t, prices, "s3", "put"), price(t, prices, "s3", "get")+price(t, prices, "s3", "put"))
}

// published is what Data Transfer Hub says that a TB costs: docs/en-base/plan-deployment/cost.md
// of its repository, at the commit that docs/cost.md names.
var published = []struct {
	name          string
	medium, small float64
	lines         []string // of an estimate that are the same
}{
	{"EC2", 0.14, 25.20, []string{"worker instances"}},
	{"S3 requests", 1.12, 622.34, []string{"S3 requests"}},
	{"DynamoDB", 0.05, 268.25, []string{"DynamoDB requests", "DynamoDB records, a month"}},
	{"SQS", 0.01, 85.92, []string{"SQS requests"}},
	{"transfer out", 92.16, 92.16, []string{"transfer out of AWS"}},
	{"others", 1, 20, []string{"CloudWatch metrics", "CloudWatch logs"}},
}

func hubBox(t *testing.T, prices cost.Prices) string {
	t.Helper()
	const tib = float64(1<<40) / cost.TB
	medium := estimate(t, prices, fleet(cost.Plan{Workers: 20, InternetOut: true, ObjectsPerTB: cost.TB / (50 << 20)}))
	small := estimate(t, prices, fleet(cost.Plan{Workers: 20, InternetOut: true, ObjectsPerTB: cost.TB / (10 << 10)}))
	text := fmt.Sprintf("%-22s%32s%28s\n", "USD for 2^40 bytes", "50 MB objects", "10 KB objects") +
		fmt.Sprintf("%-22s%18s%14s%14s%14s\n", "", "hub", "dth", "hub", "dth")
	line := func(name string, amounts ...float64) string {
		return fmt.Sprintf("%-22s%18.2f%14.2f%14.2f%14.2f\n", name, amounts[0], amounts[1], amounts[2], amounts[3])
	}
	var total, halved [4]float64
	for _, p := range published {
		amounts := [4]float64{p.medium, 0, p.small, 0}
		for _, name := range p.lines {
			amounts[1] += tib * amount(medium, name).PerTB
			amounts[3] += tib * amount(small, name).PerTB
		}
		text += line(p.name, amounts[:]...)
		for i, a := range amounts {
			total[i] += a
			if p.name == "DynamoDB" && i%2 == 0 {
				a /= 2
			}
			halved[i] += a
		}
	}
	without := total
	for i := range without {
		without[i] -= 92.16
	}
	text += line("total", total[:]...) + line("(DynamoDB of today)", halved[:]...) + line("total but transfer", without[:]...)
	return text + "\n" + medium.Prices + "\n"
}
