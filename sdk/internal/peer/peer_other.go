//go:build !linux && !darwin

package peer

// identify knows nothing here.
func identify(int) (identity, error) { return identity{uid: -1}, nil }
