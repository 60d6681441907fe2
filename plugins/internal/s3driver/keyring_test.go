package s3driver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

func TestProfileReference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte("[cn]\naws_access_key_id = CN\naws_secret_access_key = s\nregion = cn-north-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
	t.Setenv("AWS_CONFIG_FILE", path+"-none")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CA_BUNDLE", "")
	resolve, err := awsSource(t.Context(), "cn")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := resolve(t.Context(), control.ReasonRenew); err != nil || found.AccessKeyID != "CN" {
		t.Errorf("profile:cn = %s, %v", found.AccessKeyID, err)
	}
	if region, err := DefaultRegion(t.Context(), "profile:cn"); err != nil || region != "cn-north-1" {
		t.Errorf("DefaultRegion = %q, %v", region, err)
	}
	if _, err := Open(t.Context(), Config{Bucket: "b", Credentials: "profile:none"}); driver.KindOf(err) != driver.KindDenied || !strings.Contains(err.Error(), "none") {
		t.Errorf("Open with an absent profile = %v (%v), want denied", err, driver.KindOf(err))
	}
}

// TestSignersFollowTheKeys proves that a signer lives as long as its keys and region.
func TestSignersFollowTheKeys(t *testing.T) {
	t.Parallel()
	var cache signers
	old := credentials.Keys{AccessKeyID: "old", SecretAccessKey: "s"}
	first := cache.get(old, "us-east-1")
	if again := cache.get(old, "us-east-1"); again != first {
		t.Error("the same keys got another signer")
	}
	rotated := old
	rotated.SecretAccessKey = "t"
	if fresh := cache.get(rotated, "us-east-1"); fresh == first || fresh.keys != rotated {
		t.Error("rotated keys got the old signer")
	}
	if moved := cache.get(rotated, "eu-west-1"); moved.region != "eu-west-1" {
		t.Errorf("the signer is for %s, want eu-west-1", moved.region)
	}
	if cache.get(credentials.Keys{}, "us-east-1") != nil {
		t.Error("anonymous access got a signer")
	}
}
