// Package dth_test holds the rules that no single package can keep: who may
// import whom, what a package is called, how long a file may be, which modules
// a binary links.
package dth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/deps")

const module = "github.com/dth-dev/dth"

// layers says what each part of the repository may import of the others.
var layers = map[string][]string{
	"sdk":     {"sdk"},
	"plugins": {"plugins", "sdk"},
	"core":    {"core", "sdk"},
	"cmd":     {"cmd", "core", "sdk", "infra"}, // the template is part of the program
	"infra":   {"infra"},
	"tests":   {"tests", "cmd", "core", "sdk", "plugins"},
}

// vendors are the modules of store vendors: only plugins may link them, and serviced.
var vendors = regexp.MustCompile(`^github\.com/(aws|aliyun|tencentyun|qiniu|minio/minio-go)/`)

// serviced are the packages that stand on a service of a vendor, not on its store.
var serviced = []string{
	"core/assembly/stepfunctions",
	"core/awsconfig",
	"core/deploy",
	"core/drain",
	"core/dynamo",
	"core/observe/emf",
	"core/queue/sqs",
	"core/wake",
	"infra/cloudformation/lambda",
}

// vague are names that say nothing about what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "impl", "shared", "lib"}

// goPackage is what the rules need of `go list -json`.
type goPackage struct {
	ImportPath   string
	Name         string
	Dir          string
	Standard     bool
	Module       *struct{ Path string }
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// path returns the package's folder in the repository, "" for the root.
func (p goPackage) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func goList(t *testing.T, arguments ...string) []goPackage {
	t.Helper()
	// The same lists on every machine: what is released is built this way.
	out := run(t, append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"), "go", append([]string{"list", "-json"}, arguments...)...)
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

func run(t *testing.T, environment []string, name string, arguments ...string) []byte {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Env = environment
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, &stderr)
	}
	return out
}

// sources returns the repository's files: those that git tracks or would.
func sources(t *testing.T, patterns ...string) []string {
	t.Helper()
	out := run(t, nil, "git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"}, patterns...)...)
	var paths []string
	for path := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(path); err == nil { // git still lists what was deleted a moment ago
			paths = append(paths, path)
		}
	}
	return paths
}

func parse(t *testing.T, path string, mode parser.Mode) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, mode|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryPackageSaysItsJobOnce(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		files := p.GoFiles
		if len(files) == 0 { // a package of tests alone
			files = append(p.TestGoFiles, p.XTestGoFiles...)
		}
		var docs []string
		generated := false
		for _, name := range files {
			file := parse(t, filepath.Join(p.Dir, name), parser.PackageClauseOnly)
			generated = generated || ast.IsGenerated(file)
			if file.Doc != nil {
				docs = append(docs, file.Doc.Text())
			}
		}
		if generated {
			continue
		}
		opening := "Package " + p.Name + " "
		switch {
		case p.Name == "main":
			opening = "Command "
		case len(p.GoFiles) == 0:
			opening = "Package " // of tests: dth_test, say
		}
		if len(docs) != 1 || !strings.HasPrefix(docs[0], opening) {
			t.Errorf("%s has %d doc comments; it needs one, which begins %q and says the package's job", p.ImportPath, len(docs), opening)
		}
	}
}

func TestImportsPointDownwards(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		if p.path() == "" {
			continue
		}
		layer := layerOf(p.ImportPath)
		allowed, ok := layers[layer]
		if !ok {
			t.Errorf("%s lies in no known layer: name it in layers, with what it may import", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if target := layerOf(imported); target != "" && !slices.Contains(allowed, target) {
				t.Errorf("%s imports %s: %s may import %v only", p.ImportPath, imported, layer, allowed)
			}
			if layer != "plugins" && layer != "tests" && !slices.Contains(serviced, p.path()) && vendors.MatchString(imported) {
				t.Errorf("%s imports %s: only plugins and %v may link a vendor's SDK", p.ImportPath, imported, serviced)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) { // these may start the real servers of tests/
			if target := layerOf(imported); target != "" && target != "tests" && !slices.Contains(allowed, target) {
				t.Errorf("tests of %s import %s: %s may import %v only", p.ImportPath, imported, layer, allowed)
			}
		}
	}
}

// layerOf returns the layer of one of our import paths, "" for any other.
func layerOf(importPath string) string {
	inside, _ := strings.CutPrefix(importPath, module+"/")
	if inside == importPath {
		return ""
	}
	layer, _, _ := strings.Cut(inside, "/")
	return layer
}

func TestContractNeedsOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "-deps", "./sdk/driver") {
		if !p.Standard && p.path() != "sdk/driver" {
			t.Errorf("sdk/driver depends on %s", p.ImportPath)
		}
	}
}

func TestModuleReplacesNothing(t *testing.T) {
	t.Parallel()
	var mod struct{ Replace []any }
	if err := json.Unmarshal(run(t, nil, "go", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	if len(mod.Replace) > 0 {
		t.Errorf("go.mod replaces modules, so `go install %s/cmd/dth@latest` would fail: %v", module, mod.Replace)
	}
}

func TestPackageNamesSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		for element := range strings.SplitSeq(p.path(), "/") {
			if slices.Contains(vague, element) {
				t.Errorf("%s: %q names no job", p.ImportPath, element)
			}
		}
	}
}

func TestSourceFilesAreShortAndWithoutInit(t *testing.T) {
	t.Parallel()
	const most = 500
	for _, path := range sources(t, "*.go") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file := parse(t, path, parser.SkipObjectResolution)
		if ast.IsGenerated(file) {
			continue
		}
		if lines := bytes.Count(text, []byte("\n")); lines > most {
			t.Errorf("%s has %d lines, more than %d: split it by what it does", path, lines, most)
		}
		if !strings.HasPrefix(path, "core/") && !strings.HasPrefix(path, "sdk/") {
			continue
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s has init(): wire it where it is used, in sight", path)
			}
		}
	}
}

func TestBinariesLinkOnlyTheListedModules(t *testing.T) {
	t.Parallel()
	binaries := map[string]string{
		"dth":                 "./cmd/dth",
		"dth-plugin-cos":      "./plugins/cos",
		"dth-plugin-kodo":     "./plugins/kodo",
		"dth-plugin-oss":      "./plugins/oss",
		"dth-plugin-s3":       "./plugins/s3",
		"dth-plugin-s3compat": "./plugins/s3compat",
	}
	for binary, path := range binaries {
		t.Run(binary, func(t *testing.T) {
			t.Parallel()
			var modules []string
			for _, p := range goList(t, "-deps", path) {
				if p.Module != nil && p.Module.Path != module {
					modules = append(modules, p.Module.Path+"\n")
				}
			}
			slices.Sort(modules)
			got := strings.Join(slices.Compact(modules), "")
			golden := filepath.Join("testdata", "deps", binary+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s links other modules than %s lists; if that is meant: go test . -update\n%s", binary, golden, diff)
			}
		})
	}
}

func TestNoFileNamesAPathOfOneMachine(t *testing.T) {
	t.Parallel()
	// Spelled in pieces, or this file would name them.
	personal := regexp.MustCompile(`(^|[^\w.~-])/(` + strings.Join([]string{"root", "work", "Users"}, "|") + `)/\w+`)
	for _, path := range sources(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if found := personal.Find(text); found != nil {
			t.Errorf("%s names %q, a path that other machines do not have", path, found)
		}
	}
}
