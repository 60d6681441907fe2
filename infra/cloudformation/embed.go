// Package cloudformation holds the template of a fleet for those who make a stack of it.
package cloudformation

import _ "embed"

//go:embed dth.yaml
var template string

// Template returns the template in YAML.
func Template() string { return template }
