package stepfunctions

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Open returns the watch by a state machine, see New, with the settings and credentials of
// the environment, as every AWS SDK finds them.
func Open(ctx context.Context, machine string, wait time.Duration) (*Watch, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the settings and credentials for Step Functions: %w", err)
	}
	return New(sfn.NewFromConfig(settings), machine, wait), nil
}
