package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// keeping remembers which attributes the destination keeps. Answers to writes say nothing
// of them, so after the first object of a run that has an attribute was written, the
// destination is asked for that object: once a group of attributes, whatever the number of
// objects. That is one look a content header, one for tags, one a storage class and at most
// mostShapes for metadata. Of looks that tell nothing there are less than mostBlind before
// each of them, and one each blindPause.
// The zero value is ready for use by many goroutines.
type keeping struct {
	looking sync.Mutex // held while the destination is asked

	mu     sync.Mutex
	looked map[subject]bool   // by group
	lost   map[subject]string // by attribute or group: why it is not kept
	shapes int                // of metadata that were looked at
	blind  int                // looks in a row that told nothing
	again  time.Time          // when another look is worth it, once there were too many of them
	warned bool               // of what cannot be seen
}

// Bounds of the looks of one run.
const (
	mostShapes = 64 // of metadata; pairs of further ones are taken to be kept, which is told
	mostBlind  = 3  // looks in a row that tell nothing; the destination is left alone then
	blindPause = 10 * time.Minute
)

// Kinds of attributes beside the content headers.
const (
	kindMetadata = "metadata"
	kindTags     = "tags"
	kindClass    = "storage class"
)

// subject is what something is known of: an attribute, or a group of them of which one
// look decides. A content header, the tags and a storage class are groups of their own.
// Metadata pairs are grouped by shape: stores, and proxies before them, that keep one name
// drop others for the characters that they have.
type subject struct {
	kind  string
	name  string // of a metadata pair, in lower case; of a storage class
	shape shape  // of a group of metadata pairs
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
// keeps them: for most objects there is nothing else to be done.
func (k *keeping) keepsAll(a *driver.Attributes) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, value := range contentOf(a) {
		if *value != "" && !k.keeps(subject{kind: contentHeaders[i].name}) {
			return false
		}
	}
	for i := range a.Metadata {
		if !k.keepsPair(&a.Metadata[i]) {
			return false
		}
	}
	return (len(a.Tags) == 0 || k.keeps(subject{kind: kindTags})) &&
		(a.StorageClass == "" || k.keeps(subject{kind: kindClass, name: a.StorageClass}))
}

// keeps says that a group need not be looked at, and is not known to be lost. It needs mu.
func (k *keeping) keeps(group subject) bool {
	return k.settled(group) && (len(k.lost) == 0 || k.lost[group] == "")
}

func (k *keeping) keepsPair(pair *driver.Metadata) bool {
	if !k.keeps(subject{kind: kindMetadata, shape: shapeOf(pair)}) {
		return false
	}
	return len(k.lost) == 0 || k.lost[subject{kind: kindMetadata, name: strings.ToLower(pair.Name)}] == ""
}

// settled says that a group was looked at, or will not be now. It needs mu.
func (k *keeping) settled(group subject) bool {
	return k.looked[group] || k.blind >= mostBlind && time.Now().Before(k.again) || group.kind == kindMetadata && k.shapes >= mostShapes
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
// of the run had before. A destination that shows another object than was just written
// holds nobody up: the bytes are proved, and what is not seen is told, once a run.
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
	object, err := c.heldNow(ctx, t, written, etag)
	var stale *staleError
	switch {
	case IsHidden(err):
		c.warnUnseen(t.Key, err)
	case err != nil && (ctx.Err() != nil || driver.KindOf(err) == driver.KindExpired):
		return err
	case errors.As(err, &stale):
		c.warnUnseen(t.Key, err)
		c.keeping.toldNothing()
		return nil
	case err != nil:
		if c.keeping.toldNothing() {
			c.warnUnseen(t.Key, err)
		}
		return err
	case c.hidesAttributes(written, object):
		return nil // it says nothing of what was written
	}
	object.StorageClass = c.classOf(object.Object, written.StorageClass)
	if c.keeping.learn(unknown, object, err == nil) {
		c.warn("the metadata has names and values of very many shapes: it is not looked at any more whether the destination keeps those of further ones", "key", t.Key)
	}
	return nil
}

// classOf returns the storage class of an object that was to have this one, as a look shows
// it: stores leave the default class out.
func (c *Copier) classOf(object driver.Object, asked string) string {
	if class, _ := c.Destination.Session.Class(asked); object.StorageClass == "" && class.Tier == driver.TierHot {
		return asked
	}
	return object.StorageClass
}

