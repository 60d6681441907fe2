package assemblytest

import "testing"

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	Run(t, func(*testing.T) Table { return NewMemory() })
}
