package job

import (
	"maps"
	"slices"
	"strings"
)

// Job is what the user asked for, checked as far as that goes without asking
// a plugin.
type Job struct {
	Name        string // of a job in dth.yaml; empty for locations on the command line
	Source      Location
	Destination Location
	Settings    Settings
	Values      map[string]Value // every setting, "source" and "destination", as written, and where
}

// Input is everything that may say something about a job.
type Input struct {
	Flags              map[string]Value  // settings on the command line, by name
	SourceOptions      map[string]string // --source-option and --source-credentials
	DestinationOptions map[string]string
	Environ            map[string]string // variables whose name starts with "DTH_"
	Files              []*File           // strongest first
}

// Environ returns the variables whose name starts with "DTH_".
func Environ(environ []string) map[string]string {
	found := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "DTH_") {
			found[name] = value
		}
	}
	return found
}

// Variable returns the name of the variable of a setting.
func Variable(name string) string {
	return "DTH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Sync returns the job between two locations of the command line.
func (in Input) Sync(source, destination string) (Job, error) {
	return in.resolve(Job{}, nil, Parse, ParseDestination, argument(source), argument(destination))
}

// Copy returns the job that copies one object.
func (in Input) Copy(source, destination string) (Job, error) {
	return in.resolve(Job{}, nil, ParseObject, ParseObject, argument(source), argument(destination))
}

// Object returns the location of one object that a command names beside its job. side
// names it in errors, and its options in variables: DTH_SIDE_OPTION.
func (in Input) Object(side, text string) (Location, error) {
	return in.location(side, argument(text), nil, nil, ParseObject)
}

func argument(text string) Value {
	return Value{Text: text, Origin: Origin{Usage: true}}
}

// Named returns the job of that name in the configuration.
func (in Input) Named(name string) (Job, error) {
	for _, file := range in.Files {
		if values, ok := file.jobs[name]; ok {
			return in.resolve(Job{Name: name}, values, Parse, ParseDestination, values["source"], values["destination"])
		}
	}
	unknown := Unknown("job", name, in.Jobs())
	if len(in.Jobs()) == 0 {
		unknown.Do = `add it under "jobs:" in dth.yaml`
	}
	return Job{}, unknown
}

// Jobs returns the names of all jobs in the configuration, sorted.
func (in Input) Jobs() []string {
	names := map[string]bool{}
	for _, file := range in.Files {
		for name := range file.jobs {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Settings returns the settings that hold whatever job is run, and where each was
// written.
func (in Input) Settings() (Settings, map[string]Value, error) {
	return readSettings(in.layers(nil))
}

// layers returns the places of settings, strongest first.
func (in Input) layers(ofJob layer) []layer {
	layers := []layer{in.Flags, in.variables(), ofJob}
	for _, file := range in.Files {
		layers = append(layers, file.defaults)
	}
	return layers
}

func (in Input) variables() layer {
	found := layer{}
	for _, row := range settingTable() {
		if text, ok := in.Environ[Variable(row.name)]; ok {
			found[row.name] = Value{Text: text, Origin: Origin{Where: Variable(row.name)}}
		}
	}
	return found
}

func (in Input) resolve(job Job, ofJob layer, parseSource, parseDestination parseFunc, source, destination Value) (Job, error) {
	var err error
	if job.Settings, job.Values, err = readSettings(in.layers(ofJob)); err != nil {
		return Job{}, err
	}
	if job.Source, err = in.location("source", source, in.SourceOptions, ofJob, parseSource); err != nil {
		return Job{}, err
	}
	for _, short := range shorthands() {
		delete(job.Values, short.name) // it shows among the options of its location
	}
	job.Values["source"], job.Values["destination"] = source, destination
	job.Destination, err = in.location("destination", destination, in.DestinationOptions, ofJob, parseDestination)
	return job, err
}

// Stores returns the names of all stores in the configuration, sorted.
func (in Input) Stores() []string {
	names := map[string]bool{}
	for _, file := range in.Files {
		for name := range file.stores {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
