package emf

import (
	"context"

	"github.com/dth-dev/dth/core/awsconfig"
)

// Open is [Start] with the region, the role and the endpoints that the environment and the
// instance give, where there is a log group.
func Open(ctx context.Context, options Options) (*Emitter, error) {
	if options.Group != "" {
		found, err := awsconfig.Load(ctx, "log group "+options.Group)
		if err != nil {
			return nil, err
		}
		options.Config = found
	}
	return Start(options), nil
}
