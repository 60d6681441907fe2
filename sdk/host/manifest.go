package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dth-dev/dth/sdk/internal/wire"
)

// binaryPrefix begins the file name of every plugin.
const binaryPrefix = "dth-plugin-"

// Manifest says what a plugin is and what it needs, so that a plugin is known without
// running it. The plugin NAME is the program dth-plugin-NAME; its manifest is the file
// dth-plugin-NAME.yaml beside it.
type Manifest struct {
	Name        string      `yaml:"name"`     // of the plugin, and scheme of its locations
	Title       string      `yaml:"title"`    // for people
	Protocol    []int       `yaml:"protocol"` // major versions of the wire contract that it speaks
	Environment Environment `yaml:"environment"`

	Binary string `yaml:"-"` // absolute path of the program
	Source string `yaml:"-"` // absolute path of the manifest
}

// Environment lists the variables that a plugin may see, by name or as PREFIX_*.
type Environment struct {
	Always             []string `yaml:"always"`
	DefaultCredentials []string `yaml:"default-credentials"` // only when a location names no credentials
	SecretCredentials  []string `yaml:"secret-credentials"`  // only when a location names a secret, which is fetched from elsewhere
}

var (
	pluginName      = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\*?$`)
)

// Find returns the plugins in the folders, by name. Of two plugins with one name
// the one in the earlier folder counts. Folders that do not exist are passed over.
// No plugin is run. The error joins all that is wrong with single manifests;
// the plugins that are returned beside it are usable.
func Find(dirs []string) ([]Manifest, error) {
	found := make(map[string]bool)
	var manifests []Manifest
	var problems []error
	for _, dir := range dirs {
		names, err := pluginsIn(dir)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, name := range names {
			if found[name] {
				continue
			}
			manifest, err := ReadManifest(filepath.Join(dir, binaryPrefix+name+".yaml"))
			if err != nil {
				problems = append(problems, err)
				continue
			}
			found[name] = true
			manifests = append(manifests, manifest)
		}
	}
	slices.SortFunc(manifests, func(a, b Manifest) int { return strings.Compare(a.Name, b.Name) })
	return manifests, errors.Join(problems...)
}

// pluginsIn returns the names of the plugins whose program or manifest is in the folder.
func pluginsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for plugins: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name, ok := strings.CutPrefix(strings.TrimSuffix(entry.Name(), ".yaml"), binaryPrefix)
		if ok && !entry.IsDir() && pluginName.MatchString(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// ReadManifest reads one manifest. Errors begin with FILE:LINE:COLUMN where
// the place is known.
func ReadManifest(path string) (Manifest, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("find manifest: %w", err)
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("plugin %s has no manifest; put %s beside it", strings.TrimSuffix(path, ".yaml"), filepath.Base(path))
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	manifest := Manifest{Source: path, Binary: strings.TrimSuffix(path, ".yaml")}
	if err := yaml.NewDecoder(bytes.NewReader(content), yaml.Strict()).Decode(&manifest); err != nil {
		return Manifest{}, place(path, err)
	}
	if problem := manifest.check(); problem != "" {
		return Manifest{}, fmt.Errorf("%s: %s", path, problem)
	}
	return manifest, nil
}

// place puts the file, line and column in front of a parser's message.
func place(path string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:1:1: the manifest is empty", path)
	}
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		position := located.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", path, position.Line, position.Column, located.GetMessage())
	}
	return fmt.Errorf("%s: %w", path, err)
}

// check returns what is wrong with the content; "" when nothing is.
func (m Manifest) check() string {
	if want := strings.TrimPrefix(filepath.Base(m.Binary), binaryPrefix); m.Name != want {
		return fmt.Sprintf("name is %q; the file's name calls for %q", m.Name, want)
	}
	if !pluginName.MatchString(m.Name) {
		return fmt.Sprintf("name %q is not lower-case letters, digits and \"-\"", m.Name)
	}
	if len(m.Protocol) == 0 {
		return fmt.Sprintf("protocol is missing; write protocol: [%d]", wire.ProtocolVersion)
	}
	for _, variable := range slices.Concat(m.Environment.Always, m.Environment.DefaultCredentials, m.Environment.SecretCredentials) {
		if !variablePattern.MatchString(variable) {
			return fmt.Sprintf("environment variable %q is neither a name nor PREFIX_*", variable)
		}
	}
	return ""
}
