package control

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// rotated is a source of keys that a person or a machine changes.
type rotated struct {
	answer  string // access key; empty for a failure
	reasons []Reason
}

func (r *rotated) resolve(_ context.Context, reason Reason) (credentials.Keys, error) {
	r.reasons = append(r.reasons, reason)
	if r.answer == "" {
		return credentials.Keys{}, errors.New("the source is out of order")
	}
	return credentials.Keys{AccessKeyID: r.answer, SecretAccessKey: "s"}, nil
}

// TestRefusedKeys plays histories of a rotated secret. A step is "+TIME", "=KEY" for what
// the source gives from now on ("=" for a failure), "get" followed by the key that is
// wanted, or a refusal ("denied", "unknown") followed by whether to sign again.
func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	const again, final = "again", "final"
	cases := map[string]struct {
		reread  time.Duration
		steps   []string
		reasons []Reason
	}{
		"rotated": {
			rereadSecret, []string{"=a", "get", "a", "=b", "+1m", "unknown", again, "get", "b"},
			[]Reason{ReasonOpen, ReasonRefused},
		},
		"a missing right says nothing about the keys": {
			rereadSecret, []string{"=a", "get", "a", "+1m", "denied", again, "get", "a", "denied", final, "get", "a"},
			[]Reason{ReasonOpen, ReasonRenew},
		},
		"asked once however many are refused": {
			rereadSecret, []string{"=a", "get", "a", "unknown", again, "unknown", again, "denied", again, "get", "a", "unknown", final, "+59s", "unknown", final, "get", "a"},
			[]Reason{ReasonOpen, ReasonRefused},
		},
		"asked again after a pause": {
			rereadSecret, []string{"=a", "get", "a", "unknown", again, "get", "a", "+1m", "=b", "unknown", again, "get", "b"},
			[]Reason{ReasonOpen, ReasonRefused, ReasonRefused},
		},
		"requests under way with the old keys": {
			rereadSecret, []string{"=a", "get", "a", "+1m", "=b", "unknown", again, "get", "b", "unknown", again, "get", "b", "+9s", "denied", again, "get", "b"},
			[]Reason{ReasonOpen, ReasonRefused},
		},
		"new keys that are refused too": {
			rereadSecret, []string{"=a", "get", "a", "=b", "unknown", again, "get", "b", "unknown", again, "get", "b", "unknown", final},
			[]Reason{ReasonOpen, ReasonRefused, ReasonRefused},
		},
		"a source out of order leaves the old keys": {
			rereadSecret, []string{"=a", "get", "a", "=", "unknown", again, "get", "a", "unknown", final, "get", "a"},
			[]Reason{ReasonOpen, ReasonRefused},
		},
		"read again in its own time": {
			rereadSecret, []string{"=a", "get", "a", "=b", "+14m59s", "get", "a", "+1s", "get", "b"},
			[]Reason{ReasonOpen, ReasonRenew},
		},
		"a file too": {
			rereadFile, []string{"=a", "get", "a", "=b", "unknown", again, "get", "b"}, []Reason{ReasonOpen, ReasonRefused},
		},
		"variables do not change": {
			0, []string{"=a", "get", "a", "unknown", final, "denied", final, "get", "a"}, []Reason{ReasonOpen},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, source := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), &rotated{}
			ring := &Keyring{resolve: source.resolve, reread: test.reread, now: func() time.Time { return now }}
			for steps := test.steps; len(steps) > 0; {
				step := steps[0]
				steps = steps[1:]
				switch step[0] {
				case '+':
					wait, err := time.ParseDuration(step[1:])
					if err != nil {
						t.Fatal(err)
					}
					now = now.Add(wait)
					continue
				case '=':
					source.answer = step[1:]
					continue
				}
				got := final
				if step == "get" {
					held, err := ring.Keys(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					got = held.AccessKeyID
				} else if ring.Refuse(step == "unknown") {
					got = again
				}
				if got != steps[0] {
					t.Fatalf("%s = %s, want %s, with %q to come", step, got, steps[0], steps[1:])
				}
				steps = steps[1:]
			}
			if diff := cmp.Diff(test.reasons, source.reasons); diff != "" {
				t.Errorf("the source was asked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFailTellsARefusedKeyFromAMissingRight proves what reaches the source.
func TestFailTellsARefusedKeyFromAMissingRight(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		failure driver.Error
		kind    driver.Kind
		reasons []Reason
	}{
		"unknown key":       {driver.Error{Kind: driver.KindDenied, Status: 403, Code: "InvalidAccessKeyId"}, driver.KindExpired, []Reason{ReasonOpen, ReasonRefused}},
		"another signature": {driver.Error{Kind: driver.KindDenied, Status: 403, Code: "SignatureDoesNotMatch"}, driver.KindExpired, []Reason{ReasonOpen, ReasonRefused}},
		"Kodo's way":        {driver.Error{Kind: driver.KindDenied, Status: http.StatusUnauthorized}, driver.KindExpired, []Reason{ReasonOpen, ReasonRefused}},
		"a missing right":   {driver.Error{Kind: driver.KindDenied, Status: 403, Code: "AccessDenied"}, driver.KindExpired, []Reason{ReasonOpen, ReasonRenew}},
		"a bare HEAD":       {driver.Error{Kind: driver.KindDenied, Status: 403}, driver.KindExpired, []Reason{ReasonOpen, ReasonRenew}},
		"no answer":         {driver.Error{Kind: driver.KindDenied, Message: "no keys"}, driver.KindDenied, []Reason{ReasonOpen}},
		"an absent object":  {driver.Error{Kind: driver.KindNotFound, Status: 404}, driver.KindNotFound, []Reason{ReasonOpen}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := &rotated{answer: "a"}
			reporter := Reporter{Keyring: &Keyring{resolve: source.resolve, reread: rereadSecret, now: time.Now}}
			for range 2 {
				if _, err := reporter.Keyring.Keys(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(source.reasons) == len(test.reasons) && len(test.reasons) > 1 {
					break
				}
				if err := reporter.Fail("List", "", &test.failure); driver.KindOf(err) != test.kind {
					t.Errorf("Fail = %v (%v), want %v", err, driver.KindOf(err), test.kind)
				}
			}
			if !slices.Equal(source.reasons, test.reasons) {
				t.Errorf("the source was asked for reasons %v, want %v", source.reasons, test.reasons)
			}
			if len(test.reasons) > 1 { // the source had nothing better
				if err := reporter.Fail("List", "", &test.failure); driver.KindOf(err) != driver.KindDenied {
					t.Errorf("Fail of the same keys = %v (%v), want denied", err, driver.KindOf(err))
				}
			}
		})
	}
}

// TestOpenKeyringOfASecret proves who is asked for it, and what its failures are.
func TestOpenKeyringOfASecret(t *testing.T) {
	t.Parallel()
	unreachable := &driver.Error{Kind: driver.KindUnavailable, Message: "no route"}
	vault := func(_ context.Context, name string) (Source, error) {
		if name == "odd" {
			return nil, errors.New("no name")
		}
		return func(context.Context, Reason) (credentials.Keys, error) {
			if name == "far" {
				return credentials.Keys{}, unreachable
			}
			return credentials.Keys{AccessKeyID: name, SecretAccessKey: "s"}, nil
		}, nil
	}
	cases := map[string]struct {
		reference string
		vault     Vault
		kind      driver.Kind
	}{
		"read":         {"secret:team/store,region=r", vault, driver.KindUnknown},
		"no vault":     {"secret:a", nil, driver.KindInvalidArgument},
		"no name":      {"secret:odd", vault, driver.KindInvalidArgument},
		"out of reach": {"secret:far", vault, driver.KindUnavailable},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, err := OpenKeyring(t.Context(), test.reference, nil, test.vault)
			if driver.KindOf(err) != test.kind || (err == nil) != (test.kind == driver.KindUnknown) {
				t.Fatalf("OpenKeyring = %v (%v), want %v", err, driver.KindOf(err), test.kind)
			}
			if err == nil && (ring.Held().AccessKeyID != "team/store,region=r" || ring.reread != rereadSecret) {
				t.Errorf("the ring holds %q and reads it again after %v", ring.Held().AccessKeyID, ring.reread)
			}
		})
	}
}
