package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// keeping remembers which attributes the destination keeps. Answers to writes say nothing
// of them, so after the first object of a run that has an attribute was written, the
// destination is asked for that object: once an attribute, whatever the number of objects.
// The zero value is ready for use by many goroutines.
type keeping struct {
	looking sync.Mutex // held while the destination is asked

	mu     sync.Mutex
	looked map[string]bool   // by group
	lost   map[string]string // by name or group: why it is not kept
}

// Groups of attributes: one look decides about all metadata pairs, and one about all tags.
const (
	allMetadata = "metadata"
	allTags     = "tags"
)

func classGroup(class string) string { return "storage class " + class }

// attribute is one thing that an object is written with beside its bytes.
type attribute struct {
	name, group string
	what        string // for people
	value       string
	same        func(written, kept string) bool
	kept        func(heldObject) string // its value at the destination; empty where it has none
	drop        func(*driver.Attributes)
}

// heldObject is what the destination says of an object.
type heldObject struct {
	driver.Object
	tags []driver.Tag
}

// withoutLost leaves out the attributes that the destination was found not to keep.
func (c *Copier) withoutLost(a driver.Attributes) (driver.Attributes, []string, error) {
	if c.keeping.keepsAll(&a) {
		return a, nil, nil
	}
	return c.dropLost(a)
}

func (c *Copier) dropLost(a driver.Attributes) (driver.Attributes, []string, error) {
	a.Metadata = slices.Clone(a.Metadata)
	var drops []fit.Drop
	for _, each := range attributesOf(a) {
		if why := c.keeping.why(each); why != "" {
			drops = append(drops, fit.Drop{What: each.what, Why: why})
			each.drop(&a)
		}
	}
	changes, err := c.Fit.Dropped(drops)
	return a, changes, err
}

// keepsAll says that the destination was looked at for each of the attributes, and that it
// keeps everything: for most objects there is nothing else to be done.
func (k *keeping) keepsAll(a *driver.Attributes) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.lost) > 0 {
		return false
	}
	for i, value := range contentOf(a) {
		if *value != "" && !k.looked[contentHeaders[i].name] {
			return false
		}
	}
	return (len(a.Metadata) == 0 || k.looked[allMetadata]) && (len(a.Tags) == 0 || k.looked[allTags]) &&
		(a.StorageClass == "" || k.looked[classGroup(a.StorageClass)])
}

func (k *keeping) why(a attribute) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if why := k.lost[a.name]; why != "" {
		return why
	}
	return k.lost[a.group]
}

// kept adds to the receipt of an object that was just written with these attributes what
// the destination did not keep of them, or fails as the user wants for what does not fit.
func (c *Copier) kept(ctx context.Context, t task.Task, written driver.Attributes, got receipt) (receipt, error) {
	if c.keeping.keepsAll(&written) {
		return got, nil
	}
	if err := c.lookAtKept(ctx, t, written, got.destinationETag); err != nil {
		return got, err
	}
	var drops []fit.Drop
	for _, each := range attributesOf(written) {
		if why := c.keeping.why(each); why != "" {
			drops = append(drops, fit.Drop{What: each.what, Why: why})
		}
	}
	changes, err := c.Fit.Dropped(drops)
	if err != nil {
		return got, c.unfit(t.Key, err)
	}
	got.changes = append(slices.Clip(got.changes), changes...)
	return got, nil
}

// lookAtKept asks the destination for the object where it has an attribute that no object
// of the run had before.
func (c *Copier) lookAtKept(ctx context.Context, t task.Task, written driver.Attributes, etag string) error {
	if len(c.keeping.unknown(written)) == 0 {
		return nil
	}
	c.keeping.looking.Lock()
	defer c.keeping.looking.Unlock()
	unknown := c.keeping.unknown(written)
	if len(unknown) == 0 {
		return nil
	}
	object, err := c.held(ctx, t, written)
	switch {
	case isHidden(err):
		c.warn("cannot see which attributes the destination keeps", "key", t.Key, "error", err)
	case err != nil:
		return err
	case !sameETag(object.ETag, etag) || c.hidesAttributes(written, object):
		return nil // it says nothing of what was written
	}
	if class, _ := c.Destination.Session.Class(written.StorageClass); object.StorageClass == "" && class.Tier == driver.TierHot {
		object.StorageClass = written.StorageClass // stores leave the default class out
	}
	c.keeping.learn(unknown, object, err == nil)
	return nil
}

