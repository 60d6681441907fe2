package kill

import (
	"os"
	"testing"

	"github.com/dth-dev/dth/tests/warden"
)

func TestMain(m *testing.M) { os.Exit(warden.Run(m.Run)) }
