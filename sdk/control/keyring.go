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
	// resolveDeadline bounds one resolution; the metadata service of a machine
	// that has none never answers.
	resolveDeadline = 75 * time.Second
)

// Source resolves keys anew. Zero keys stand for anonymous access. fresh asks for
// other keys than those that it may hold in a cache of its own.
type Source func(ctx context.Context, fresh bool) (credentials.Keys, error)

// NeutralSource returns the source behind a reference that means the same for every
// vendor: env, file, exec and anonymous.
func NeutralSource(reference credentials.Reference) Source {
	return func(ctx context.Context, _ bool) (credentials.Keys, error) {
		return credentials.Resolve(ctx, reference)
	}
}

// Chain opens the vendor's own source: the named profile of its files, or its default
// chain (environment, files, metadata service) where the name is empty.
type Chain func(ctx context.Context, profile string) (Source, error)

// Keyring holds the keys of one bucket handle and resolves them again before they
// expire, a file's every minute. It is safe for concurrent use.
type Keyring struct {
	resolve Source
	reread  time.Duration // resolve again after this long; 0 for only when they expire
	now     func() time.Time

	mu   sync.Mutex // held while resolving
	held atomic.Pointer[heldKeys]
}

type heldKeys struct {
	credentials.Keys
	resolved time.Time
	renew    time.Time // zero for never
}

// NewKeyring returns a keyring over one source, which it does not ask yet.
func NewKeyring(source Source) *Keyring { return &Keyring{resolve: source, now: time.Now} }

// OpenKeyring returns the keyring behind a location's credentials reference and
// resolves the keys once. A reference that cannot be read is KindInvalidArgument, one
// that leads to no keys KindDenied.
func OpenKeyring(ctx context.Context, reference string, chain Chain) (*Keyring, error) {
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
// *driver.Error of KindDenied.
func (k *Keyring) Keys(ctx context.Context) (credentials.Keys, error) {
	if held := k.held.Load(); held != nil && (held.renew.IsZero() || k.now().Before(held.renew)) {
		return held.Keys, nil
	}
	keys, err := k.renew(ctx)
	if err != nil {
		return credentials.Keys{}, &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: err.Error(), Err: err}
	}
	return keys, nil
}

func (k *Keyring) renew(ctx context.Context) (credentials.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, now := k.held.Load(), k.now()
	if old != nil && (old.renew.IsZero() || now.Before(old.renew)) {
		return old.Keys, nil // somebody else was faster
	}
	ctx, cancel := context.WithTimeout(ctx, resolveDeadline)
	defer cancel()
	found, err := k.resolve(ctx, old != nil)
	if err == nil && !found.Expires.IsZero() && !found.Expires.After(now) {
		err = errExpiredKeys
	}
	if err != nil {
		if old == nil || old.Expires.IsZero() && k.reread == 0 || !old.Expires.IsZero() && !now.Before(old.Expires) {
			return credentials.Keys{}, err
		}
		found = old.Keys
	}
	k.held.Store(&heldKeys{Keys: found, resolved: now, renew: k.renewal(found, now)})
	return found, nil
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
	if held == nil || held.AccessKeyID == "" || now.Sub(held.resolved) < renewPause {
		return
	}
	k.held.Store(&heldKeys{Keys: held.Keys, resolved: held.resolved, renew: now})
}

// Life shortens the life of a signature to the end of the keys that it is made with,
// but never below a second.
func Life(keys credentials.Keys, life time.Duration) time.Duration {
	if keys.Expires.IsZero() {
		return life
	}
	return max(min(life, time.Until(keys.Expires)), time.Second)
}
