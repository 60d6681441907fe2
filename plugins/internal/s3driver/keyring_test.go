package s3driver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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
	answers []keys // zero for a failure
	asked   int
}

func (s *script) resolve(context.Context, bool) (keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	if answer.anonymous() {
		return keys{}, errors.New("the source is out of order")
	}
	return answer, nil
}

func TestKeyringRenews(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	lasting := keys{accessKeyID: "lasting", secretAccessKey: "s"}
	hour := func(name string, hours int) keys {
		return keys{accessKeyID: name, secretAccessKey: "s", expires: start.Add(time.Duration(hours) * time.Hour)}
	}
	failure := keys{}
	cases := map[string]struct {
		answers []keys
		reread  time.Duration
		at      time.Duration // after the first get
		want    string        // access key, or empty for a failure
	}{
		"keys without an end are kept":         {[]keys{lasting, hour("other", 9)}, 0, 1000 * time.Hour, "lasting"},
		"a file is read again":                 {[]keys{lasting, hour("other", 9)}, time.Minute, time.Minute, "other"},
		"a file that is gone leaves old keys":  {[]keys{lasting, failure}, time.Minute, time.Minute, "lasting"},
		"good keys are kept":                   {[]keys{hour("a", 1), hour("b", 2)}, 0, 54 * time.Minute, "a"},
		"keys are renewed before their end":    {[]keys{hour("a", 1), hour("b", 2)}, 0, 56 * time.Minute, "b"},
		"a failure leaves keys that are good":  {[]keys{hour("a", 1), failure}, 0, 59 * time.Minute, "a"},
		"a failure ends keys that are not":     {[]keys{hour("a", 1), failure}, 0, 61 * time.Minute, ""},
		"renewed keys that are old are no use": {[]keys{hour("a", 1), hour("b", 1)}, 0, 61 * time.Minute, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			ring := &keyring{resolve: (&script{answers: test.answers}).resolve, reread: test.reread, now: func() time.Time { return now }}
			if _, err := ring.get(t.Context()); err != nil {
				t.Fatal(err)
			}
			now = start.Add(test.at)
			held, err := ring.get(t.Context())
			if test.want == "" {
				if err == nil {
					t.Errorf("get = %s, want a failure", held.accessKeyID)
				}
				return
			}
			if err != nil || held.accessKeyID != test.want {
				t.Errorf("get = %+v, %v, want %s", held, err, test.want)
			}
		})
	}
}

func TestKeyringAsksOnceAtATime(t *testing.T) {
	t.Parallel()
	source := &script{answers: []keys{{accessKeyID: "a", secretAccessKey: "s"}}}
	ring := &keyring{resolve: source.resolve, now: time.Now}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { _, _ = ring.get(t.Context()) })
	}
	group.Wait()
	if source.asked != 1 {
		t.Errorf("the source was asked %d times by 50 callers, want once", source.asked)
	}
}

func TestDistrustedKeysAreResolvedAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	source := &script{answers: []keys{{accessKeyID: "a", secretAccessKey: "s"}, {accessKeyID: "b", secretAccessKey: "s"}, {accessKeyID: "c", secretAccessKey: "s"}}}
	ring := &keyring{resolve: source.resolve, now: func() time.Time { return now }}
	get := func() string {
		held, err := ring.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return held.accessKeyID
	}
	first := get()
	ring.distrust() // too early: these keys have just been resolved
	same := get()
	now = now.Add(renewPause)
	ring.distrust()
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
	resolve, reread, err := openSource(t.Context(), credentials.Reference{Kind: credentials.File, Value: path})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ring := &keyring{resolve: resolve, reread: reread, now: func() time.Time { return now }}
	if held, err := ring.get(t.Context()); err != nil || held.accessKeyID != "old" {
		t.Fatalf("get = %+v, %v", held, err)
	}
	write("new")
	now = now.Add(rereadFile)
	signer, err := ring.signer(t.Context(), "us-east-1")
	if err != nil || signer.keys.accessKeyID != "new" {
		t.Errorf("the signer does not have the rotated keys: %v", err)
	}
}

func TestProfileReference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte("[cn]\naws_access_key_id = CN\naws_secret_access_key = s\nregion = cn-north-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
	t.Setenv("AWS_CONFIG_FILE", path+"-none")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CA_BUNDLE", "")
	resolve, _, err := openSource(t.Context(), credentials.Reference{Kind: credentials.Profile, Value: "cn"})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := resolve(t.Context(), true); err != nil || found.accessKeyID != "CN" {
		t.Errorf("profile:cn = %s, %v", found.accessKeyID, err)
	}
	if region, err := DefaultRegion(t.Context(), "profile:cn"); err != nil || region != "cn-north-1" {
		t.Errorf("DefaultRegion = %q, %v", region, err)
	}
	if _, err := Open(t.Context(), Config{Bucket: "b", Credentials: "profile:none"}); driver.KindOf(err) != driver.KindDenied || !strings.Contains(err.Error(), "none") {
		t.Errorf("Open with an absent profile = %v (%v), want denied", err, driver.KindOf(err))
	}
}
