package main

import (
	"context"
	_ "embed"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// version of this plugin.
const version = "0.1.0"

//go:embed profile.yaml
var profileDocument []byte

// store is the driver of Amazon S3.
type store struct {
	profile []byte // YAML
}

// amazon is the driver as it is served.
func amazon() store { return store{profile: profileDocument} }

// Describe says which options a location takes.
func (store) Describe(context.Context) (driver.Description, error) {
	return driver.Description{Name: "s3", Title: "Amazon S3", Version: version, Options: options()}, nil
}

func options() []driver.Option {
	return append([]driver.Option{
		{Name: "region", Summary: "region of the bucket; by default the bucket is asked for it"},
		{Name: "endpoint", Summary: "URL to use instead of the region's own, such as that of a VPC or FIPS endpoint"},
		{Name: "role-arn", Summary: "ARN of a role to take on with the location's credentials"},
		{Name: "external-id", Summary: "what the owner of role-arn asks for"},
		{Name: "web-identity-role", Summary: "ARN of a role in another partition, to take on by federation with the location's credentials"},
		{Name: "web-identity-audience", Summary: "audience of the token for web-identity-role", Default: "sts.amazonaws.com"},
		{Name: "web-identity-region", Summary: "region whose STS issues the token for web-identity-role; by default AWS_REGION"},
	}, append(s3driver.WishOptions(), control.TransportOptions()...)...)
}

// Open opens a bucket. Where it is, is found out at its first request.
func (s store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	config, err := s.configure(ctx, request)
	if err != nil {
		return nil, control.FailOpen(request.Bucket, err)
	}
	return s3driver.Open(ctx, config)
}

// configure reads a location.
func (s store) configure(ctx context.Context, request driver.OpenRequest) (s3driver.Config, error) {
	values, err := control.ReadOptions(options(), request.Options)
	if err != nil {
		return s3driver.Config{}, err
	}
	transport, err := s3driver.ReadTransport(values)
	if err != nil {
		return s3driver.Config{}, err
	}
	wishes, err := s3driver.ReadWishes(values)
	if err != nil {
		return s3driver.Config{}, err
	}
	profile, err := s3driver.ParseProfile("s3", s.profile)
	if err != nil {
		return s3driver.Config{}, err
	}
	place := place{bucket: request.Bucket, region: values["region"], hint: values["region"]}
	if place.hint == "" {
		hint, err := s3driver.DefaultRegion(ctx, request.Credentials)
		if err != nil {
			return s3driver.Config{}, &driver.Error{Kind: driver.KindDenied, Message: "credentials: " + err.Error(), Err: err}
		}
		place.hint = hint
	}
	if place.hint == "" {
		place.hint = profile.Region
	}
	if text := values["endpoint"]; text != "" {
		endpoint, err := s3driver.ParseEndpoint(text)
		if err != nil {
			return s3driver.Config{}, control.Invalid("option endpoint: %v", err)
		}
		place.endpoint = &endpoint
	}
	role, err := readRole(values, place.hint)
	if err != nil {
		return s3driver.Config{}, err
	}
	identity, err := place.identity(ctx)
	if err != nil {
		return s3driver.Config{}, control.Invalid("option region: %v", err)
	}
	return s3driver.Config{
		Bucket: request.Bucket, Identity: identity, Credentials: request.Credentials, Role: role, Profile: profile,
		Transport: transport, Wishes: wishes, Locate: place.locate,
		Beside: func(ctx context.Context, source driver.CopySource) (s3driver.Config, error) {
			return s.configure(ctx, driver.OpenRequest{Bucket: source.Bucket, Options: source.Options, Credentials: request.Credentials})
		},
	}, nil
}
