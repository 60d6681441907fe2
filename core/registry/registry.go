// Package registry finds the plugin that a location names and opens the
// location's bucket through it.
package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

// Registry knows the plugins that are installed. Its methods may be called by
// many goroutines at once.
type Registry struct {
	folders   []string
	manifests []host.Manifest
	problem   error // what is wrong with other manifests
	options   host.Options
}

// New looks for plugins in the folders; of two plugins with one name the one in
// the earlier folder counts. No plugin is run.
func New(folders []string, options host.Options) *Registry {
	manifests, problem := host.Find(folders)
	return &Registry{folders: folders, manifests: manifests, problem: problem, options: options}
}

// Plugins returns the usable plugins by name. The error tells what is wrong
// with the others.
func (r *Registry) Plugins() ([]host.Manifest, error) { return r.manifests, r.problem }

// Describe starts the plugin, asks what it is, and ends it.
func (r *Registry) Describe(ctx context.Context, manifest host.Manifest) (driver.Description, error) {
	plugin, err := host.Start(ctx, manifest, r.options)
	if err != nil {
		return driver.Description{}, err
	}
	description, err := plugin.Describe(ctx)
	return description, errors.Join(err, plugin.Close())
}

// Open starts a process of the location's plugin and opens the bucket there; closing the
// bucket ends the process. Errors are *job.Error where the location is wrong,
// *host.StartError, or those of driver.Driver.Open.
func (r *Registry) Open(ctx context.Context, location job.Location) (driver.Bucket, error) {
	manifest, err := r.find(location.Plugin)
	if err != nil {
		return nil, err
	}
	bucket, err := host.Open(ctx, manifest, driver.OpenRequest{
		Bucket: location.Bucket, Credentials: location.Credentials, Options: location.Options,
	}, r.options)
	if driver.KindOf(err) == driver.KindInvalidArgument {
		err = r.explain(ctx, manifest, location, err)
	}
	if err != nil {
		return nil, err
	}
	return bucket, nil
}

// explain says more about options that the plugin refused, from what it publishes.
func (r *Registry) explain(ctx context.Context, manifest host.Manifest, location job.Location, refusal error) error {
	description, err := r.Describe(ctx, manifest)
	if err != nil {
		return refusal
	}
	if mistake := job.CheckOptions(location, description); mistake != nil {
		return mistake
	}
	return refusal
}

func (r *Registry) find(name string) (host.Manifest, error) {
	var known []string
	for _, manifest := range r.manifests {
		if manifest.Name == name {
			return manifest, nil
		}
		known = append(known, manifest.Name)
	}
	unknown := job.Unknown("plugin", name, known)
	if len(known) == 0 {
		unknown.Do = fmt.Sprintf("no plugins are installed in %s: install them there, or give --plugin-dir", strings.Join(r.folders, " or "))
	}
	if r.problem != nil {
		problems := strings.Split(r.problem.Error(), "\n")
		slices.Sort(problems)
		unknown.Do += " (" + strings.Join(problems, "; ") + ")"
	}
	return host.Manifest{}, unknown
}
