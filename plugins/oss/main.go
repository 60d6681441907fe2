// Command dth-plugin-oss lets dth use Alibaba Cloud OSS natively.
package main

import "github.com/dth-dev/dth/sdk/plugin"

func main() { plugin.Serve(store{}) }