// held returns what the destination says of an object, its tags where it was written with
// some. Those that may not be seen are taken to be kept.
func (c *Copier) held(ctx context.Context, t task.Task, written driver.Attributes) (object heldObject, err error) {
	key := c.written(t.Key)
	if object.Object, err = c.Destination.Stat(ctx, key); err != nil || len(written.Tags) == 0 {
		return object, err
	}
	object.tags, err = c.Destination.tags(ctx, task.Task{Key: key})
	if isHidden(err) {
		c.warn("cannot see whether the destination keeps tags", "key", t.Key, "error", err)
		object.tags, err = written.Tags, nil
	}
	return object, err
}

// isHidden says whether something may not be seen.
func isHidden(err error) bool {
	kind := driver.KindOf(err)
	return kind == driver.KindDenied || kind == driver.KindUnsupported
}

// hidesAttributes says whether the object is one that must be restored before the store
// shows what it has.
func (c *Copier) hidesAttributes(written driver.Attributes, object heldObject) bool {
	class, _ := c.Destination.Session.Class(written.StorageClass)
	return class.Tier.MustRestore() && len(attributesOf(object.Attributes)) == 0
}

// unknown returns the attributes of which no object was looked at yet.
func (k *keeping) unknown(written driver.Attributes) []attribute {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(attributesOf(written), func(a attribute) bool { return k.looked[a.group] })
}

// learn remembers what became of attributes; shown says that the destination could be
// asked.
func (k *keeping) learn(written []attribute, object heldObject, shown bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.looked == nil {
		k.looked, k.lost = map[string]bool{}, map[string]string{}
	}
	pairs, missing := 0, 0
	for _, a := range written {
		k.looked[a.group] = true
		if !shown {
			continue
		}
		if a.group == allMetadata {
			pairs++
		}
		switch value := a.kept(object); {
		case value == "" && a.value != "":
			k.lost[a.name] = "the store dropped it"
			if a.group == allMetadata {
				missing++
			}
		case !a.same(a.value, value):
			k.lost[a.name] = fmt.Sprintf("the store made %q of it", value)
		}
	}
	if pairs > 0 && missing == pairs {
		k.lost[allMetadata] = "the store dropped it"
	}
}

// attributesOf takes attributes apart.
func attributesOf(a driver.Attributes) []attribute {
	all := headersOf(a)
	for _, pair := range a.Metadata {
		all = append(all, attribute{
			name: "metadata " + strings.ToLower(pair.Name), group: allMetadata, value: pair.Value, same: sameText,
			what: fmt.Sprintf("metadata %q", pair.Name),
			kept: func(object heldObject) string { return valueOf(object.Attributes.Metadata, pair.Name) },
			drop: func(a *driver.Attributes) {
				a.Metadata = slices.DeleteFunc(a.Metadata, func(m driver.Metadata) bool { return m.Name == pair.Name })
			},
		})
	}
	if len(a.Tags) > 0 {
		all = append(all, attribute{
			name: allTags, group: allTags, what: "tags", value: textOf(a.Tags), same: sameText,
			kept: func(object heldObject) string { return textOf(object.tags) },
			drop: func(a *driver.Attributes) { a.Tags = nil },
		})
	}
	if class := a.StorageClass; class != "" {
		all = append(all, attribute{
			name: classGroup(class), group: classGroup(class), what: fmt.Sprintf("storage class %q", class), value: class, same: strings.EqualFold,
			kept: func(object heldObject) string { return object.StorageClass },
			drop: func(a *driver.Attributes) { a.StorageClass = "" },
		})
	}
	return all
}

// contentHeaders are the headers among the attributes, in the order of contentOf.
var contentHeaders = []struct {
	name string
	same func(written, kept string) bool
}{
	{"content-type", sameParameters},
	{"content-encoding", sameList},
	{"content-language", sameList},
	{"content-disposition", sameParameters},
	{"cache-control", sameList},
	{"expires", sameDate},
}

// contentOf returns the values of contentHeaders.
func contentOf(a *driver.Attributes) [6]*string {
	return [...]*string{&a.ContentType, &a.ContentEncoding, &a.ContentLanguage, &a.ContentDisposition, &a.CacheControl, &a.Expires}
}

// headersOf returns the content headers.
func headersOf(a driver.Attributes) []attribute {
	var all []attribute
	for i, header := range contentHeaders {
		value := *contentOf(&a)[i]
		if value == "" {
			continue
		}
		all = append(all, attribute{
			name: header.name, group: header.name, value: value, same: header.same,
			what: fmt.Sprintf("header %s %q", header.name, value),
			kept: func(object heldObject) string { return *contentOf(&object.Attributes)[i] },
			drop: func(a *driver.Attributes) { *contentOf(a)[i] = "" },
		})
	}
	return all
}
