package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
	"github.com/qiniu/go-sdk/v7/storagev2/defaults"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
)

var errNoKeys = errors.New("no credentials in QINIU_ACCESS_KEY and QINIU_SECRET_KEY, nor in the profile that QINIU_PROFILE names: " +
	"give the location credentials such as env:PREFIX, profile:NAME, file:PATH, exec:COMMAND or secret:NAME")

// chain opens the sources of Qiniu's SDK: a profile of its file, or, in this order, the
// environment and the file's default profile. Machines of Qiniu have no role to ask for.
func chain(_ context.Context, profile string) (control.Source, error) {
	if profile != "" {
		return func(context.Context, control.Reason) (credentials.Keys, error) { return fromFile(profile) }, nil
	}
	return func(context.Context, control.Reason) (credentials.Keys, error) {
		access, secret, err := defaults.Credentials()
		if err != nil || access == "" || secret == "" {
			return credentials.Keys{}, errNoKeys
		}
		return credentials.Keys{AccessKeyID: access, SecretAccessKey: secret}, nil
	}, nil
}

// fromFile reads a profile: the SDK does so only of the one that the environment names.
func fromFile(profile string) (credentials.Keys, error) {
	path := os.Getenv("QINIU_CONFIG_FILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return credentials.Keys{}, err
		}
		path = filepath.Join(home, ".qiniu", "config.toml")
	}
	var profiles map[string]struct {
		Access string `toml:"access_key"`
		Secret string `toml:"secret_key"`
	}
	document, err := os.ReadFile(path)
	if err != nil {
		return credentials.Keys{}, err
	}
	if err := toml.Unmarshal(document, &profiles); err != nil { // its text repeats the document
		return credentials.Keys{}, fmt.Errorf("%s is no TOML as Qiniu's SDKs read it", path)
	}
	found := profiles[profile]
	if found.Access == "" || found.Secret == "" {
		return credentials.Keys{}, fmt.Errorf("%s has no profile %s with access_key and secret_key", path, profile)
	}
	return credentials.Keys{AccessKeyID: found.Access, SecretAccessKey: found.Secret}, nil
}
