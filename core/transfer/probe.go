package transfer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// probeName is what the keys of dth's own objects have, before a random text.
const probeName = ".dth-probe-"

// How long the removal of a probe may take, and how long after an interruption.
const (
	removalPatience = time.Minute
	removalGrace    = 2 * time.Second
)

// probes finds out whether a store whose key rules are not known keeps unusual keys apart
// from those that they may be taken for, before an object of the user's is written: with
// two small objects of dth's own, once a kind of key. The zero value is ready for use by
// many goroutines.
type probes struct {
	turn sync.Mutex // held while the store is tried

	mu    sync.Mutex
	token string            // random, in every key that this process tries
	known map[string]string // by the name of the kind: what the store does with it; "" where it keeps such keys
	stuck error             // why an object could not be removed: no more are written
}

// IsProbe says whether a key is one that this process writes to find out what the store
// does with keys, and removes again.
func (c *Copier) IsProbe(key string) bool {
	if !strings.Contains(key, probeName) { // as almost all keys
		return false
	}
	c.probes.mu.Lock()
	defer c.probes.mu.Unlock()
	return c.probes.token != "" && strings.Contains(key, probeName+c.probes.token)
}

// CheckKey refuses the relative key of an object, of so many bytes, that the destination
// cannot hold in any form that the user allows. Where the store's rules are not known it
// is tried once a kind of key whether the store keeps such keys, without touching any
// object but dth's own.
func (c *Copier) CheckKey(ctx context.Context, key string, size int64) error {
	written, err := c.Fit.Key(key)
	if err != nil {
		return c.unfit(key, err)
	}
	if !c.Destination.Session.KeyRules.LookUp {
		return nil
	}
	absolute := c.Destination.Prefix + written
	for _, kind := range unusualnesses(absolute, size) {
		problem, err := c.keeps(ctx, kind.name, unusual(absolute), func() *probe { return c.newProbe(kind) })
		if err != nil {
			return err
		}
		if problem != "" {
			return c.unfit(key, c.Fit.Unkept(fmt.Sprintf("it has %s, and %s", kind.name, problem)))
		}
	}
	return nil
}

// keeps returns what the store does with keys of a kind, "" where it keeps them. What cannot
// be found out any more is a problem where many stores are known to fold such keys.
func (c *Copier) keeps(ctx context.Context, kind string, often bool, trial func() *probe) (problem string, err error) {
	if problem, known := c.probes.of(kind); known {
		return problem, nil
	}
	c.probes.turn.Lock()
	defer c.probes.turn.Unlock()
	if problem, known := c.probes.of(kind); known {
		return problem, nil
	}
	if c.probes.stuck != nil && !often {
		return "", nil
	}
	if c.probes.stuck != nil {
		return "whether the store keeps such keys is not found out, because the object of dth's own that this takes could not be removed: allow deletions of keys that contain " + probeName, nil
	}
	p := trial()
	problem, err = p.run(ctx)
	if stuck := p.remove(ctx); stuck != nil {
		c.probes.stuck = stuck
		c.warn("objects that dth wrote to see how the destination treats keys could not be removed: remove them", "bucket", c.Destination.Name, "keys", p.keys(), "error", stuck)
	}
	if err == nil {
		c.probes.mu.Lock()
		defer c.probes.mu.Unlock()
		c.probes.known[kind] = problem
	}
	return problem, err
}

func (p *probes) of(kind string) (problem string, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin()
	problem, known = p.known[kind]
	return problem, known
}

// begin makes what the first look needs. The caller holds mu.
func (p *probes) begin() {
	if p.token == "" {
		random := make([]byte, 16)
		_, _ = rand.Read(random) // never fails
		p.token, p.known = hex.EncodeToString(random), map[string]string{}
	}
}

// refute notes of an absolute key that the store took it for another one, whatever a trial
// found of its kinds: no more of them are written.
func (p *probes) refute(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin()
	for _, size := range []int64{0, 1} { // the kinds of objects without content are others
		for _, kind := range unusualnesses(key, size) {
			p.known[kind.name] = "the store took another such key for one that it is not"
		}
	}
}

// probe is one kind of key on trial: an object under such a key, and another one under the
// key that it may be taken for.
type probe struct {
	copier     *Copier
	odd, plain string // absolute keys
	bytes      map[string][]byte
	tree       []string // instead: the pairs of an object and one below it, in the order of their PUTs
	listings   int
}

func (c *Copier) newProbe(kind unusualness) *probe {
	p := &probe{copier: c, odd: kind.odd(c.Destination.Prefix + probeName + c.probes.token)}
	p.plain = kind.fold(p.odd)
	p.bytes = map[string][]byte{p.plain: []byte("dth probe of the plain key\n"), p.odd: []byte("dth probe\n")}
	if kind.empty {
		p.bytes[p.odd] = nil
	}
	return p
}

