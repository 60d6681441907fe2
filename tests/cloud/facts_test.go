package cloud_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/dth-dev/dth/tests/cloud"
)

// fact asks one emulator one question; the answer is a cell of the table in README.md.
type fact[client any] struct {
	name string
	ask  func(t *testing.T, c client) string
}

const yes = "yes"

// tell returns a cell: yes if it holds, else how it does not.
func tell(holds bool, otherwise string, arguments ...any) string {
	if holds {
		return yes
	}
	return "**" + fmt.Sprintf(otherwise, arguments...) + "**"
}

// refused returns a cell about an error with one of the codes.
func refused(err error, codes ...string) string {
	var failure smithy.APIError
	var answer *smithyhttp.ResponseError
	switch {
	case err == nil:
		return "**accepted**"
	case errors.As(err, &failure):
		// Some give codes of SQS's older protocol, and so does SQS for some errors: compare
		// types, not codes.
		code := strings.TrimPrefix(failure.ErrorCode(), "AWS.SimpleQueueService.")
		return tell(slices.Contains(codes, code), "%s", code)
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError:
		return fmt.Sprintf("**status %d**", answer.HTTPStatusCode())
	}
	return fmt.Sprintf("**fails: %v**", err)
}

// compare compares the answers of one emulator with its column in README.md. A newer
// version that answers otherwise changes what the tests may rely on: read what changed,
// then change the table.
func compare[client any](t *testing.T, kind cloud.Kind, c client, facts []fact[client]) {
	table := readTable(t, kind)
	for _, f := range facts {
		t.Run(f.name, func(t *testing.T) {
			want, ok := table[f.name]
			if !ok {
				t.Errorf("README.md has no row %q with a cell of %s", f.name, kind)
			}
			if want == "not asked" {
				return
			}
			if got := f.ask(t, c); got != want {
				t.Errorf("%s answers %q, and README.md says %q", kind, got, want)
			}
		})
	}
}

// readTable returns a column of README.md's tables by the names of the rows.
func readTable(t *testing.T, kind cloud.Kind) map[string]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	column := 0
	cells := map[string]string{}
	for line := range strings.Lines(string(text)) {
		row := strings.Split(strings.TrimSpace(line), "|")
		if len(row) < 3 {
			column = 0 // between tables
			continue
		}
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if at := slices.IndexFunc(row, func(cell string) bool { return cell == string(kind) }); at > 0 {
			column = at
		} else if column > 0 && column < len(row) {
			cells[row[1]] = row[column]
		}
	}
	return cells
}
