package job

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// eachPair calls visit with every pair of a mapping.
func (f *File) eachPair(node ast.Node, what string, visit func(name string, key, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return f.errorAt(node, &Error{What: what + " is no mapping", Do: "write NAME: VALUE pairs"})
	}
	seen := map[string]bool{}
	for pairs := mapping.MapRange(); pairs.Next(); {
		key := pairs.Key()
		name, ok := scalarText(key)
		if !ok {
			return f.errorAt(key, &Error{What: "this key is no plain name", Do: "write NAME: VALUE"})
		}
		if seen[name] {
			return f.errorAt(key, &Error{What: fmt.Sprintf("%q is written twice", name)})
		}
		seen[name] = true
		if err := visit(name, key, pairs.Value()); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a plain value, exactly as written but for quotes.
func (f *File) scalar(name string, key, node ast.Node) (string, error) {
	if node.Type() == ast.NullType {
		return "", f.errorAt(key, &Error{What: name + " has no value", Do: "write a value or remove the line"})
	}
	text, ok := scalarText(node)
	if !ok {
		return "", f.errorAt(node, &Error{What: name + " takes one plain value",
			Do: "lists, mappings, anchors and tags mean nothing here"})
	}
	return text, nil
}

// scalarText returns the text of a plain scalar. An anchor, alias, tag or merge
// key is none, though the parser calls them scalars.
func scalarText(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true // as the user wrote them
	}
	return "", false
}

func (f *File) origin(node ast.Node) Origin {
	position := node.GetToken().Position
	return Origin{Where: fmt.Sprintf("%s:%d:%d", f.Path, position.Line, position.Column)}
}

func (f *File) errorAt(node ast.Node, err error) error {
	return At(f.origin(node).Where, false, err)
}
