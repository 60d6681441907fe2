// Package cloudformation reads the template of a fleet as CloudFormation does, far enough
// for tests to look at what comes of its parameters without an account.
package cloudformation

import (
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Template is a template with its functions in their long form: {"Ref": "Queue"}.
type Template struct {
	Parameters map[string]any
	Conditions map[string]any
	Mappings   map[string]any
	Resources  map[string]any
	Outputs    map[string]any
	Metadata   map[string]any
	tree       map[string]any
}

// Read reads a template in YAML.
func Read(path string) (*Template, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tree, ok := plain(file.Docs[0].Body).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no mapping", path)
	}
	section := func(name string) map[string]any { found, _ := tree[name].(map[string]any); return found }
	return &Template{
		Parameters: section("Parameters"), Conditions: section("Conditions"), Mappings: section("Mappings"),
		Resources: section("Resources"), Outputs: section("Outputs"), Metadata: section("Metadata"), tree: tree,
	}, nil
}

// plain returns a node as JSON would have it.
func plain(node ast.Node) any {
	switch node := node.(type) {
	case *ast.MappingNode:
		values := map[string]any{}
		for _, pair := range node.Values {
			values[key(pair.Key)] = plain(pair.Value)
		}
		return values
	case *ast.MappingValueNode:
		return map[string]any{key(node.Key): plain(node.Value)}
	case *ast.SequenceNode:
		values := make([]any, len(node.Values))
		for i, value := range node.Values {
			values[i] = plain(value)
		}
		return values
	case *ast.TagNode:
		return call(strings.TrimPrefix(node.Start.Value, "!"), plain(node.Value))
	case *ast.LiteralNode:
		return node.Value.Value
	case *ast.StringNode:
		return node.Value
	case *ast.BoolNode:
		return node.Value
	case *ast.IntegerNode:
		return node.Value
	case *ast.NullNode:
		return nil
	}
	return node.GetToken().Value
}

func key(node ast.MapKeyNode) string {
	if text, ok := node.(*ast.StringNode); ok {
		return text.Value
	}
	return node.GetToken().Value
}

// call returns a function of CloudFormation in its long form.
func call(name string, argument any) any {
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: argument}
	case "GetAtt":
		if text, ok := argument.(string); ok {
			resource, attribute, _ := strings.Cut(text, ".")
			argument = []any{resource, attribute}
		}
	}
	return map[string]any{"Fn::" + name: argument}
}
