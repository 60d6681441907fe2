package job

import (
	"fmt"
	"strings"
)

// Keys maps the keys of one side to the relative keys that both sides share.
type Keys struct {
	Strip string // what a key has before its relative key
	List  string // prefix to list; starts with Strip
}

// Relative returns key without Strip. The key must start with List.
func (k Keys) Relative(key string) string { return key[len(k.Strip):] }

// Absolute returns the side's key of a relative key.
func (k Keys) Absolute(relative string) string { return k.Strip + relative }

// MapKeys returns how keys pass from source to destination. Source "dir/" gives
// its keys without "dir/"; source "dir/fo*" gives them without "dir/" too, so that "fo"
// stays, and only what starts with it is listed on either side. The
// destination puts its prefix before the relative key.
func MapKeys(source, destination Location) (from, to Keys) {
	from.List = source.Prefix
	from.Strip = source.Prefix[:strings.LastIndexByte(source.Prefix, '/')+1]
	to.Strip = destination.Prefix
	to.List = destination.Prefix + source.Prefix[len(from.Strip):]
	return from, to
}

// CheckOverlap refuses a source and a destination in one bucket whose listings
// share keys: a run would read what it writes. The identities are those of
// the two sessions.
func CheckOverlap(sourceIdentity, destinationIdentity string, from, to Keys) error {
	if sourceIdentity != destinationIdentity {
		return nil
	}
	what := ""
	switch {
	case from.List == to.List:
		what = "source and destination are the same"
	case strings.HasPrefix(to.List, from.List):
		what = "the destination lies inside the source"
	case strings.HasPrefix(from.List, to.List):
		what = "the source lies inside the destination"
	default:
		return nil
	}
	return &Error{What: fmt.Sprintf("%s (bucket %s, keys %q and %q)", what, sourceIdentity, from.List+"*", to.List+"*"),
		Do: "choose prefixes that do not contain each other", Usage: true}
}

// CopyKeys returns the keys of the object to copy and of its copy. A
// destination that is empty or ends in "/" takes the last segment of the
// source's key below it.
func CopyKeys(source, destination Location) (from, to string, err error) {
	from, to = source.Prefix, destination.Prefix
	if from == "" {
		return "", "", &Error{Where: "source", What: fmt.Sprintf("%q names no object", source.Address()),
			Do: "write the object's key after the bucket; to copy many objects use dth sync", Usage: true}
	}
	if to == "" || strings.HasSuffix(to, "/") {
		to += from[strings.LastIndexByte(strings.TrimSuffix(from, "/"), '/')+1:]
	}
	return from, to, nil
}
