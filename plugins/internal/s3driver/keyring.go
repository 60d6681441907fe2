package s3driver

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
)

var errNoKeys = errors.New("no credentials found in the environment, the AWS files and the metadata service: " +
	"give the location credentials such as env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous")

// quiet keeps the SDK from printing beside the plugin's own log.
func quiet(o *config.LoadOptions) error {
	o.Logger = logging.Nop{}
	return nil
}

// awsSource uses the SDK's chain: environment, shared files, SSO, web identity,
// container and instance metadata. An empty profile means the default one.
func awsSource(ctx context.Context, profile string) (control.Source, error) {
	options := []func(*config.LoadOptions) error{
		quiet,
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = control.RenewBefore }),
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, reason control.Reason) (credentials.Keys, error) {
		if cache, ok := loaded.Credentials.(*aws.CredentialsCache); ok && reason != control.ReasonOpen {
			cache.Invalidate()
		}
		found, err := loaded.Credentials.Retrieve(ctx)
		if err != nil && profile == "" {
			return credentials.Keys{}, fmt.Errorf("%w (%w)", errNoKeys, control.Innermost(err))
		}
		if err != nil {
			return credentials.Keys{}, fmt.Errorf("profile %s: %w", profile, control.Innermost(err))
		}
		return keysOf(found), nil
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

// provider serves the keys to the SDK's control calls.
type provider struct {
	keyring *control.Keyring
}

func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	keys, err := p.keyring.Keys(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{
		AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken, Source: "dth",
	}, nil
}
