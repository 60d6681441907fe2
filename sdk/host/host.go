// Package host finds plugins, runs each as a supervised process, and speaks to
// it through the interfaces of sdk/driver.
//
// A plugin that crashes or hangs is started again by the next call that needs
// it; calls that may safely happen twice are repeated there, so that their
// callers see nothing but a delay. Every call and every wait ends. Linux, macOS
// and the BSDs are supported.
package host

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// Options say how plugins are run. The zero value is usable.
type Options struct {
	Logger       hclog.Logger  // nil discards what plugins log
	Environ      []string      // the environment to choose from; nil means os.Environ()
	SocketDir    string        // where the user's private folder of sockets is made; "" means os.TempDir(), or /tmp where that is too long
	StartTimeout time.Duration // for a process to become ready; 0 means 10 s
	CallTimeout  time.Duration // for one call, when its context ends later or never; 0 means 1 minute
	Traffic      *Traffic      // counts the bytes between host and plugin; nil counts nothing
}

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.SocketDir == "" {
		o.SocketDir = defaultSocketDir()
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 10 * time.Second
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = wire.CallTimeout
	}
	return o
}

// Start starts the plugin with nothing in its environment but what its manifest
// always wants. That is enough to describe it; use [Open] for access to a bucket. It
// returns a *StartError that says why the plugin did not start and what to do about it.
// The caller closes the plugin.
func Start(ctx context.Context, manifest Manifest, options Options) (*Plugin, error) {
	return start(ctx, manifest, options, nil)
}

// Open starts a process of the plugin for one bucket and opens it there. The process gets
// the environment that the manifest and the credentials reference call for, and no more.
// Closing the bucket ends the process. Errors are *StartError, or those of driver.Driver.Open.
func Open(ctx context.Context, manifest Manifest, request driver.OpenRequest, options Options) (driver.Bucket, error) {
	names, err := credentialVariables(manifest, request.Credentials)
	if err != nil {
		return nil, err
	}
	plugin, err := start(ctx, manifest, options, names)
	if err != nil {
		return nil, err
	}
	opened, err := plugin.open(ctx, request)
	if err != nil {
		_ = plugin.Close() // the reason is in err
		return nil, err
	}
	opened.closePlugin = plugin.Close
	return opened, nil
}

// start makes a plugin whose environment also holds the named variables.
func start(ctx context.Context, manifest Manifest, options Options, names []string) (*Plugin, error) {
	options = options.withDefaults()
	life, end := context.WithCancel(context.Background())
	plugin := &Plugin{
		manifest: manifest,
		options:  options,
		names:    names,
		logger:   options.Logger.Named(manifest.Name),
		life:     life,
		end:      end,
	}
	if _, err := plugin.instance(ctx); err != nil {
		end()
		return nil, err
	}
	return plugin, nil
}
