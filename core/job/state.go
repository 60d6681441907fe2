package job

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// StateRoot returns the folder that holds the default state folders of all pairs of
// locations, by the XDG Base Directory Specification.
func StateRoot(getenv func(string) string) (string, error) {
	if folder := getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "dth"), nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "dth"), nil
	}
	return "", &Error{What: "no place for the state: neither XDG_STATE_HOME nor HOME is set", Do: "give --state DIR"}
}

// StateName returns the name of the state folder of a pair of locations: readable, and
// different for different pairs. The identities are those of the two sessions, so
// that two spellings of one pair share their state.
func StateName(job Job, sourceIdentity, destinationIdentity string) string {
	from, to := MapKeys(job.Source, job.Destination)
	hash := sha256.New()
	for _, part := range []string{sourceIdentity, from.Strip, from.List, destinationIdentity, to.Strip} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return slug(job.Source) + "--" + slug(job.Destination) + "-" + hex.EncodeToString(hash.Sum(nil)[:6])
}

// slug makes a location readable in a folder's name.
func slug(location Location) string {
	const longest = 40
	var b strings.Builder
	for _, c := range []byte(location.Bucket + "-" + location.Prefix) {
		if b.Len() == longest {
			break
		}
		if isLetter(c) || isDigit(c) || c == '.' || c == '_' {
			b.WriteByte(c)
		} else if last := b.String(); last != "" && last[len(last)-1] != '-' {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-.")
}
