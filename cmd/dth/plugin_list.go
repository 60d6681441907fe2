package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/dth-dev/dth/core/registry"
)

// pluginListCommand lists the plugins that dth finds.
type pluginListCommand struct {
	Verbose bool `short:"v" help:"Start each plugin and list the options of its locations."`
	JSON    bool `name:"json" help:"Print as JSON."`
}

// shownPlugin is one plugin as it is listed.
type shownPlugin struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	Path    string        `json:"path"`
	Version string        `json:"version,omitempty"` // with --verbose
	Options []shownOption `json:"options,omitempty"`
}

// shownOption is one option of a plugin's locations.
type shownOption struct {
	Name     string   `json:"name"`
	Summary  string   `json:"summary"`
	Default  string   `json:"default,omitempty"`
	Values   []string `json:"values,omitempty"`
	Required bool     `json:"required,omitempty"`
}

// Run lists the plugins. One that cannot be used is told after the others.
func (c *pluginListCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(locationFlags{})
	if err != nil {
		return err
	}
	settings, _, err := in.Settings()
	if err != nil {
		return err
	}
	installed := p.plugins(settings, p.logger(settings.LogLevel))
	shown, problem := c.list(ctx, installed)
	if c.JSON {
		err = writeJSON(p.stdout, shown)
	} else {
		err = writePlugins(p, shown)
	}
	return errors.Join(problem, err)
}

func (c *pluginListCommand) list(ctx context.Context, installed *registry.Registry) ([]shownPlugin, error) {
	manifests, problem := installed.Plugins()
	shown := []shownPlugin{}
	for _, manifest := range manifests {
		plugin := shownPlugin{Name: manifest.Name, Title: manifest.Title, Path: manifest.Binary}
		if c.Verbose {
			description, err := installed.Describe(ctx, manifest)
			problem = errors.Join(problem, err)
			plugin.Version = description.Version
			for _, option := range description.Options {
				plugin.Options = append(plugin.Options, shownOption(option))
			}
		}
		shown = append(shown, plugin)
	}
	return shown, problem
}

func writePlugins(p *process, shown []shownPlugin) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if len(shown) == 0 {
		fmt.Fprintln(p.stderr, "dth: no plugins found; install them in the folder \"plugins\" beside dth, or give --plugin-dir")
	}
	for _, plugin := range shown {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plugin.Name, plugin.Title, plugin.Version, plugin.Path)
		if len(plugin.Options) == 0 {
			continue
		}
		if err := table.Flush(); err != nil {
			return err
		}
		for _, option := range plugin.Options {
			fmt.Fprintf(table, "    %s\t%s\n", option.Name, option.Summary+optionNotes(option))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return table.Flush()
}

// optionNotes tells default, accepted values and need of an option.
func optionNotes(option shownOption) string {
	var notes []string
	if option.Required {
		notes = append(notes, "required")
	}
	if len(option.Values) > 0 {
		notes = append(notes, "one of "+strings.Join(option.Values, ", "))
	}
	if option.Default != "" {
		notes = append(notes, "default "+option.Default)
	}
	if len(notes) == 0 {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}
