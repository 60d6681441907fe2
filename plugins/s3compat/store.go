package main

import (
	"context"
	"net/http"
	"os"

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
		{Name: "endpoint", Summary: "URL of the store: https://HOST[:PORT]", Required: true},
		{Name: "profile", Summary: "which product the store is; generic trusts it least", Default: "generic", Values: profiles},
		{Name: "region", Summary: "region to sign for; by default the profile's"},
		{
			Name: "addressing", Summary: "how requests name the bucket; by default the profile's",
			Values: []string{string(s3driver.AddressingPath), string(s3driver.AddressingVirtualHost), string(s3driver.AddressingAuto)},
		},
	}, control.TransportOptions()...)
}

// Open opens a bucket below the endpoint.
func (store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	names, err := profileNames()
	if err != nil {
		return nil, err
	}
	values, err := control.ReadOptions(options(names), request.Options)
	if err != nil {
		return nil, err
	}
	transport, err := s3driver.ReadTransport(values)
	if err != nil {
		return nil, err
	}
	profile, err := readProfile(values["profile"])
	if err != nil {
		return nil, err
	}
	endpoint, err := s3driver.ParseEndpoint(values["endpoint"])
	if err != nil {
		return nil, &driver.Error{Op: "Open", Bucket: request.Bucket, Kind: driver.KindInvalidArgument, Message: "option endpoint: " + err.Error()}
	}
	addressing := first(s3driver.Addressing(values["addressing"]), profile.Addressing)
	region := first(values["region"], os.Getenv("AWS_REGION"), profile.Region)
	location := endpoint.Locate(request.Bucket, addressing, region)
	return s3driver.Open(ctx, s3driver.Config{
		Bucket: request.Bucket, Identity: endpoint.Host() + "/" + request.Bucket, Credentials: request.Credentials,
		Profile: profile, Transport: transport,
		Locate: func(context.Context, *http.Client) (s3driver.Location, error) { return location, nil },
	})
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
