package control

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// RenewBefore is how long before their end keys are resolved again. A source with
	// a cache of its own must not return keys that end sooner.
	RenewBefore = 5 * time.Minute
	// renewPause keeps a failing or unchanged source from being asked at every
	// signature.
	renewPause = 10 * time.Second
	// rereadFile is how often a credentials file is looked at again: rotated
	// files need not say when they expire.
	rereadFile = time.Minute
	// rereadSecret is how long a secret is kept before it is fetched again.
	rereadSecret = 15 * time.Minute
	// refusalPause is how long a refusal is believed after the source gave nothing better:
	// a run may be refused many single objects.
	refusalPause = time.Minute
	// resolveDeadline bounds one resolution; the metadata service of a machine
	// that has none never answers.
	resolveDeadline = 75 * time.Second
)

// Reason says why a [Source] is asked.
type Reason int

// The reasons.
const (
	ReasonOpen    Reason = iota // for the first time: keys from a cache of its own will do
	ReasonRenew                 // keys that end, or may be old: a cache of its own will not do
	ReasonRefused               // the store does not know the keys that the source returned last
)

// Source resolves keys anew. Zero keys stand for anonymous access. A keyring asks its
// source for one answer at a time. An error that is no *driver.Error is KindDenied.
type Source func(ctx context.Context, reason Reason) (credentials.Keys, error)

// NeutralSource returns the source behind a reference that means the same for every
// vendor and needs no SDK: env, file, exec and anonymous.
func NeutralSource(reference credentials.Reference) Source {
	return func(ctx context.Context, _ Reason) (credentials.Keys, error) {
		return credentials.Resolve(ctx, reference)
	}
}

// Chain opens the vendor's own source: the named profile of its files, or its default
// chain (environment, files, metadata service) where the name is empty.
type Chain func(ctx context.Context, profile string) (Source, error)

// Vault opens the source behind "secret:NAME". It is kept out of this package because
// it needs an SDK; its source reads what the secret holds with
// [credentials.ParseDocument].
type Vault func(ctx context.Context, name string) (Source, error)

// Keyring holds the keys of one bucket handle and resolves them again before they
// expire, a file's every minute, a secret's every 15 minutes and both when the store
// refuses them. It is safe for concurrent use.
type Keyring struct {
	resolve Source
	reread  time.Duration // resolve again after this long, and when refused; 0 for only when they expire
	now     func() time.Time

	mu   sync.Mutex // held while resolving
	held atomic.Pointer[heldKeys]
}

type heldKeys struct {
	credentials.Keys
	resolved time.Time
	renew    time.Time // zero for never
	reason   Reason    // to resolve them again for
	refused  bool      // the store refused them since
	replaced bool      // they came in the place of keys that the store refused
	believed time.Time // until then a refusal changes nothing
}

func (h *heldKeys) good(now time.Time) bool { return h.renew.IsZero() || now.Before(h.renew) }

// NewKeyring returns a keyring over one source, which it does not ask yet.
func NewKeyring(source Source) *Keyring { return &Keyring{resolve: source, now: time.Now} }

// OpenKeyring returns the keyring behind a location's credentials reference and
// resolves the keys once. A reference that cannot be read, or a secret where vault is
// nil, is KindInvalidArgument, one that leads to no keys KindDenied.
func OpenKeyring(ctx context.Context, reference string, chain Chain, vault Vault) (*Keyring, error) {
	parsed, err := credentials.Parse(reference)
	if err != nil {
		return nil, &driver.Error{Op: "Open", Kind: driver.KindInvalidArgument, Message: err.Error(), Err: err}
	}
	ring := NewKeyring(NeutralSource(parsed))
	switch parsed.Kind {
	case credentials.Default, credentials.Profile:
		if ring.resolve, err = chain(ctx, parsed.Value); err != nil {
			return nil, &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: err.Error(), Err: err}
		}
	case credentials.Secret:
		if vault == nil {
			return nil, Invalid(`this plugin reads no "secret:": give credentials such as env:PREFIX, file:PATH or exec:COMMAND`)
		}
		if ring.resolve, err = vault(ctx, parsed.Value); err != nil {
			return nil, &driver.Error{Op: "Open", Kind: driver.KindInvalidArgument, Message: err.Error(), Err: err}
		}
		ring.reread = rereadSecret
	case credentials.File:
		ring.reread = rereadFile
	}
	if _, err := ring.Keys(ctx); err != nil {
		return nil, err
	}
	return ring, nil
}

