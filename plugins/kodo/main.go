// Command dth-plugin-kodo lets dth use Qiniu Kodo by its own protocol: upload tokens,
// signed download addresses, and the services behind each region's names.
package main

import "github.com/dth-dev/dth/sdk/plugin"

func main() { plugin.Serve(store{}) }
