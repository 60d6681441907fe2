// Command dth-plugin-s3compat lets dth use any store that speaks S3: MinIO,
// Ceph, versitygw, Cloudflare R2 and the like. What differs between them is
// data, in profiles/.
package main

import (
	"github.com/dth-dev/dth/sdk/plugin"
)

func main() { plugin.Serve(store{}) }
