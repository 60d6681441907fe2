package host

import (
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// SetCallTimeout sets the timeout of the calls to come of a bucket that has no call under
// way: what is to time out then has no time, and everything before and after has plenty.
func SetCallTimeout(opened driver.Bucket, timeout time.Duration) {
	opened.(*bucket).plugin.options.CallTimeout = timeout //nolint:forcetypeassert // Open returns it
}
