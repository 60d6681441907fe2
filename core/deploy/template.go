package deploy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/dth-dev/dth/core/job"
)

// Template is a template of a fleet, as far as its form goes.
type Template struct {
	Text        string
	declared    []declared        // in the order of the form
	finderTypes map[string]string // instance types by finderEc2Memory
}

// declared is a parameter that a template has.
type declared struct {
	name       string
	Default    *any     `yaml:"Default"` // nil where a value must be given
	Allowed    []any    `yaml:"AllowedValues"`
	Pattern    string   `yaml:"AllowedPattern"`
	Min        *float64 `yaml:"MinValue"`
	Max        *float64 `yaml:"MaxValue"`
	Constraint string   `yaml:"ConstraintDescription"`
	Type       string   `yaml:"Type"`
}

// ReadTemplate reads the form of a template in YAML or JSON.
func ReadTemplate(text string) (*Template, error) {
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &job.Error{Where: "--template", What: "is no template in YAML or JSON", Usage: true}
	}
	template := &Template{Text: text, finderTypes: map[string]string{}}
	err = eachPair(file.Docs[0].Body, func(section string, node ast.Node) error {
		switch section {
		case "Parameters":
			return eachPair(node, func(name string, node ast.Node) error {
				parameter := declared{name: name}
				template.declared = append(template.declared, parameter)
				return yaml.NodeToValue(node, &template.declared[len(template.declared)-1])
			})
		case "Mappings":
			var mappings struct {
				FinderType map[string]struct {
					Name string `yaml:"Name"`
				} `yaml:"FinderType"`
			}
			err := yaml.NodeToValue(node, &mappings)
			for memory, row := range mappings.FinderType {
				template.finderTypes[memory] = row.Name
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	if len(template.declared) == 0 {
		return nil, &job.Error{Where: "--template", What: "the template takes no parameters", Do: "start from that of dth", Usage: true}
	}
	return template, nil
}

// eachPair visits the pairs of a mapping in their order.
func eachPair(node ast.Node, visit func(name string, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return fmt.Errorf("line %d is no mapping", node.GetToken().Position.Line)
	}
	for pairs := mapping.MapRange(); pairs.Next(); {
		name := pairs.Key().GetToken().Value
		if err := visit(name, pairs.Value()); err != nil {
			return err
		}
	}
	return nil
}

// find returns the parameter of that name.
func (t *Template) find(name string) (declared, error) {
	i := slices.IndexFunc(t.declared, func(d declared) bool { return d.name == name })
	if i < 0 {
		var names []string
		for _, d := range t.declared {
			names = append(names, d.name)
		}
		return declared{}, job.Unknown("parameter", name, names)
	}
	return t.declared[i], nil
}

// initial returns the default as text, and whether there is one.
func (d declared) initial() (string, bool) {
	if d.Default == nil {
		return "", false
	}
	if *d.Default == nil { // Default: None is text, null is not
		return "", true
	}
	return fmt.Sprint(*d.Default), true
}

// check refuses what CloudFormation would refuse, before it is asked.
func (d declared) check(value string) error {
	refuse := func(do string) error {
		return &job.Error{What: fmt.Sprintf("%q cannot be parameter %s of the stack", value, d.name), Do: do}
	}
	if len(d.Allowed) > 0 && !slices.ContainsFunc(d.Allowed, func(one any) bool { return fmt.Sprint(one) == value }) {
		var all []string
		for _, one := range d.Allowed {
			all = append(all, fmt.Sprint(one))
		}
		return refuse("write one of " + strings.Join(all, ", "))
	}
	if d.Pattern != "" {
		pattern, err := regexp.Compile("^(?:" + d.Pattern + ")$") // CloudFormation's covers the whole value
		if err != nil {
			return fmt.Errorf("parameter %s of the template: %w", d.name, err)
		}
		if !pattern.MatchString(value) {
			do := "it must match " + d.Pattern
			if d.Constraint != "" {
				do = "write " + d.Constraint
			}
			return refuse(do)
		}
	}
	if d.Type == "Number" {
		return d.checkNumber(value, refuse)
	}
	return nil
}

func (d declared) checkNumber(value string, refuse func(string) error) error {
	number, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return refuse("write a number")
	case d.Min != nil && number < *d.Min:
		return refuse(fmt.Sprintf("write %v or more", *d.Min))
	case d.Max != nil && number > *d.Max:
		return refuse(fmt.Sprintf("write %v or less", *d.Max))
	}
	return nil
}
