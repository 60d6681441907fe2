package dynamodb_test

import (
	"math/rand/v2"
	"testing"

	"github.com/dth-dev/dth/core/assembly/assemblytest"
	"github.com/dth-dev/dth/core/journal/journaltest"
	"github.com/dth-dev/dth/core/ledger"
	segments "github.com/dth-dev/dth/core/ledger/dynamodb"
	"github.com/dth-dev/dth/core/ledger/ledgertest"
)

// conform runs all three suites on tables that lay makes.
func conform(t *testing.T, lay func(t testing.TB) *tables) {
	t.Run("journal", func(t *testing.T) {
		t.Parallel()
		journaltest.RunShared(t, func(t *testing.T) journaltest.SharedStore { return journals{lay(t)} })
	})
	t.Run("assembly", func(t *testing.T) {
		t.Parallel()
		assemblytest.Run(t, func(t *testing.T) assemblytest.Table { return assemblies{lay(t)} })
	})
	t.Run("ledger", func(t *testing.T) {
		t.Parallel()
		ledgertest.Run(t, func(t *testing.T) ledger.Store { return segments.New(lay(t).client(nil)) })
	})
}

func TestContracts(t *testing.T) {
	t.Parallel()
	each(t, conform)
}

// TestContractsOnBadLines keeps the same contracts while one request in four is refused
// or lost on its way there or back. A write that is not known as one's own when its answer
// is lost shows as a conflict, a contest without a winner or a part counted twice:
// without the nonces of Append, BeginRun and Roll, or with one transaction token for all, this fails.
func TestContractsOnBadLines(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, lay func(t testing.TB) *tables) {
		conform(t, func(t testing.TB) *tables {
			s := lay(t)
			s.contests /= 10
			s.line.befall(mishaps)
			return s
		})
	})
}

// mishaps are what AWS documents that may happen to any request.
func mishaps(operation string) fate {
	switch rand.IntN(24) {
	case 0, 1, 2:
		return lost
	case 3:
		return unheard
	case 4:
		return "ProvisionedThroughputExceededException"
	case 5:
		return "InternalServerError"
	case 6:
		return "ThrottlingException"
	case 7:
		if operation == "TransactWriteItems" {
			return "TransactionConflict"
		}
	}
	return arrives
}
