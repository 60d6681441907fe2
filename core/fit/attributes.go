package fit

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// Attributes returns the attributes, tags included, as the destination holds them, with
// the class that the settings choose for an object of this class at the source. changes
// says in words what was left out or encoded. The error is *Error and names
// everything that cannot be held.
func (f Fitter) Attributes(a driver.Attributes, class string) (fitted driver.Attributes, changes []string, err error) {
	w := work{Fitter: f}
	a.StorageClass = w.class(class)
	w.headers(&a)
	a.Metadata = w.metadata(a.Metadata)
	a.Tags = w.tags(a.Tags)
	lack := w.notCarried(a.NotCarried)
	a.NotCarried = nil
	if len(w.problems) > 0 || lack != "" {
		refusal := f.refuse(strings.Join(w.problems, "; "), w.encodable && lack == "")
		refusal.Lack = lack
		return driver.Attributes{}, nil, refusal
	}
	return a, w.changes, nil
}

// work fits the attributes of one object.
type work struct {
	Fitter
	changes   []string
	problems  []string
	encodable bool // encoding had solved all problems
}

// leaveOut says whether something is left out, and notes that, or what is wrong with it.
func (w *work) leaveOut(what, why string, encodable bool) bool {
	if w.policy == job.UnmappableDrop {
		w.changes = append(w.changes, what+" left out: "+why)
		return true
	}
	w.encodable = encodable && (w.encodable || len(w.problems) == 0)
	w.problems = append(w.problems, what+": "+why)
	return false
}

// notCarried notes what else the source keeps of the object, or returns it where the user
// did not say that it may be missing.
func (w *work) notCarried(attributes []string) (lack string) {
	if w.policy != job.UnmappableDrop {
		return strings.Join(attributes, ", ")
	}
	for _, attribute := range attributes {
		w.changes = append(w.changes, attribute+" left out: dth does not copy it")
	}
	return ""
}

// headers leaves out the content headers that the store drops.
func (w *work) headers(a *driver.Attributes) {
	for _, header := range []struct {
		name  string
		value *string
	}{
		{"content-type", &a.ContentType}, {"content-encoding", &a.ContentEncoding}, {"content-language", &a.ContentLanguage},
		{"content-disposition", &a.ContentDisposition}, {"cache-control", &a.CacheControl}, {"expires", &a.Expires},
	} {
		if *header.value == "" || !w.destination.MetadataRules.Loses(header.name) {
			continue
		}
		if w.leaveOut(fmt.Sprintf("header %s %q", header.name, *header.value), "the store does not keep it", false) {
			*header.value = ""
		}
	}
}

// metadata returns the pairs that the store holds, ascending by name.
func (w *work) metadata(pairs []driver.Metadata) []driver.Metadata {
	rules, limit := w.destination.MetadataRules, w.destination.Limits.MaxMetadata
	var held []driver.Metadata
	total := 0
	for _, pair := range pairs {
		if w.policy == job.UnmappableEncode {
			pair = w.encode(pair)
		}
		if problem := rules.Violation(pair); problem != "" {
			w.leaveOut(fmt.Sprintf("metadata %q", pair.Name), problem, rules.Violation(encoded(rules, pair)) == "")
			continue
		}
		size := len(pair.Name) + len(pair.Value)
		if w.policy == job.UnmappableDrop && limit > 0 && total+size > limit {
			w.leaveOut(fmt.Sprintf("metadata %q", pair.Name), fmt.Sprintf("with it there are %d bytes of metadata, the store takes %d", total+size, limit), false)
			continue
		}
		total += size
		held = append(held, pair)
	}
	if limit > 0 && total > limit {
		w.leaveOut("metadata", fmt.Sprintf("it has %d bytes, the store takes %d", total, limit), false)
	}
	slices.SortFunc(held, func(a, b driver.Metadata) int { return strings.Compare(a.Name, b.Name) })
	return held
}

