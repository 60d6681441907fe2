package s3driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/dth-dev/dth/sdk/credentials"
)

const (
	// renewBefore is how long before their end keys are resolved again.
	renewBefore = 5 * time.Minute
	// renewPause keeps a failing or unchanged source from being asked at every
	// signature.
	renewPause = 10 * time.Second
	// rereadFile is how often a credentials file is looked at again: rotated
	// files need not say when they expire.
	rereadFile = time.Minute
	// resolveDeadline bounds one resolution; the metadata service of a machine
	// that is no EC2 instance never answers.
	resolveDeadline = 75 * time.Second
)

// keys are resolved credentials; the zero value is anonymous.
type keys struct {
	accessKeyID     string
	secretAccessKey string
	sessionToken    string
	expires         time.Time // zero for never
}

func (k keys) anonymous() bool { return k.accessKeyID == "" }

// source resolves keys anew. fresh asks for other keys than those that it may
// hold in a cache of its own.
type source func(ctx context.Context, fresh bool) (keys, error)

// openSource returns the source behind a reference. References of every vendor
// are resolved by sdk/credentials, profiles and the default chain by the AWS SDK.
func openSource(ctx context.Context, reference credentials.Reference) (source, time.Duration, error) {
	switch reference.Kind {
	case credentials.Default, credentials.Profile:
		resolve, err := awsSource(ctx, reference.Value)
		return resolve, 0, err
	case credentials.File:
		return neutralSource(reference), rereadFile, nil
	}
	return neutralSource(reference), 0, nil
}

func neutralSource(reference credentials.Reference) source {
	return func(ctx context.Context, _ bool) (keys, error) {
		found, err := credentials.Resolve(ctx, reference)
		return keys{found.AccessKeyID, found.SecretAccessKey, found.SessionToken, found.Expires}, err
	}
}

var errNoKeys = errors.New("no credentials found in the environment, the AWS files and the metadata service: " +
	"give the location credentials such as env:PREFIX, profile:NAME, file:PATH, exec:COMMAND or anonymous")

// quiet keeps the SDK from printing beside the plugin's own log.
func quiet(o *config.LoadOptions) error {
	o.Logger = logging.Nop{}
	return nil
}

// awsSource uses the SDK's chain: environment, shared files, SSO, web identity,
// container and instance metadata. An empty profile means the default one.
func awsSource(ctx context.Context, profile string) (source, error) {
	options := []func(*config.LoadOptions) error{
		quiet,
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = renewBefore }),
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, fresh bool) (keys, error) {
		if cache, ok := loaded.Credentials.(*aws.CredentialsCache); ok && fresh {
			cache.Invalidate()
		}
		found, err := loaded.Credentials.Retrieve(ctx)
		if err != nil && profile == "" {
			return keys{}, fmt.Errorf("%w (%w)", errNoKeys, innermost(err))
		}
		if err != nil {
			return keys{}, fmt.Errorf("profile %s: %w", profile, innermost(err))
		}
		held := keys{accessKeyID: found.AccessKeyID, secretAccessKey: found.SecretAccessKey, sessionToken: found.SessionToken}
		if found.CanExpire {
			held.expires = found.Expires
		}
		return held, nil
	}, nil
}

// DefaultRegion returns the region that the environment or the AWS profile behind
// the reference names, empty where neither does.
func DefaultRegion(ctx context.Context, reference string) (string, error) {
	parsed, err := credentials.Parse(reference)
	if err == nil && (parsed.Kind == credentials.Profile || parsed.Kind == credentials.Default) {
		loaded, err := config.LoadDefaultConfig(ctx, quiet, config.WithSharedConfigProfile(parsed.Value))
		return loaded.Region, err
	}
	// Keys of another origin say nothing about the files of AWS.
	if region := os.Getenv("AWS_REGION"); region != "" {
		return region, nil
	}
	return os.Getenv("AWS_DEFAULT_REGION"), nil
}

// keyring holds the keys of one bucket handle and resolves them again before
// they expire. It is safe for concurrent use.
type keyring struct {
	resolve source
	reread  time.Duration // resolve again after this long; 0 for only when they expire
	now     func() time.Time

	mu   sync.Mutex // held while resolving
	held atomic.Pointer[heldKeys]
}

type heldKeys struct {
	keys
	resolved time.Time
	renew    time.Time // zero for never
	signer   atomic.Pointer[signer]
}

var errExpiredKeys = errors.New("the credentials have expired and could not be renewed")

// get returns keys that are still good. Where renewing fails while the old ones
// are good, those are returned.
func (k *keyring) get(ctx context.Context) (*heldKeys, error) {
	if held := k.held.Load(); held != nil && (held.renew.IsZero() || k.now().Before(held.renew)) {
		return held, nil
	}
	return k.renew(ctx)
}

func (k *keyring) renew(ctx context.Context) (*heldKeys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, now := k.held.Load(), k.now()
	if old != nil && (old.renew.IsZero() || now.Before(old.renew)) {
		return old, nil // somebody else was faster
	}
	ctx, cancel := context.WithTimeout(ctx, resolveDeadline)
	defer cancel()
	found, err := k.resolve(ctx, old != nil)
	if err == nil && !found.expires.IsZero() && !found.expires.After(now) {
		err = errExpiredKeys
	}
	if err != nil {
		if old == nil || old.expires.IsZero() && k.reread == 0 || !old.expires.IsZero() && !now.Before(old.expires) {
			return nil, err
		}
		found = old.keys
	}
	fresh := &heldKeys{keys: found, resolved: now, renew: k.renewal(found, now)}
	if old != nil && old.keys == found {
		fresh.signer.Store(old.signer.Load())
	}
	k.held.Store(fresh)
	return fresh, nil
}

// renewal says when the keys are to be resolved again.
func (k *keyring) renewal(found keys, now time.Time) time.Time {
	if found.expires.IsZero() {
		if k.reread == 0 {
			return time.Time{}
		}
		return now.Add(k.reread)
	}
	left := found.expires.Sub(now)
	wait := max(left-min(renewBefore, left/4), min(renewPause, left))
	if k.reread > 0 {
		wait = min(wait, k.reread)
	}
	return now.Add(wait)
}

// distrust makes the next get resolve again: the store said that the keys have
// expired.
func (k *keyring) distrust() {
	k.mu.Lock()
	defer k.mu.Unlock()
	held, now := k.held.Load(), k.now()
	if held == nil || held.anonymous() || now.Sub(held.resolved) < renewPause {
		return
	}
	k.held.Store(&heldKeys{keys: held.keys, resolved: held.resolved, renew: now})
}

// signer returns a signer for the region with the current keys; nil where they
// are anonymous.
func (k *keyring) signer(ctx context.Context, region string) (*signer, error) {
	held, err := k.get(ctx)
	if err != nil {
		return nil, err
	}
	if held.anonymous() {
		return nil, nil
	}
	if cached := held.signer.Load(); cached != nil && cached.region == region {
		return cached, nil
	}
	fresh := &signer{keys: held.keys, region: region}
	held.signer.Store(fresh)
	return fresh, nil
}

// Retrieve serves the SDK's control calls.
func (k *keyring) Retrieve(ctx context.Context) (aws.Credentials, error) {
	held, err := k.get(ctx)
	if err != nil {
		return aws.Credentials{}, &signingError{err}
	}
	return aws.Credentials{
		AccessKeyID: held.accessKeyID, SecretAccessKey: held.secretAccessKey, SessionToken: held.sessionToken, Source: "dth",
	}, nil
}
