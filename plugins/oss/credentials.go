package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	ossCredentials "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
)

// metadataTimeout bounds one request to the metadata service of an ECS instance, which
// answers at once where there is one.
const metadataTimeout = 3 * time.Second

var errNoKeys = errors.New("no credentials found in OSS_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_ID, the profile of the Alibaba Cloud CLI " +
	"and the RAM role of an ECS instance: give the location credentials such as env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous")

// chain is the vendor's own source of keys: a profile of the Alibaba Cloud CLI, or
// without a name the environment, the CLI's current profile and the RAM role of the
// ECS instance, whichever comes first. Every resolution asks anew.
func chain(_ context.Context, profile string) (control.Source, error) {
	return func(ctx context.Context, _ control.Reason) (credentials.Keys, error) {
		if profile != "" {
			return fromCLI(ctx, profile)
		}
		if found, err := ossCredentials.NewEnvironmentVariableCredentialsProvider().GetCredentials(ctx); err == nil {
			return keysOf(found), nil
		}
		if id, secret := os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"); id != "" && secret != "" {
			return credentials.Keys{AccessKeyID: id, SecretAccessKey: secret, SessionToken: os.Getenv("ALIBABA_CLOUD_SECURITY_TOKEN")}, nil
		}
		found, err := fromCLI(ctx, os.Getenv("ALIBABA_CLOUD_PROFILE"))
		if !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
		if os.Getenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED") == "true" {
			return credentials.Keys{}, errNoKeys
		}
		if found, err = fromRole(ctx, os.Getenv("ALIBABA_CLOUD_ECS_METADATA")); err != nil {
			return credentials.Keys{}, errNoKeys
		}
		return found, nil
	}, nil
}

// fromRole asks the metadata service for the keys of a RAM role, by default the
// instance's. The SDK's error is not shown: it may repeat the answer.
func fromRole(ctx context.Context, role string) (credentials.Keys, error) {
	provider := ossCredentials.NewEcsRoleCredentialsProviderWithoutRefresh(func(o *ossCredentials.EcsRoleCredentialsProviderOptions) {
		o.RamRole, o.Timeout, o.Retries = role, metadataTimeout, 1
	})
	found, err := provider.GetCredentials(ctx)
	if err != nil {
		return credentials.Keys{}, errors.New("the metadata service of ECS gives no keys of a RAM role: is this an ECS instance with a role?")
	}
	return keysOf(found), nil
}

func keysOf(found ossCredentials.Credentials) credentials.Keys {
	keys := credentials.Keys{AccessKeyID: found.AccessKeyID, SecretAccessKey: found.AccessKeySecret, SessionToken: found.SecurityToken}
	if found.Expires != nil {
		keys.Expires = *found.Expires
	}
	return keys
}

// cliConfig is what `aliyun configure` writes to ~/.aliyun/config.json.
// Source: https://github.com/aliyun/aliyun-cli.
type cliConfig struct {
	Current  string `json:"current"`
	Profiles []struct {
		Name   string `json:"name"`
		Mode   string `json:"mode"`
		ID     string `json:"access_key_id"`
		Secret string `json:"access_key_secret"`
		Token  string `json:"sts_token"`
		Role   string `json:"ram_role_name"`
	} `json:"profiles"`
}

// fromCLI reads a profile of the Alibaba Cloud CLI, by default the current one.
func fromCLI(ctx context.Context, name string) (credentials.Keys, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return credentials.Keys{}, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	path := filepath.Join(home, ".aliyun", "config.json")
	document, err := os.ReadFile(path)
	if err != nil {
		return credentials.Keys{}, fmt.Errorf("profiles of the Alibaba Cloud CLI: %w: run \"aliyun configure\"", err)
	}
	var config cliConfig
	if json.Unmarshal(document, &config) != nil {
		return credentials.Keys{}, fmt.Errorf("%s is no configuration of the Alibaba Cloud CLI", path)
	}
	name = cmp.Or(name, config.Current)
	for _, profile := range config.Profiles {
		switch {
		case profile.Name != name:
			continue
		case profile.Mode == "EcsRamRole":
			return fromRole(ctx, profile.Role)
		case (profile.Mode == "AK" || profile.Mode == "StsToken") && profile.ID != "" && profile.Secret != "":
			return credentials.Keys{AccessKeyID: profile.ID, SecretAccessKey: profile.Secret, SessionToken: profile.Token}, nil
		}
		return credentials.Keys{}, fmt.Errorf("profile %s in %s: mode %q or a profile without keys is not read: use exec: with a command that prints keys", name, path, profile.Mode)
	}
	return credentials.Keys{}, fmt.Errorf("%s has no profile %q", path, name)
}
