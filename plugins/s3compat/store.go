package main

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// version of this plugin.
const version = "0.1.0"

// store is the driver of all S3-compatible stores.
type store struct{}

// Describe says which options a location takes.
func (store) Describe(context.Context) (driver.Description, error) {
	names, err := profileNames()
	if err != nil {
		return driver.Description{}, err
	}
	return driver.Description{Name: "s3compat", Title: "S3-compatible stores", Version: version, Options: options(names)}, nil
}

func options(profiles []string) []driver.Option {
	return append([]driver.Option{
		{Name: "endpoint", Summary: "URL of the store: https://HOST[:PORT]; by default the profile's, where it has one for the region"},
		{Name: "profile", Summary: "which product the store is; generic trusts it least", Default: "generic", Values: profiles},
		{Name: "region", Summary: "region to sign for; by default the profile's"},
		{
			Name: "addressing", Summary: "how requests name the bucket; by default the profile's",
			Values: []string{string(s3driver.AddressingPath), string(s3driver.AddressingVirtualHost), string(s3driver.AddressingAuto)},
		},
	}, append(s3driver.WishOptions(), control.TransportOptions()...)...)
}

// Open opens a bucket below the endpoint.
func (s store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	config, err := s.configure(request)
	if err != nil {
		return nil, control.FailOpen(request.Bucket, err)
	}
	return s3driver.Open(ctx, config)
}

// configure reads a location.
func (s store) configure(request driver.OpenRequest) (s3driver.Config, error) {
	names, err := profileNames()
	if err != nil {
		return s3driver.Config{}, err
	}
	values, err := control.ReadOptions(options(names), request.Options)
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
	profile, err := readProfile(values["profile"])
	if err != nil {
		return s3driver.Config{}, err
	}
	region := first(values["region"], os.Getenv("AWS_REGION"), profile.Region)
	endpoint, err := endpointOf(profile, values["endpoint"], region)
	if err != nil {
		return s3driver.Config{}, err
	}
	location := endpoint.Locate(request.Bucket, first(s3driver.Addressing(values["addressing"]), profile.Addressing), region)
	return s3driver.Config{
		Bucket: request.Bucket, Identity: endpoint.Host() + "/" + request.Bucket, Credentials: request.Credentials,
		Profile: profile, Transport: transport, Wishes: wishes,
		Locate: func(context.Context, *http.Client) (s3driver.Location, error) { return location, nil },
		Beside: func(_ context.Context, source driver.CopySource) (s3driver.Config, error) {
			return s.configure(driver.OpenRequest{Bucket: source.Bucket, Options: source.Options})
		},
	}, nil
}

// endpointOf returns the endpoint that is given, or the profile's own for the region.
func endpointOf(profile s3driver.Profile, given, region string) (s3driver.Endpoint, error) {
	switch {
	case given == "" && profile.Endpoint == "":
		return s3driver.Endpoint{}, control.Invalid("option endpoint is missing: %s has none that is the same for everybody", profile.Title)
	case region == "":
		return s3driver.Endpoint{}, control.Invalid("option region is missing: %s has no region that is right by default", profile.Title)
	}
	endpoint, err := s3driver.ParseEndpoint(first(given, strings.ReplaceAll(profile.Endpoint, "{region}", region)))
	if err != nil {
		return s3driver.Endpoint{}, control.Invalid("option endpoint: %v", err)
	}
	return endpoint, nil
}

// first returns the first text that is not empty.
func first[T ~string](texts ...T) T {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
