package drain

import (
	"context"

	"github.com/dth-dev/dth/core/awsconfig"
)

// Open is Watch with the settings and credentials of the environment, as every AWS SDK
// finds them, in the place of Options.Config.
func Open(stop context.Context, options Options) (*Watcher, error) {
	settings, err := awsconfig.Load(stop, "Auto Scaling")
	if err != nil {
		return nil, err
	}
	options.Config = settings
	return Watch(stop, options), nil
}
