package control

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// script is a source that returns its answers one after the other and repeats
// the last.
type script struct {
	mu      sync.Mutex
	answers []credentials.Keys // zero for a failure
	asked   int
}

func (s *script) resolve(context.Context, Reason) (credentials.Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	if answer.AccessKeyID == "" {
		return credentials.Keys{}, errors.New("the source is out of order")
	}
	return answer, nil
}

func TestKeyringRenews(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	lasting := credentials.Keys{AccessKeyID: "lasting", SecretAccessKey: "s"}
	hour := func(name string, hours int) credentials.Keys {
		return credentials.Keys{AccessKeyID: name, SecretAccessKey: "s", Expires: start.Add(time.Duration(hours) * time.Hour)}
	}
	failure := credentials.Keys{}
	cases := map[string]struct {
		answers []credentials.Keys
		reread  time.Duration
		at      time.Duration // after the first get
		want    string        // access key, or empty for a failure
	}{
		"keys without an end are kept":         {[]credentials.Keys{lasting, hour("other", 9)}, 0, 1000 * time.Hour, "lasting"},
		"a file is read again":                 {[]credentials.Keys{lasting, hour("other", 9)}, time.Minute, time.Minute, "other"},
		"a file that is gone leaves old keys":  {[]credentials.Keys{lasting, failure}, time.Minute, time.Minute, "lasting"},
		"good keys are kept":                   {[]credentials.Keys{hour("a", 1), hour("b", 2)}, 0, 54 * time.Minute, "a"},
		"keys are renewed before their end":    {[]credentials.Keys{hour("a", 1), hour("b", 2)}, 0, 56 * time.Minute, "b"},
		"a failure leaves keys that are good":  {[]credentials.Keys{hour("a", 1), failure}, 0, 59 * time.Minute, "a"},
		"a failure ends keys that are not":     {[]credentials.Keys{hour("a", 1), failure}, 0, 61 * time.Minute, ""},
		"renewed keys that are old are no use": {[]credentials.Keys{hour("a", 1), hour("b", 1)}, 0, 61 * time.Minute, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			ring := &Keyring{resolve: (&script{answers: test.answers}).resolve, reread: test.reread, now: func() time.Time { return now }}
			if _, err := ring.Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
			now = start.Add(test.at)
			held, err := ring.Keys(t.Context())
			if test.want == "" {
				if err == nil {
					t.Errorf("Keys = %s, want a failure", held.AccessKeyID)
				}
				return
			}
			if err != nil || held.AccessKeyID != test.want {
				t.Errorf("Keys = %s, %v, want %s", held.AccessKeyID, err, test.want)
			}
		})
	}
}

func TestKeyringAsksOnceAtATime(t *testing.T) {
	t.Parallel()
	source := &script{answers: []credentials.Keys{{AccessKeyID: "a", SecretAccessKey: "s"}}}
	ring := &Keyring{resolve: source.resolve, now: time.Now}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { _, _ = ring.Keys(t.Context()) })
	}
	group.Wait()
	if source.asked != 1 {
		t.Errorf("the source was asked %d times by 50 callers, want once", source.asked)
	}
}

func TestDistrustedKeysAreResolvedAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	source := &script{answers: []credentials.Keys{{AccessKeyID: "a", SecretAccessKey: "s"}, {AccessKeyID: "b", SecretAccessKey: "s"}, {AccessKeyID: "c", SecretAccessKey: "s"}}}
	ring := &Keyring{resolve: source.resolve, now: func() time.Time { return now }}
	get := func() string {
		held, err := ring.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return held.AccessKeyID
	}
	first := get()
	ring.Distrust() // too early: these keys have just been resolved
	same := get()
	now = now.Add(renewPause)
	ring.Distrust()
	if second := get(); first != "a" || same != "a" || second != "b" {
		t.Errorf("keys %s, %s, %s; want a, a, b", first, same, second)
	}
}

// TestRotatedFile uses the real source of a file.
func TestRotatedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(id string) {
		if err := os.WriteFile(path, []byte(`{"access_key_id":"`+id+`","secret_access_key":"s"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	ring, err := OpenKeyring(t.Context(), "file:"+path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ring.now = func() time.Time { return now }
	if held, err := ring.Keys(t.Context()); err != nil || held.AccessKeyID != "old" {
		t.Fatalf("Keys = %s, %v", held.AccessKeyID, err)
	}
	write("new")
	now = now.Add(rereadFile)
	if held, err := ring.Keys(t.Context()); err != nil || held.AccessKeyID != "new" {
		t.Errorf("Keys = %s, %v; want the rotated ones", held.AccessKeyID, err)
	}
	if held := ring.Held(); held.AccessKeyID != "new" {
		t.Errorf("Held = %s, want the rotated keys", held.AccessKeyID)
	}
}

// TestOpenKeyring names the kind of every failure: a wrong word in a location is not a
// missing right.
func TestOpenKeyring(t *testing.T) {
	t.Setenv("RING_ACCESS_KEY_ID", "id")
	t.Setenv("RING_SECRET_ACCESS_KEY", "s")
	chain := func(_ context.Context, profile string) (Source, error) {
		if profile == "absent" {
			return nil, errors.New("there is no such profile")
		}
		source := &script{answers: []credentials.Keys{{AccessKeyID: "chain-" + profile, SecretAccessKey: "s"}}}
		return source.resolve, nil
	}
	cases := map[string]struct {
		reference string
		want      string // access key
		kind      driver.Kind
	}{
		"environment":        {"env:RING", "id", driver.KindUnknown},
		"anonymous":          {"anonymous", "", driver.KindUnknown},
		"the default chain":  {"", "chain-", driver.KindUnknown},
		"a profile":          {"profile:p", "chain-p", driver.KindUnknown},
		"an absent profile":  {"profile:absent", "", driver.KindDenied},
		"absent variables":   {"env:NOBODY", "", driver.KindDenied},
		"no reference":       {"AKIA123", "", driver.KindInvalidArgument},
		"an incomplete one":  {"env:", "", driver.KindInvalidArgument},
		"a file that is not": {"file:" + filepath.Join(t.TempDir(), "none"), "", driver.KindDenied},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			ring, err := OpenKeyring(t.Context(), test.reference, chain, nil)
			if driver.KindOf(err) != test.kind || (err == nil) != (test.kind == driver.KindUnknown) {
				t.Fatalf("OpenKeyring = %v (%v), want %v", err, driver.KindOf(err), test.kind)
			}
			if err == nil && ring.Held().AccessKeyID != test.want {
				t.Errorf("OpenKeyring resolved %q, want %q", ring.Held().AccessKeyID, test.want)
			}
		})
	}
}

func TestLifeEndsWithTheKeys(t *testing.T) {
	t.Parallel()
	if got := Life(credentials.Keys{}, time.Hour); got != time.Hour {
		t.Errorf("keys without an end give %v, want the hour", got)
	}
	if got := Life(credentials.Keys{Expires: time.Now().Add(time.Minute)}, time.Hour); got > time.Minute || got <= time.Second {
		t.Errorf("keys with a minute left give %v", got)
	}
	if got := Life(credentials.Keys{Expires: time.Now().Add(-time.Minute)}, time.Hour); got != time.Second {
		t.Errorf("keys that have ended give %v, want a second", got)
	}
}
