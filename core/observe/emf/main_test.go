package emf_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever a test closes has ended when the tests have.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
