package list_test

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestPagesEnd follows listings that never end by themselves, and one that does.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		most   int
		token  func(page int) string
		within int // pages; 0 where the listing ends well
	}{
		"the same token":       {0, func(int) string { return "same" }, 2},
		"tokens in turn":       {0, func(page int) string { return fmt.Sprint(page % 2) }, 6},
		"a long round":         {0, func(page int) string { return fmt.Sprint(page % 1000) }, 3000},
		"a round after a tail": {0, func(page int) string { return fmt.Sprint(min(page, 100+page%7)) }, 321},
		"always another":       {50, func(page int) string { return fmt.Sprint(page) }, 50},
		"an end": {50, func(page int) string {
			if page == 49 {
				return ""
			}
			return fmt.Sprint(page)
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow := list.Tokens{Most: test.most}
			for page := range 10_000 {
				next := test.token(page)
				err := follow.Follow("ListParts", "key", next)
				switch {
				case err != nil && (test.within == 0 || page+1 > test.within || driver.KindOf(err) != driver.KindFatal):
					t.Fatalf("page %d: %v", page+1, err)
				case err == nil && next != "":
					continue
				case err == nil && test.within > 0:
					t.Fatal("it was taken for a listing that ended")
				}
				return
			}
			t.Fatal("it was followed for 10,000 pages")
		})
	}
}
