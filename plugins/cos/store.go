package main

import (
	"context"

	"github.com/dth-dev/dth/plugins/internal/vault"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// version of this plugin.
const version = "0.1.0"

// store is the driver of COS.
type store struct {
	metadata string // root of the machine's metadata service, which knows the keys of its role
}

// Describe says which options a location takes.
func (store) Describe(context.Context) (driver.Description, error) {
	return driver.Description{Name: "cos", Title: "Tencent Cloud COS", Version: version, Options: options()}, nil
}

func options() []driver.Option {
	return append([]driver.Option{
		{Name: "region", Summary: "region of the bucket, such as ap-guangzhou: COS tells it to nobody who does not know it", Required: true},
		{
			Name: "network", Summary: "public, which inside Tencent Cloud leads to the private network, or accelerate for objects by global acceleration",
			Default: "public", Values: []string{"public", "accelerate"},
		},
		{Name: "domain", Summary: "custom domain of the bucket, as https://HOST"},
		{Name: "endpoint", Summary: "URL of another COS, as https://HOST[:PORT], with the bucket before HOST, or after an IP address"},
	}, append(wishOptions(), control.TransportOptions()...)...)
}

// Open opens a bucket. It asks nobody but the source of the credentials.
func (s store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	opened, err := s.open(ctx, request)
	if err != nil {
		return nil, control.FailOpen(request.Bucket, err)
	}
	return opened, nil
}

func (s store) open(ctx context.Context, request driver.OpenRequest) (*bucket, error) {
	values, err := control.ReadOptions(options(), request.Options)
	if err != nil {
		return nil, err
	}
	place, err := locate(request.Bucket, values)
	if err != nil {
		return nil, err
	}
	wishes, err := readWishes(values)
	if err != nil {
		return nil, err
	}
	how, err := control.ReadTransport(values)
	if err != nil {
		return nil, err
	}
	transport, err := control.NewTransport(how)
	if err != nil {
		return nil, err
	}
	keyring, err := control.OpenKeyring(ctx, request.Credentials, s.chain, vault.Open)
	if err != nil {
		return nil, err
	}
	clock := &control.Clock{}
	opened := &bucket{
		name: request.Bucket, place: place, session: session(place.identity, how), wishes: wishes, keyring: keyring, clock: clock,
		transport: transport, client: control.NewClient(transport, clock),
	}
	opened.reporter = opened.newReporter()
	return opened, nil
}
