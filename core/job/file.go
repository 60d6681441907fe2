package job

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is one configuration file.
type File struct {
	Path     string
	defaults layer
	stores   map[string]store
	jobs     map[string]layer
}

// store is a named way to reach buckets.
type store struct {
	plugin string
	origin Origin
	values layer // options and the credentials reference
}

// maxFile bounds what is read as configuration.
const maxFile = mib

// Load reads the configuration files, strongest first: the explicit one or
// ./dth.yaml, then the user's. A file that does not exist is left out, unless it
// is the explicit one.
func Load(explicit Value, getenv func(string) string) ([]*File, error) {
	path := explicit.Text
	if path == "" {
		path = "dth.yaml"
	}
	var files []*File
	for i, path := range []string{path, userFile(getenv)} {
		if path == "" {
			continue
		}
		file, err := readFile(path)
		switch {
		case errors.Is(err, os.ErrNotExist) && (i > 0 || explicit.Text == ""):
		case err != nil && i == 0 && explicit.Text != "" && errors.Is(err, os.ErrNotExist):
			return nil, &Error{Where: explicit.Origin.Where, What: fmt.Sprintf("there is no file %s", path)}
		case err != nil:
			return nil, err
		default:
			files = append(files, file)
		}
	}
	return files, nil
}

// userFile returns the path of the user's own configuration, by the XDG Base
// Directory Specification.
func userFile(getenv func(string) string) string {
	if folder := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "dth", "dth.yaml")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "dth", "dth.yaml")
	}
	return ""
}

func readFile(path string) (*File, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, configError(path, err)
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		return nil, configError(path, err)
	}
	if len(content) > maxFile {
		return nil, &Error{Where: path, What: "is larger than " + FormatSize(maxFile), Do: "is this the right file?"}
	}
	return ParseFile(path, content)
}

// configError keeps os.ErrNotExist visible and names the file once.
func configError(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return err
	}
	var failure *os.PathError
	if errors.As(err, &failure) {
		err = failure.Err
	}
	return &Error{Where: path, What: "cannot be read: " + err.Error()}
}

// ParseFile reads the content of a configuration file. Failures are *Error
// with path, line and column.
func ParseFile(path string, content []byte) (*File, error) {
	file := &File{Path: path, defaults: layer{}, stores: map[string]store{}, jobs: map[string]layer{}}
	tree, err := parser.ParseBytes(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), 0)
	if err != nil {
		return nil, syntaxError(path, err)
	}
	if len(tree.Docs) > 1 {
		return nil, file.errorAt(tree.Docs[1], &Error{What: "a second document begins", Do: "keep one document in a file"})
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil || tree.Docs[0].Body.Type() == ast.NullType {
		return file, nil
	}
	return file, file.readDocument(tree.Docs[0].Body)
}

// syntaxError leaves out the excerpt of the file that the parser's own text
// would show.
func syntaxError(path string, err error) error {
	var failure yaml.Error
	if errors.As(err, &failure) && failure.GetToken() != nil {
		position := failure.GetToken().Position
		return &Error{Where: fmt.Sprintf("%s:%d:%d", path, position.Line, position.Column),
			What: "not valid YAML: " + failure.GetMessage()}
	}
	return &Error{Where: path, What: "not valid YAML"}
}

func (f *File) readDocument(body ast.Node) error {
	sections := []string{"stores", "jobs", "defaults"}
	return f.eachPair(body, "the file", func(section string, key, value ast.Node) error {
		switch section {
		case "stores":
			return f.eachPair(value, "stores", f.readStore)
		case "jobs":
			return f.eachPair(value, "jobs", f.readJob)
		case "defaults":
			return f.readSettings(value, "defaults", f.defaults, settingNames(true))
		}
		return f.errorAt(key, Unknown("section", section, sections))
	})
}

func (f *File) readStore(name string, key, value ast.Node) error {
	if !validName(name) {
		return f.errorAt(key, &Error{What: fmt.Sprintf("%q cannot name a store", name), Do: nameAdvice})
	}
	entry := store{origin: f.origin(key), values: layer{}}
	err := f.eachPair(value, "store "+name, func(option string, key, value ast.Node) error {
		text, err := f.scalar(option, key, value)
		if err != nil {
			return err
		}
		if option == "plugin" {
			entry.plugin = text
			return nil
		}
		if err := CheckOption(option, text); err != nil {
			return f.errorAt(key, err)
		}
		entry.values[option] = Value{Text: text, Origin: f.origin(value)}
		return nil
	})
	if err != nil {
		return err
	}
	if entry.plugin == "" {
		return f.errorAt(key, &Error{What: fmt.Sprintf("store %s names no plugin", name), Do: `add "plugin: NAME"`})
	}
	f.stores[name] = entry
	return nil
}

const nameAdvice = `begin with a letter and go on with letters, digits, "-" and "_"`

// jobOnly are the keys that a job has beside the settings.
func jobOnly() []string {
	return []string{"source", "destination", "source-credentials", "destination-credentials"}
}

func (f *File) readJob(name string, key, value ast.Node) error {
	if !validName(name) || name == "all" {
		return f.errorAt(key, &Error{What: fmt.Sprintf("%q cannot name a job", name),
			Do: nameAdvice + `; "all" stands for all jobs`})
	}
	values := layer{}
	if err := f.readSettings(value, "job "+name, values, append(jobOnly(), settingNames(false)...)); err != nil {
		return err
	}
	for _, side := range []string{"source", "destination"} {
		if _, ok := values[side]; !ok {
			return f.errorAt(key, &Error{What: fmt.Sprintf("job %s has no %s", name, side), Do: fmt.Sprintf(`add "%s: LOCATION"`, side)})
		}
	}
	f.jobs[name] = values
	return nil
}

// readSettings reads pairs whose keys are among known, and checks the values,
// so that a mistake in a job shows before it runs.
func (f *File) readSettings(node ast.Node, what string, into layer, known []string) error {
	return f.eachPair(node, what, func(name string, key, value ast.Node) error {
		if !slices.Contains(known, name) {
			return f.errorAt(key, Unknown("setting", name, known))
		}
		text, err := f.scalar(name, key, value)
		if err != nil {
			return err
		}
		if err := checkSetting(name, text); err != nil {
			return f.errorAt(value, err)
		}
		into[name] = Value{Text: text, Origin: f.origin(value)}
		return nil
	})
}

// checkSetting checks the value of a setting or of a key that only jobs have.
func checkSetting(name, text string) error {
	var err error
	switch name {
	case "source":
		_, err = Parse(text)
	case "destination":
		_, err = ParseDestination(text)
	case "source-credentials", "destination-credentials":
		err = checkReference(text)
	default:
		table := settingTable()
		row := slices.IndexFunc(table, func(row setting) bool { return row.name == name })
		err = table[row].read(&Settings{}, text)
	}
	return err
}

func settingNames(withProcess bool) []string {
	var names []string
	for _, row := range settingTable() {
		if withProcess || !row.process {
			names = append(names, row.name)
		}
	}
	return names
}