// run writes both objects, the unusual one first, and sees what became of them.
func (p *probe) run(ctx context.Context) (problem string, err error) {
	if p.tree != nil {
		return p.runTree(ctx)
	}
	oddRefused := p.put(ctx, p.odd)
	if driver.KindOf(oddRefused).Retriable() {
		return "", oddRefused
	}
	plainRefused := p.put(ctx, p.plain)
	var failure *driver.Error
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case driver.KindOf(plainRefused).Retriable():
		return "", plainRefused
	case oddRefused != nil && (plainRefused != nil || !errors.As(oddRefused, &failure)):
		return "", oddRefused
	case oddRefused != nil:
		return "the store refuses such keys: " + failure.Error(), nil //nolint:nilerr // the refusal is what was to be found out
	}
	err = p.copier.Destination.attempt(ctx, func(ctx context.Context) (err error) {
		problem, err = p.compare(ctx, plainRefused == nil)
		return err
	})
	return problem, err
}

// compare looks at a listing: both objects must be there, each with its own bytes.
func (p *probe) compare(ctx context.Context, both bool) (problem string, err error) {
	listed, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	p.listings++
	odd, hasOdd := listed[p.odd]
	plain, hasPlain := listed[p.plain]
	oddKept := hasOdd && odd == int64(len(p.bytes[p.odd]))
	plainKept := !both || hasPlain && plain == int64(len(p.bytes[p.plain]))
	late := !p.copier.Destination.Session.Limits.StronglyConsistent && p.listings == 1
	switch {
	case oddKept && plainKept:
		return "", nil
	case !late && (hasOdd && !oddKept || hasPlain && !hasOdd):
		return "the store was found to take such a key for another one", nil
	case !late && !both && !hasOdd:
		return "the store was found not to list such a key", nil
	}
	return "", p.unseen()
}

// unseen is the failure of a listing that shows too little.
func (p *probe) unseen() error {
	return p.copier.Destination.failed(0, &driver.Error{
		Op: "List", Key: p.odd, Kind: driver.KindUnavailable, Message: "the store does not list the object of dth's own that it took to see how it treats such keys",
	})
}

// put writes one of the objects.
func (p *probe) put(ctx context.Context, key string) error {
	return p.copier.Destination.writeAt(ctx, key, p.bytes[key])
}

// list returns the sizes of the objects of this trial that a listing shows, whatever they
// are called.
func (p *probe) list(ctx context.Context) (map[string]int64, error) {
	mark := probeName + p.copier.probes.token
	listed := map[string]int64{}
	for prefix := range p.below(mark) {
		request := driver.ListRequest{Prefix: prefix}
		var pages list.Tokens
		for {
			page, err := p.copier.Destination.List(ctx, request)
			if err != nil {
				return nil, err
			}
			for _, object := range page.Objects {
				if strings.Contains(object.Key, mark) {
					listed[object.Key] = object.Size
				}
			}
			if err := pages.Follow("List", prefix, page.Next); err != nil {
				return nil, p.copier.Destination.failed(0, err)
			}
			if request.Token = page.Next; request.Token == "" {
				break
			}
		}
	}
	return listed, nil
}

// keys returns the absolute keys that the trial writes.
func (p *probe) keys() []string {
	if len(p.tree) > 0 {
		return p.tree
	}
	return []string{p.odd, p.plain}
}

// below returns both keys up to the mark.
func (p *probe) below(mark string) map[string]bool {
	prefixes := map[string]bool{}
	for _, key := range []string{p.odd, p.plain} {
		before, _, _ := strings.Cut(key, mark)
		prefixes[before+mark] = true
	}
	return prefixes
}

// remove deletes all objects, and whatever the store made of them, also after an
// interruption. An error says that the store does not let that happen.
func (p *probe) remove(ctx context.Context) error {
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalPatience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(removalGrace, cancel) })()
	ctx = lasting
	side, doomed := p.copier.Destination, map[string]bool{}
	for key := range p.bytes {
		doomed[key] = true
	}
	for range 2 {
		for key := range doomed {
			err := side.control(ctx, observe.Delete, func() error { return side.bucket.Delete(ctx, driver.DeleteRequest{Key: key}) })
			if kind := driver.KindOf(err); err != nil && kind != driver.KindNotFound && (kind.Retriable() || kind == driver.KindDenied || ctx.Err() != nil) {
				return err
			}
		}
		listed, err := p.list(ctx)
		if err != nil || len(listed) == 0 {
			return err
		}
		doomed = map[string]bool{}
		for key := range listed {
			doomed[key] = true
		}
	}
	if !side.Session.Limits.StronglyConsistent {
		return nil // the listing may be late
	}
	return side.failed(0, &driver.Error{Op: "Delete", Key: p.odd, Kind: driver.KindUnavailable, Message: "it is still listed after it was removed"})
}