// encode returns the pair in a form that the store takes, and notes what is not as it was.
func (w *work) encode(pair driver.Metadata) driver.Metadata {
	written := driver.Metadata{Name: w.names.encode(pair.Name), Value: w.values.encode(pair.Value)}
	if written.Name != pair.Name {
		w.changes = append(w.changes, fmt.Sprintf("metadata %q written as %q", pair.Name, written.Name))
	}
	if written.Value != pair.Value {
		w.changes = append(w.changes, fmt.Sprintf("value of metadata %q percent-encoded", pair.Name))
	}
	return written
}

func encoded(rules driver.MetadataRules, pair driver.Metadata) driver.Metadata {
	return driver.Metadata{Name: nameCoding(rules).encode(pair.Name), Value: valueCoding(rules).encode(pair.Value)}
}

// tags returns the tags that the store holds.
func (w *work) tags(tags []driver.Tag) []driver.Tag {
	limit := w.destination.Limits.MaxTags
	switch {
	case len(tags) == 0:
		return nil
	case !w.destination.Has(driver.CapabilityTagger):
		w.leaveOut(tagNames(tags), "the store keeps no tags", false)
		return nil
	case limit > 0 && len(tags) > limit:
		w.leaveOut(tagNames(tags[limit:]), fmt.Sprintf("the object has %d tags, the store takes %d", len(tags), limit), false)
		return tags[:limit]
	}
	return tags
}

func tagNames(tags []driver.Tag) string {
	var names []string
	for _, tag := range tags {
		names = append(names, fmt.Sprintf("%q", tag.Key))
	}
	return "tags " + strings.Join(names, ", ")
}

// class returns the class to write; empty for the bucket's default.
func (w *work) class(ofSource string) string {
	class, problem := w.chooseClass(ofSource)
	if problem != "" {
		w.leaveOut(fmt.Sprintf("storage class %q", ofSource), problem, false)
	}
	return class
}

// Class returns the class that an object of this class at the source is written with;
// empty for the bucket's default.
func (f Fitter) Class(ofSource string) string {
	class, _ := f.chooseClass(ofSource)
	return class
}

// CheckClass returns the *Error of an object whose class the settings want to be kept
// and the destination does not have, where such an object is not copied.
func (f Fitter) CheckClass(ofSource string) error {
	if f.policy == job.UnmappableDrop {
		return nil
	}
	if _, problem := f.chooseClass(ofSource); problem != "" {
		return f.refuse(fmt.Sprintf("storage class %q: %s", ofSource, problem), false)
	}
	return nil
}

func (f Fitter) chooseClass(ofSource string) (class, problem string) {
	if f.class != job.ClassOfSource {
		return f.class, ""
	}
	return f.sameTier(ofSource)
}

// sameTier returns the destination's class of the tier that a class of the source has,
// preferring one of the same name. It is empty, for the bucket's default, where the
// source names no class, and for hot objects where the destination has one class only.
func (f Fitter) sameTier(class string) (same, problem string) {
	if class == "" {
		return "", ""
	}
	from, known := f.source.Class(class)
	if twin, held := f.destination.Class(class); known && held && twin.Tier == from.Tier {
		return class, ""
	}
	if from.Tier == 0 {
		return "", "its tier is not known"
	}
	for _, candidate := range f.destination.StorageClasses {
		if candidate.Tier == from.Tier {
			return candidate.Name, ""
		}
	}
	if len(f.destination.StorageClasses) == 0 && from.Tier == driver.TierHot {
		return "", ""
	}
	return "", fmt.Sprintf("the store has no class of its tier (%s)", from.Tier)
}

func nameCoding(rules driver.MetadataRules) coding {
	return coding{
		refused: func(name string) bool { return rules.NameViolation(name) != "" },
		escape: func(name string) string {
			return dashed(name, func(i int) bool { return !rules.TakesInName(name[i]) })
		},
		unescape: undashed,
	}
}

func valueCoding(rules driver.MetadataRules) coding {
	return coding{
		refused: func(value string) bool { return rules.ValueViolation(value) != "" },
		escape: func(value string) string {
			valid := utf8.ValidString(value)
			return percent(value, func(i int) bool {
				c := value[i]
				edge := c == ' ' && (i == 0 || i == len(value)-1)
				return c < 0x20 || c == 0x7f || edge || c >= 0x80 && (rules.VisibleASCII || !valid)
			})
		},
		unescape: unpercent,
	}
}
