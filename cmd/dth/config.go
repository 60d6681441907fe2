package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/dth-dev/dth/core/job"
)

// configShowCommand shows settings with their origins.
type configShowCommand struct {
	Source      string `arg:"" optional:"" help:"Location, or @NAME for a job of dth.yaml, whose settings to show."`
	Destination string `arg:"" optional:"" help:"Location."`

	syncFlags
}

// shownValue is one line of the answer.
type shownValue struct {
	Section string `json:"section"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Origin  string `json:"origin"`
}

// Run shows the settings of a job, or those that every job begins with.
func (c *configShowCommand) Run(p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	shown, err := c.show(in)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(p.stdout, shown)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	section := ""
	for _, value := range shown {
		if value.Section != section {
			section = value.Section
			fmt.Fprintf(table, "%s:\n", section)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", value.Name, printable(value.Value), value.Origin)
	}
	return table.Flush()
}

func (c *configShowCommand) show(in job.Input) ([]shownValue, error) {
	if c.Source == "" {
		_, values, err := in.Settings()
		return showSettings(values), err
	}
	jobs, err := targets(in, c.Source, c.Destination)
	if err != nil {
		return nil, err
	}
	var shown []shownValue
	for _, resolved := range jobs {
		part := append(showLocation("source", resolved.Source, resolved.Values), showLocation("destination", resolved.Destination, resolved.Values)...)
		part = append(part, showSettings(resolved.Values)...)
		for _, value := range part {
			if resolved.Name != "" {
				value.Section = "job " + resolved.Name + ", " + value.Section
			}
			shown = append(shown, value)
		}
	}
	return shown, nil
}

func showSettings(values map[string]job.Value) []shownValue {
	var shown []shownValue
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "source" || name == "destination" {
			continue // they have sections of their own
		}
		shown = append(shown, shownValue{Section: "settings", Name: name, Value: values[name].Text, Origin: values[name].Origin.String()})
	}
	return shown
}

func showLocation(side string, location job.Location, values map[string]job.Value) []shownValue {
	shown := []shownValue{{Section: side, Name: "location", Value: location.Address(), Origin: values[side].Origin.String()}}
	if location.Store != "" {
		shown = append(shown, shownValue{Section: side, Name: "plugin", Value: location.Plugin, Origin: "store " + location.Store})
	}
	if location.Credentials != "" {
		shown = append(shown, shownValue{Section: side, Name: "credentials", Value: location.Credentials, Origin: location.Origins["credentials"].String()})
	}
	for _, name := range slices.Sorted(maps.Keys(location.Options)) {
		shown = append(shown, shownValue{Section: side, Name: name, Value: location.Options[name], Origin: location.Origins[name].String()})
	}
	return shown
}
