package statefile

import (
	"context"
	"database/sql"
	"errors"
)

// Pair is the two locations that a state is of.
type Pair struct {
	Source, Destination string // what tells each from all others; any bytes
	// SourceAddress and DestinationAddress are the same for people, without credentials.
	SourceAddress, DestinationAddress string
}

// Pair returns the locations that the state is of; false where it has none yet.
func (f *File) Pair(ctx context.Context) (Pair, bool, error) {
	if f.found < pairSince {
		return Pair{}, false, nil // open for reading only, and not upgraded
	}
	var source, destination, sourceAddress, destinationAddress []byte
	err := f.View(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, "SELECT source, destination, source_address, destination_address FROM pair")
		return row.Scan(&source, &destination, &sourceAddress, &destinationAddress)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Pair{}, false, nil
	}
	return Pair{string(source), string(destination), string(sourceAddress), string(destinationAddress)}, err == nil, err
}

// SetPair says which locations the state is of.
func (f *File) SetPair(ctx context.Context, pair Pair) error {
	return f.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("DELETE FROM pair"); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM pair"); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO pair (source, destination, source_address, destination_address) VALUES (?, ?, ?, ?)",
			append([]byte{}, pair.Source...), append([]byte{}, pair.Destination...), // never nil, which would be NULL
			append([]byte{}, pair.SourceAddress...), append([]byte{}, pair.DestinationAddress...))
		return err
	})
}
