package vault

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/host"
)

// TestEveryPluginSeesWhatASecretTakes: each plugin that opens a vault may see the same
// variables for it, which are all that the AWS SDK reads to find a machine's
// credentials, region and endpoints.
func TestEveryPluginSeesWhatASecretTakes(t *testing.T) {
	t.Parallel()
	want := []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS", "AWS_USE_FIPS_ENDPOINT",
		"AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE",
	}
	manifests, err := filepath.Glob("../../*/dth-plugin-*.yaml")
	if err != nil || len(manifests) < 5 {
		t.Fatalf("found the manifests %q (%v)", manifests, err)
	}
	for _, path := range manifests {
		manifest, err := host.ReadManifest(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, manifest.Environment.SecretCredentials); diff != "" {
			t.Errorf("secret-credentials of %s (-want +got):\n%s", manifest.Name, diff)
		}
	}
}