var errExpiredKeys = errors.New("the credentials have expired and could not be renewed")

// Keys returns keys that are still good; they are zero for anonymous access. Keys are
// comparable: what was derived from them is good as long as they are equal. Where
// renewing fails while the old ones are good, those are returned. An error is a
// *driver.Error, of KindDenied unless the source says otherwise.
func (k *Keyring) Keys(ctx context.Context) (credentials.Keys, error) {
	if held := k.held.Load(); held != nil && held.good(k.now()) {
		return held.Keys, nil
	}
	keys, err := k.renew(ctx)
	var failure *driver.Error
	switch {
	case errors.As(err, &failure):
		return credentials.Keys{}, failure
	case err != nil:
		return credentials.Keys{}, &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: err.Error(), Err: err}
	}
	return keys, nil
}

func (k *Keyring) renew(ctx context.Context) (credentials.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, now := k.held.Load(), k.now()
	if old != nil && old.good(now) {
		return old.Keys, nil // somebody else was faster
	}
	reason := ReasonOpen
	if old != nil {
		reason = old.reason
	}
	ctx, cancel := context.WithTimeout(ctx, resolveDeadline)
	defer cancel()
	found, err := k.resolve(ctx, reason)
	if err == nil && !found.Expires.IsZero() && !found.Expires.After(now) {
		err = errExpiredKeys
	}
	if err != nil {
		if old == nil || old.Expires.IsZero() && k.reread == 0 || !old.Expires.IsZero() && !now.Before(old.Expires) {
			return credentials.Keys{}, err
		}
		found = old.Keys
	}
	next := &heldKeys{Keys: found, resolved: now, renew: k.renewal(found, now), reason: ReasonRenew}
	if old != nil && old.refused {
		next.settle(old, now)
	}
	k.held.Store(next)
	return found, nil
}

// settle says what to make of a refusal of keys that were resolved because of one. The
// old ones may still be under way in other requests, which are refused in their turn.
func (h *heldKeys) settle(old *heldKeys, now time.Time) {
	h.replaced = h.Keys != old.Keys
	switch {
	case !h.replaced:
		h.believed = now.Add(refusalPause)
	case now.Sub(old.resolved) >= renewPause:
		h.believed = now.Add(renewPause)
	}
}

// renewal says when the keys are to be resolved again.
func (k *Keyring) renewal(found credentials.Keys, now time.Time) time.Time {
	if found.Expires.IsZero() {
		if k.reread == 0 {
			return time.Time{}
		}
		return now.Add(k.reread)
	}
	left := found.Expires.Sub(now)
	wait := max(left-min(RenewBefore, left/4), min(renewPause, left))
	if k.reread > 0 {
		wait = min(wait, k.reread)
	}
	return now.Add(wait)
}

// Held returns the keys held now, whether still good or not, and asks nobody. They are
// zero before the first resolution. Session.Expires is theirs.
func (k *Keyring) Held() credentials.Keys {
	if held := k.held.Load(); held != nil {
		return held.Keys
	}
	return credentials.Keys{}
}

// Distrust makes the next call of Keys resolve again: the store said that the keys
// have expired. [Reporter.Fail] calls it.
func (k *Keyring) Distrust() {
	k.mu.Lock()
	defer k.mu.Unlock()
	held, now := k.held.Load(), k.now()
	if held == nil || held.AccessKeyID == "" || now.Sub(held.resolved) < renewPause || !held.good(now) {
		return
	}
	next := *held
	next.renew = now
	k.held.Store(&next)
}

// Refuse makes the next call of Keys resolve again because the store refused a request,
// where the keys may have been rotated: those of a file or a secret. unknown says that
// the store does not know these keys, rather than that they lack a right. It says whether
// the same request may succeed when it is signed again. [Reporter.Fail] calls it.
func (k *Keyring) Refuse(unknown bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	held, now := k.held.Load(), k.now()
	switch {
	case held == nil || held.AccessKeyID == "" || k.reread == 0:
		return false
	case now.Before(held.believed):
		return held.replaced
	}
	next := *held
	next.renew, next.refused = now, true
	if unknown {
		next.reason = ReasonRefused
	}
	k.held.Store(&next)
	return true
}

// Life shortens the life of a signature to the end of the keys that it is made with,
// but never below a second.
func Life(keys credentials.Keys, life time.Duration) time.Duration {
	if keys.Expires.IsZero() {
		return life
	}
	return max(min(life, time.Until(keys.Expires)), time.Second)
}
