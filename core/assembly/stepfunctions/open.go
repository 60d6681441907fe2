package stepfunctions

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/dth-dev/dth/core/awsconfig"
)

// Open returns the watch by a state machine, see New, with the settings and credentials of
// the environment, as every AWS SDK finds them.
func Open(ctx context.Context, machine string, wait time.Duration) (*Watch, error) {
	settings, err := awsconfig.Load(ctx, "Step Functions")
	if err != nil {
		return nil, err
	}
	return New(sfn.NewFromConfig(settings), machine, wait), nil
}
