// Command dth-plugin-cos lets dth use Tencent Cloud COS natively: requests are
// signed here, with COS's own signature, and the host sends them.
package main

import (
	"github.com/dth-dev/dth/sdk/plugin"
)

func main() { plugin.Serve(store{metadata: metadataService}) }
