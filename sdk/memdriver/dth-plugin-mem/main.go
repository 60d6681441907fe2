// Command dth-plugin-mem serves the reference driver as a plugin, so that tests
// cross a real process boundary. Its store is a memdriver.Server in the process
// of the test.
package main

import (
	"os"

	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/sdk/plugin"
)

func main() { plugin.Serve(memdriver.New(os.Getenv)) }
