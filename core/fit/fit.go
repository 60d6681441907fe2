// Package fit decides how an object of one store is written to another one with
// other rules: under which key, with which metadata, tags and class. It makes no request.
package fit

import (
	"fmt"
	"strings"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// Fitter fits the objects of a source to a destination. The zero value is for a
// destination without rules. It may be used by many goroutines at once.
type Fitter struct {
	policy              job.Unmappable
	class               string // the setting
	source, destination driver.Session
	prefix              string // what keys of the destination have before the relative key
	keys, names, values coding
}

// New returns the fitter for the settings of a job; prefix is what absolute keys of
// the destination have before the relative key. It fails, with *job.Error, when
// the settings ask for what the stores do not have.
func New(asked job.Job, source, destination driver.Session, prefix string) (Fitter, error) {
	f := Fitter{
		policy: asked.Settings.Unmappable, class: asked.Settings.StorageClass,
		source: source, destination: destination, prefix: prefix,
	}
	f.keys, f.names, f.values = f.keyCoding(), nameCoding(destination.MetadataRules), valueCoding(destination.MetadataRules)
	if asked.Settings.Tags && !source.Has(driver.CapabilityTagger) {
		return f, mistake(asked, "tags", "the source keeps no tags", "leave --tags out")
	}
	if asked.Settings.Tags && asked.Settings.Metadata == job.MetadataNone {
		return f, mistake(asked, "tags", "metadata is none, which leaves tags out too", "leave --tags out, or --metadata")
	}
	if f.class == "" || f.class == job.ClassOfSource {
		return f, nil
	}
	if _, known := destination.Class(f.class); known {
		return f, nil
	}
	if len(destination.StorageClasses) == 0 {
		return f, mistake(asked, "storage-class", "the destination has no storage classes to choose from", "leave --storage-class out")
	}
	return f, mistake(asked, "storage-class", fmt.Sprintf("the destination has no storage class %q", f.class),
		"write one of "+classNames(destination.StorageClasses)+", or source for the tier that each object has there")
}

// mistake places an error where the setting was written.
func mistake(asked job.Job, setting, what, do string) error {
	origin := asked.Values[setting].Origin
	return &job.Error{Where: origin.Where, Usage: origin.Usage, What: what, Do: do}
}

func classNames(classes []driver.StorageClass) string {
	var names []string
	for _, class := range classes {
		names = append(names, fmt.Sprintf("%s (%s)", class.Name, class.Tier))
	}
	return strings.Join(names, ", ")
}

// Error says what of an object the destination cannot hold.
type Error struct {
	What string // what cannot be held, and the rule: `this key: the key ends with "/"`
	Lack string // what the source keeps of the object and dth does not copy
	Do   string // the way out
	Skip bool   // the user wants such objects left out
}

// Error returns "the store cannot hold WHAT; dth does not copy LACK; DO".
func (e *Error) Error() string {
	var parts []string
	if e.What != "" {
		parts = append(parts, "the store cannot hold "+e.What)
	}
	if e.Lack != "" {
		parts = append(parts, "dth does not copy "+e.Lack)
	}
	if e.Do != "" {
		parts = append(parts, e.Do)
	}
	return strings.Join(parts, "; ")
}

// refuse returns the error of an object that cannot be written; encodable says that
// the encode policy had helped.
func (f Fitter) refuse(what string, encodable bool) *Error {
	refusal := &Error{What: what}
	switch {
	case f.policy == job.UnmappableEncode:
		refusal.Do = "nor can it be encoded: change it at the source, or leave it out with --unmappable drop"
	case f.policy == job.UnmappableDrop:
		refusal.Skip = true // only keys come here
	case encodable:
		refusal.Do = "--unmappable encode writes it in another form, --unmappable drop leaves it out"
	default:
		refusal.Do = "--unmappable drop leaves it out"
	}
	return refusal
}

// Unkept returns the error of a key that the store was found not to keep, for a reason
// that rules do not tell.
func (f Fitter) Unkept(problem string) *Error { return f.refuse("this key: "+problem, false) }

// Dropped says what becomes of an object of which the store was found to drop or change
// attributes, each named as `header cache-control "no-store"` with why: it is told as
// changes where the user wants what does not fit left out, and is an *Error otherwise.
func (f Fitter) Dropped(attributes []Drop) (changes []string, err error) {
	w := work{Fitter: f}
	for _, dropped := range attributes {
		w.leaveOut(dropped.What, dropped.Why, false)
	}
	if len(w.problems) > 0 {
		return nil, f.refuse(strings.Join(w.problems, "; "), false)
	}
	return w.changes, nil
}

// Drop is an attribute of an object that the store does not hold, and why.
type Drop struct{ What, Why string }

// Parent returns the error of a key that the destination cannot hold below the object
// with the absolute key parent.
func (f Fitter) Parent(parent string) *Error {
	return f.refuse(fmt.Sprintf("this key: it holds no key below the object %q", parent), false)
}
