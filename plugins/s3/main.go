// Command dth-plugin-s3 lets dth use Amazon S3 in all partitions: global, China
// and GovCloud.
package main

import (
	"github.com/dth-dev/dth/sdk/plugin"
)

func main() { plugin.Serve(amazon()) }
