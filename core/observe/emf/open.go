package emf

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
)

// Open is [Start] with the region, the role and the endpoints that the environment and the
// instance give, where there is a log group.
func Open(ctx context.Context, options Options) (*Emitter, error) {
	if options.Group != "" {
		found, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("log group %s: find the region and the credentials of AWS: %w", options.Group, err)
		}
		options.Config = found
	}
	return Start(options), nil
}
