package job

import (
	"maps"
	"slices"
	"strings"
)

// parseFunc reads the text of a location.
type parseFunc func(string) (Location, error)

// location reads one side and completes its options: flags replace what the
// location says; variables, the job and the store add what it does not say.
func (in Input) location(side string, text Value, flags map[string]string, ofJob layer, parse parseFunc) (Location, error) {
	location, err := parse(text.Text)
	if err != nil {
		return Location{}, At(side, text.Origin.Usage, At(text.Origin.Where, false, err))
	}
	location.Origins = map[string]Origin{}
	for name := range location.Options {
		location.Origins[name] = text.Origin
	}
	if location.Credentials != "" {
		location.Origins[credentialsOption] = text.Origin
	}
	if err := location.shorten(expand(in.Flags, side), flags); err != nil {
		return Location{}, err
	}
	for name, value := range flags {
		flag := Origin{Where: "--" + side + "-option", Usage: true}
		if name == credentialsOption {
			flag.Where = "--" + side + "-credentials"
		}
		if err := location.SetOption(name, value, true); err != nil {
			return Location{}, At(flag.Where, true, err)
		}
		location.Origins[name] = flag
	}
	weaker, err := in.weaker(side, location.Store, ofJob)
	if err != nil {
		return Location{}, err
	}
	if location.Store != "" {
		location.Plugin = weaker.plugin
	}
	return location, location.complete(weaker.layers)
}

// weakerLayers are what adds to a location.
type weakerLayers struct {
	plugin string
	layers []layer
}

func (in Input) weaker(side, storeName string, ofJob layer) (weakerLayers, error) {
	variables := layer{}
	prefix := Variable(side) + "_"
	for name, text := range in.Environ {
		if option, ok := strings.CutPrefix(name, prefix); ok {
			option = strings.ToLower(strings.ReplaceAll(option, "_", "-"))
			variables[option] = Value{Text: text, Origin: Origin{Where: name}}
		}
	}
	found := weakerLayers{layers: []layer{variables, expand(in.variables(), side)}}
	if reference, ok := ofJob[side+"-"+credentialsOption]; ok {
		found.layers = append(found.layers, layer{credentialsOption: reference})
	}
	found.layers = append(found.layers, expand(ofJob, side))
	if storeName != "" {
		entry, err := in.store(side, storeName)
		if err != nil {
			return weakerLayers{}, err
		}
		found.plugin = entry.plugin
		found.layers = append(found.layers, entry.values)
	}
	for _, file := range in.Files {
		found.layers = append(found.layers, expand(file.defaults, side))
	}
	return found, nil
}

// store returns the store of that name.
func (in Input) store(side, name string) (store, error) {
	for _, file := range in.Files {
		if entry, ok := file.stores[name]; ok {
			return entry, nil
		}
	}
	unknown := Unknown("store", name, in.Stores())
	if len(in.Stores()) == 0 {
		unknown.Do = `add it under "stores:" in dth.yaml, or write PLUGIN://BUCKET to name a plugin`
	}
	return store{}, At(side, false, unknown)
}

// complete adds from each layer the options that are not set yet.
func (l *Location) complete(layers []layer) error {
	for _, layer := range layers {
		for _, name := range slices.Sorted(maps.Keys(layer)) {
			if _, ok := l.Origins[name]; ok {
				continue
			}
			if err := l.settle(name, layer[name]); err != nil {
				return At(layer[name].Origin.Where, false, err)
			}
		}
	}
	return nil
}
