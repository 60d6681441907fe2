package bucket

import (
	"slices"
	"sort"
	"strings"
)

// index keeps keys in ascending order of their bytes, in runs short enough to
// insert into cheaply.
type index struct {
	runs [][]string // none is empty
}

const longestRun = 512

// find returns the place of the first key >= key: run number and position in it.
// Past the last key, the position is the last run's length.
func (x *index) find(key string) (run, at int) {
	run = max(0, sort.Search(len(x.runs), func(i int) bool { return x.runs[i][0] > key })-1)
	if run < len(x.runs) {
		at, _ = slices.BinarySearch(x.runs[run], key)
	}
	return run, at
}

// insert adds a key that is not there yet.
func (x *index) insert(key string) {
	if len(x.runs) == 0 {
		x.runs = append(x.runs, []string{key})
		return
	}
	run, at := x.find(key)
	x.runs[run] = slices.Insert(x.runs[run], at, key)
	if keys := x.runs[run]; len(keys) > longestRun {
		half := len(keys) / 2
		x.runs = slices.Insert(x.runs, run+1, slices.Clone(keys[half:]))
		x.runs[run] = slices.Clip(keys[:half])
	}
}

// remove drops a key that is there.
func (x *index) remove(key string) {
	run, at := x.find(key)
	x.runs[run] = slices.Delete(x.runs[run], at, at+1)
	if len(x.runs[run]) == 0 {
		x.runs = slices.Delete(x.runs, run, run+1)
	}
}

// from calls visit with the keys >= start in order until it returns false; visit
// may instead return a later key to go on from.
func (x *index) from(start string, visit func(key string) (next string, more bool)) {
	run, at := x.find(start)
	for run < len(x.runs) {
		if at == len(x.runs[run]) {
			run, at = run+1, 0
			continue
		}
		next, more := visit(x.runs[run][at])
		switch {
		case !more:
			return
		case next != "":
			run, at = x.find(next)
		default:
			at++
		}
	}
}

// Query asks for a page of a listing.
type Query struct {
	Prefix    string
	Delimiter string // groups keys that hold it after the prefix; empty: no groups
	After     string // exclusive; a group named by it is passed over as a whole
	Limit     int    // keys and groups together
}

// Page is one page of a listing.
type Page struct {
	Objects []*Object
	Groups  []string // common prefixes, with the delimiter at their end
	Next    string   // the Query.After of the next page, empty on the last page
}

// List returns a page in ascending order of the keys' bytes. Keys must be UTF-8.
func (s *Store) List(q Query) Page {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page Page
	var last string
	start := max(q.Prefix, q.After)
	if q.groupOf(q.After) == q.After && q.After != "" {
		start = max(q.Prefix, past(q.After))
	}
	s.keys.from(start, func(key string) (string, bool) {
		if !strings.HasPrefix(key, q.Prefix) {
			return "", false
		}
		if key == q.After {
			return "", true
		}
		if len(page.Objects)+len(page.Groups) == q.Limit {
			page.Next = last
			return "", false
		}
		if group := q.groupOf(key); group != "" {
			page.Groups = append(page.Groups, group)
			last = group
			return past(group), true
		}
		page.Objects = append(page.Objects, s.objects[key])
		last = key
		return "", true
	})
	return page
}

// groupOf returns the group that a key falls into, "" if it stands for itself.
func (q Query) groupOf(key string) string {
	rest, ok := strings.CutPrefix(key, q.Prefix)
	if !ok || q.Delimiter == "" {
		return ""
	}
	before, _, ok := strings.Cut(rest, q.Delimiter)
	if !ok {
		return ""
	}
	return q.Prefix + before + q.Delimiter
}

// past returns a string after every UTF-8 key that begins with prefix.
func past(prefix string) string { return prefix + "\xff" }
