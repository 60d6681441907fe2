package cost

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
)

//go:embed prices.yaml
var builtIn []byte

// maxTable bounds what is read as a table of prices.
const maxTable = 1 << 20

// Prices is a table of prices. It does not change and may be used from many goroutines.
type Prices struct {
	regions   map[string]region
	instances map[string]float64 // Mbit/s that an instance of the type has without burst
}

// region is what things cost in one region.
type region struct {
	currency string
	groups   map[string]group
}

// group are prices of one service and where they are from.
type group struct {
	source string
	date   string
	own    bool // some of it by the user
	prices map[string]float64
}

// names are the prices of each group. Those of ec2 are types of instances.
var names = map[string][]string{
	"s3":         {"put", "get"},
	"sqs":        {"request"},
	"dynamodb":   {"write", "read", "storage", "recovery"},
	"states":     {"transition"},
	"ec2":        nil,
	"spot":       {"fraction"},
	"ebs":        {"gp3"},
	"address":    {"ipv4"},
	"nat":        {"hour", "gb"},
	"endpoint":   {"hour", "gb"},
	"logs":       {"gb"},
	"metrics":    {"month"},
	"alarms":     {"metric"},
	"dashboards": {"month"},
	"kms":        {"key", "request"},
	"transfer":   {"internet", "region"},
}

// instanceType is how types of instances are called.
var instanceType = regexp.MustCompile(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)

// Load returns the built-in prices, with those of override in their place, which has the
// same form (see prices.yaml) and names only what is different. A nil override changes
// nothing. What the table does not know is an error that tells the line.
func Load(override io.Reader) (Prices, error) {
	prices := Prices{regions: map[string]region{}, instances: map[string]float64{}}
	if err := prices.read(builtIn, false); err != nil {
		return Prices{}, fmt.Errorf("built-in prices: %w", err)
	}
	if override == nil {
		return prices, nil
	}
	content, err := io.ReadAll(io.LimitReader(override, maxTable+1))
	if err != nil {
		return Prices{}, fmt.Errorf("own prices: %w", err)
	}
	if len(content) > maxTable {
		return Prices{}, fmt.Errorf("own prices: larger than %d bytes", maxTable)
	}
	if err := prices.read(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), true); err != nil {
		return Prices{}, fmt.Errorf("own prices: %w", err)
	}
	return prices, nil
}

// Regions returns the regions that the table has, sorted.
func (p Prices) Regions() []string {
	return slices.Sorted(maps.Keys(p.regions))
}

// Price returns one price of a region in its currency, by the names of prices.yaml:
// "us-east-1", "nat", "gb". It is false where the table has none.
func (p Prices) Price(region, group, name string) (float64, bool) {
	price, ok := p.regions[region].groups[group].prices[name]
	return price, ok && !math.IsNaN(price) // not offered
}

// find returns the prices of one region.
func (p Prices) find(name string) (region, error) {
	found, ok := p.regions[name]
	if !ok {
		return region{}, fmt.Errorf("no prices of region %q: give a table of your own with it under \"regions:\", in the form of core/cost/prices.yaml; "+
			"there are prices of %s", name, strings.Join(p.Regions(), ", "))
	}
	return found, nil
}
