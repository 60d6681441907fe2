package drain

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
)

// Open is Watch with the settings and credentials of the environment, as every AWS SDK
// finds them, in the place of Options.Config.
func Open(stop context.Context, options Options) (*Watcher, error) {
	settings, err := config.LoadDefaultConfig(stop)
	if err != nil {
		return nil, fmt.Errorf("find the settings and credentials of the machine: %w", err)
	}
	options.Config = settings
	return Watch(stop, options), nil
}
