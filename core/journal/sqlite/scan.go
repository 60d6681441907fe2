package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/dth-dev/dth/core/statefile"
)

// stretch is how many rows one read transaction returns. They are in memory when the
// first is yielded, so that a slow consumer holds no transaction open.
const stretch = 2000

// row is one row of a scan: the key, and the packed value where the query
// selects one.
type row struct {
	key, value string
}

// scan yields the rows of query by ascending key, decoded. The query's parameters are
// args, the key to start at, and the number of rows.
func scan[T any](ctx context.Context, file *statefile.File, query string, args []any, decode func(row) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows := make([]row, 0, stretch)
		start := blob("")
		for {
			var err error
			rows, err = readStretch(ctx, file, query, append(args[:len(args):len(args)], start, stretch), rows[:0])
			if err != nil {
				yield(none, fmt.Errorf("journal: scan: %w", err))
				return
			}
			for _, r := range rows {
				value, err := decode(r)
				if err != nil {
					err = fmt.Errorf("journal: scan: %w", file.Damaged(fmt.Errorf("entry %q: %w", r.key, err)))
				}
				if !yield(value, err) || err != nil {
					return
				}
			}
			if len(rows) < stretch {
				return
			}
			start = blob(rows[len(rows)-1].key + "\x00") // nothing sorts between a key and this
		}
	}
}

// readStretch appends the result of query to rows.
func readStretch(ctx context.Context, file *statefile.File, query string, args []any, rows []row) ([]row, error) {
	err := file.View(ctx, func(tx *sql.Tx) error {
		result, err := tx.Query(query, args...)
		if err != nil {
			return err
		}
		defer result.Close()
		var key, value sql.RawBytes
		for result.Next() {
			if err := result.Scan(&key, &value); err != nil {
				return err
			}
			rows = append(rows, row{key: string(key), value: string(value)})
		}
		return result.Err()
	})
	return rows, err
}