// warnUnseen tells, once a run, that attributes may be lost unseen.
func (c *Copier) warnUnseen(key string, err error) {
	c.keeping.mu.Lock()
	warned := c.keeping.warned
	c.keeping.warned = true
	c.keeping.mu.Unlock()
	if warned {
		return
	}
	c.warn("cannot see which attributes the destination keeps: check that this object, and others of the run, have their headers, metadata and tags there, "+
		"and that no cache answers for the destination", "key", key, "error", err)
}

// toldNothing notes a look that told nothing of what was written, and says whether it was
// the last for a while: a destination that answers none is not asked for each object.
func (k *keeping) toldNothing() (last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blind++
	k.again = time.Now().Add(blindPause)
	return k.blind >= mostBlind
}

// staleError says that the destination shows another object than was just written.
type staleError struct{ cause *driver.Error }

func (e *staleError) Error() string { return e.cause.Error() }
func (e *staleError) Unwrap() error { return e.cause }

// heldNow is held once the destination shows the object that was just written under this
// ETag: stores that are consistent eventually may show an older one, or none, for a while.
// It fails with *staleError where the older one stays.
func (c *Copier) heldNow(ctx context.Context, t task.Task, written driver.Attributes, etag string) (object heldObject, err error) {
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) error {
		object, err = c.held(ctx, t, written)
		problem := ""
		switch {
		case IsAbsent(err) && !c.Destination.Session.Limits.StronglyConsistent:
			problem = "it does not show the object that was just written"
		case err != nil:
			return err
		case !sameETag(object.ETag, etag):
			problem = fmt.Sprintf("it shows the ETag %s, and %s was just written", object.ETag, etag)
		case object.Size != t.Size:
			problem = fmt.Sprintf("it shows %d bytes, and %d were just written", object.Size, t.Size)
		default:
			return nil
		}
		return c.Destination.failed(0, &staleError{cause: &driver.Error{
			Op: "Stat", Bucket: c.Destination.Name, Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindUnavailable, Message: problem,
		}})
	})
	return object, err
}

// held returns what the destination says of an object, its tags where it was written with
// some. Those that may not be seen are taken to be kept.
func (c *Copier) held(ctx context.Context, t task.Task, written driver.Attributes) (object heldObject, err error) {
	key := c.written(t.Key)
	if object.Object, err = c.Destination.Stat(ctx, key); err != nil || len(written.Tags) == 0 {
		return object, err
	}
	object.tags, err = c.Destination.tags(ctx, task.Task{Key: key})
	if IsHidden(err) {
		c.warnUnseen(t.Key, err)
		object.tags, err = written.Tags, nil
	}
	return object, err
}

// IsHidden says whether something may not be seen.
func IsHidden(err error) bool {
	kind := driver.KindOf(err)
	return kind == driver.KindDenied || kind == driver.KindUnsupported
}

// hidesAttributes says whether the object is one that must be restored before the store
// shows what it has.
func (c *Copier) hidesAttributes(written driver.Attributes, object heldObject) bool {
	class, _ := c.Destination.Session.Class(written.StorageClass)
	return class.Tier.MustRestore() && len(attributesOf(object.Attributes)) == 0
}

// unknown returns the attributes of which no object was looked at yet, and is to be.
func (k *keeping) unknown(written driver.Attributes) []attribute {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(attributesOf(written), func(a attribute) bool { return k.settled(a.group) })
}

// learn remembers what became of attributes; shown says that the destination could be
// asked. It says whether no further shapes of metadata are looked at from now on.
func (k *keeping) learn(written []attribute, object heldObject, shown bool) (full bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.looked == nil {
		k.looked, k.lost = map[subject]bool{}, map[subject]string{}
	}
	k.blind = 0
	before := k.shapes
	pairs, missing := map[subject]int{}, map[subject]int{}
	for _, a := range written {
		if a.group.kind == kindMetadata && !k.looked[a.group] {
			k.shapes++
		}
		k.looked[a.group] = true
		if !shown {
			continue
		}
		pairs[a.group]++
		switch value, has := a.kept(object); {
		case !has:
			k.lost[a.name] = "the store dropped it"
			missing[a.group]++
		case !a.same(a.value, value):
			k.lost[a.name] = fmt.Sprintf("the store made %q of it", value)
		}
	}
	for group, count := range missing {
		if count == pairs[group] {
			k.lost[group] = "the store dropped it"
		}
	}
	return before < mostShapes && k.shapes >= mostShapes
}
