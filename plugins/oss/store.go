package main

import (
	"context"

	"github.com/dth-dev/dth/plugins/internal/vault"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// version of this plugin.
const version = "0.1.0"

// store is the driver of Alibaba Cloud OSS.
type store struct{}

// Describe says which options a location takes.
func (store) Describe(context.Context) (driver.Description, error) {
	return driver.Description{Name: "oss", Title: "Alibaba Cloud OSS", Version: version, Options: options()}, nil
}

func options() []driver.Option {
	return append([]driver.Option{
		{Name: "region", Summary: "region of the bucket, such as cn-hangzhou; by default the bucket is asked for it"},
		{
			Name: "network", Summary: "which of OSS's own endpoints to use; internal ones are for machines in the bucket's region",
			Default: networkPublic, Values: []string{networkPublic, "internal", "accelerate", "accelerate-overseas"},
		},
		{Name: "endpoint", Summary: "URL to use instead of OSS's own, such as that of a PrivateLink"},
		{Name: "domain", Summary: "URL of a custom domain that is bound to the bucket"},
	}, append(wishOptions(), control.TransportOptions()...)...)
}

// Open prepares access to a bucket and resolves its credentials; it asks OSS nothing.
func (store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	opened, err := open(ctx, request)
	if err != nil {
		return nil, control.FailOpen(request.Bucket, err)
	}
	return opened, nil
}

func open(ctx context.Context, request driver.OpenRequest) (*bucket, error) {
	values, err := control.ReadOptions(options(), request.Options)
	if err != nil {
		return nil, err
	}
	place, err := readPlace(request.Bucket, values)
	if err != nil {
		return nil, err
	}
	wishes, err := readWishes(values)
	if err == nil {
		err = checkPayer(values, request.Credentials)
	}
	if err != nil {
		return nil, err
	}
	options, err := control.ReadTransport(values)
	if err != nil {
		return nil, err
	}
	transport, err := control.NewTransport(options)
	if err != nil {
		return nil, err
	}
	keyring, err := control.OpenKeyring(ctx, request.Credentials, chain, vault.Open)
	if err != nil {
		return nil, err
	}
	session := session()
	session.Identity, session.Transport = place.store()+"/"+request.Bucket, options
	opened := &bucket{place: place, session: session, wishes: wishes, keyring: keyring, transport: transport}
	opened.client = control.NewClient(transport, &opened.clock)
	opened.reporter = opened.newReporter()
	return opened, nil
}
