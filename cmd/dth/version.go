package main

import (
	"fmt"
	"runtime"
)

// versionCommand prints the version.
type versionCommand struct{}

// Run prints it.
func (versionCommand) Run(p *process) error {
	_, err := fmt.Fprintf(p.stdout, "dth %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
