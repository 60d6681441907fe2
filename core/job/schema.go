package job

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// CheckOptions checks the options of a location against what its plugin
// publishes.
func CheckOptions(location Location, description driver.Description) error {
	known := map[string]driver.Option{}
	for _, option := range description.Options {
		known[option.Name] = option
	}
	for _, name := range slices.Sorted(maps.Keys(location.Options)) {
		option, ok := known[name]
		if !ok && isShort(name) {
			return location.at(name, &Error{What: fmt.Sprintf("plugin %s has no option %s, because its store has nothing of the kind", description.Name, name),
				Do: "leave it out"})
		}
		if !ok {
			unknown := Unknown("option", name, slices.Collect(maps.Keys(known)))
			unknown.What += " of plugin " + description.Name
			return location.at(name, unknown)
		}
		value := location.Options[name]
		if len(option.Values) > 0 && !slices.Contains(option.Values, value) {
			return location.at(name, &Error{What: fmt.Sprintf("option %s of plugin %s cannot be %q", name, description.Name, value),
				Do: "write one of " + strings.Join(option.Values, ", ")})
		}
	}
	for _, option := range description.Options {
		if _, ok := location.Options[option.Name]; option.Required && !ok {
			return &Error{What: fmt.Sprintf("plugin %s needs option %s (%s)", description.Name, option.Name, option.Summary),
				Do: fmt.Sprintf("add ?%s=VALUE to the location, or %s to its store in dth.yaml", option.Name, option.Name)}
		}
	}
	return nil
}

// isShort says whether the option is one that a shorthand stands for.
func isShort(name string) bool {
	return slices.Contains([]string{optionACL, optionEncryption, optionEncryptionKey, optionRequesterPays}, name)
}

// at places a mistake in an option where that option was written.
func (l Location) at(option string, mistake error) error {
	origin := l.Origins[option]
	return At(origin.Where, origin.Usage, mistake)
}
