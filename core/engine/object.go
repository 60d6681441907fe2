package engine

import (
	"context"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// ReadObject returns the bytes of one object, which must not have more than most.
func ReadObject(ctx context.Context, location job.Location, bucket driver.Bucket, most int64) ([]byte, error) {
	side, err := transfer.NewSide(transfer.Source, location.Bucket, location.Prefix, bucket, retry.Default, &observe.Counters{})
	if err != nil {
		return nil, err
	}
	defer side.Close()
	return side.Load(ctx, "", most)
}
