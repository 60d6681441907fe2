package cost

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// notOffered stands in the place of a price of what a region does not have.
const notOffered = "none"

// read puts the prices of a table into p, over those that are there.
func (p *Prices) read(content []byte, own bool) error {
	tree, err := parser.ParseBytes(content, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return fmt.Errorf("line %d: %s", syntax.Token.Position.Line, syntax.Message)
		}
		return err
	}
	if len(tree.Docs) > 1 {
		return errorAt(tree.Docs[1], "a second document begins")
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil || tree.Docs[0].Body.Type() == ast.NullType {
		return nil
	}
	return eachPair(tree.Docs[0].Body, func(name string, key, value ast.Node) error {
		switch name {
		case "regions":
			return eachPair(value, func(name string, _, value ast.Node) error { return p.readRegion(name, value, own) })
		case "instances":
			return p.readInstances(value)
		}
		return errorAt(key, "%q is no part of a table: regions, instances", name)
	})
}

func (p *Prices) readInstances(node ast.Node) error {
	return eachPair(node, func(name string, key, value ast.Node) error {
		if name == "source" || name == "date" {
			return nil
		}
		if !instanceType.MatchString(name) {
			return errorAt(key, "%q is no type of instances", name)
		}
		rate, err := number(value)
		if err == nil && rate == 0 {
			err = errorAt(value, "an instance without network copies nothing")
		}
		p.instances[name] = rate
		return err
	})
}

func (p *Prices) readRegion(name string, node ast.Node, own bool) error {
	found := p.regions[name]
	if found.groups == nil {
		found = region{currency: "USD", groups: map[string]group{}}
	}
	err := eachPair(node, func(name string, key, value ast.Node) error {
		if name == "currency" {
			text, ok := scalar(value)
			if !ok || len(text) != 3 || strings.ToUpper(text) != text {
				return errorAt(value, "a currency is three letters, such as USD")
			}
			found.currency = text
			return nil
		}
		known, ok := names[name]
		if !ok {
			return errorAt(key, "%q is no group of prices: currency, %s", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
		merged, err := readGroup(found.groups[name], known, value, own)
		found.groups[name] = merged
		return err
	})
	p.regions[name] = found
	return err
}

// readGroup returns a group with the prices of the node in the place of its own.
func readGroup(g group, known []string, node ast.Node, own bool) (group, error) {
	g.prices = maps.Clone(g.prices)
	if g.prices == nil {
		g.prices = map[string]float64{}
	}
	g.own = g.own || own
	err := eachPair(node, func(name string, key, value ast.Node) error {
		text, plain := scalar(value)
		switch {
		case name == "source" && plain:
			g.source = text
			return nil
		case name == "date" && plain:
			if _, err := time.Parse(time.DateOnly, text); err != nil {
				return errorAt(value, "%q is no day, such as 2026-11-25", text)
			}
			g.date = text
			return nil
		case known == nil && !instanceType.MatchString(name):
			return errorAt(key, "%q is no type of instances", name)
		case known != nil && !slices.Contains(known, name):
			return errorAt(key, "%q is no price of this group: %s", name, strings.Join(known, ", "))
		case known == nil && text == notOffered:
			g.prices[name] = math.NaN()
			return nil
		}
		price, err := number(value)
		g.prices[name] = price
		return err
	})
	return g, err
}

// eachPair calls visit with every pair of a mapping.
func eachPair(node ast.Node, visit func(name string, key, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return errorAt(node, "NAME: VALUE pairs belong here")
	}
	seen := map[string]bool{}
	for pairs := mapping.MapRange(); pairs.Next(); {
		key := pairs.Key()
		name, ok := scalar(key)
		if !ok {
			return errorAt(key, "this is no plain name")
		}
		if seen[name] {
			return errorAt(key, "%q is written twice", name)
		}
		seen[name] = true
		if err := visit(name, key, pairs.Value()); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a plain value.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return node.GetToken().Value, true // as it is written
	}
	return "", false
}

// number returns a price: at least 0, and no more than anything costs here.
func number(node ast.Node) (float64, error) {
	const most = 1e6
	text, ok := scalar(node)
	price, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(price >= 0 && price <= most) {
		return 0, errorAt(node, "a number from 0 to %.0f belongs here", most)
	}
	return price, nil
}

func errorAt(node ast.Node, format string, values ...any) error {
	line := 1
	if token := node.GetToken(); token != nil && token.Position != nil {
		line = token.Position.Line
	}
	return fmt.Errorf("line %d: "+format, append([]any{line}, values...)...)
}
