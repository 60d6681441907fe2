package main

import (
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/registry"
	"github.com/dth-dev/dth/sdk/host"
)

// plugins returns the plugins of the folders that the settings name, and of the
// folder beside this program.
func (p *process) plugins(settings job.Settings, logger hclog.Logger) *registry.Registry {
	folders := filepath.SplitList(settings.PluginDir)
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		folders = append(folders, filepath.Join(filepath.Dir(program), "plugins"))
	}
	return registry.New(folders, host.Options{Logger: logger, Environ: p.environ})
}
