package throttle_test

import (
	"context"
	"testing"

	"github.com/dth-dev/dth/core/throttle"
)

func TestBudgetNeverGivesMoreThanItHas(t *testing.T) {
	t.Parallel()
	budget := throttle.NewBudget(10)
	release, err := budget.Reserve(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := budget.Reserve(over, 4); err == nil {
		t.Error("11 bytes of 10 were reserved")
	}
	release()
	release, err = budget.Reserve(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := budget.Reserve(t.Context(), 11); err == nil {
		t.Error("more than the whole budget was promised")
	}
}
