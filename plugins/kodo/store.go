package main

import (
	"context"
	"net/url"

	"github.com/dth-dev/dth/plugins/internal/vault"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// version of this plugin.
const version = "0.1.0"

// store is the driver of Kodo.
type store struct{}

// Describe says which options a location takes.
func (store) Describe(context.Context) (driver.Description, error) {
	return driver.Description{Name: "kodo", Title: "Qiniu Kodo", Version: version, Options: options()}, nil
}

// vendor is the service that knows where the buckets of the public cloud are. Source:
// https://developer.qiniu.com/kodo/1671/region-endpoint-fq.
const vendor = "https://uc.qiniuapi.com"

func options() []driver.Option {
	return append([]driver.Option{
		{Name: "endpoint", Summary: "URL of the service uc, which knows where buckets are", Default: vendor},
		{Name: "domain", Summary: "URL of a domain bound to the bucket, to download from instead of its source domain"},
	}, control.TransportOptions()...)
}

// Open opens a bucket. It asks nobody but the source of the credentials.
func (s store) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	opened, err := s.open(ctx, request)
	if err != nil {
		return nil, control.FailOpen(request.Bucket, err)
	}
	return opened, nil
}

func (store) open(ctx context.Context, request driver.OpenRequest) (*bucket, error) {
	if err := control.CheckBucket(request.Bucket); err != nil {
		return nil, err
	}
	values, err := control.ReadOptions(options(), request.Options)
	if err != nil {
		return nil, err
	}
	endpoint, err := control.ParseEndpoint(values["endpoint"])
	if err != nil {
		return nil, control.Invalid("option endpoint: %v", err)
	}
	var domain *url.URL
	if values["domain"] != "" {
		if domain, err = control.ParseEndpoint(values["domain"]); err != nil {
			return nil, control.Invalid("option domain: %v", err)
		}
	}
	if request.Credentials == string(credentials.Anonymous) {
		return nil, control.Invalid("Kodo tells where a bucket is only to who has an access key: give the location credentials")
	}
	how, err := control.ReadTransport(values)
	if err != nil {
		return nil, err
	}
	transport, err := control.NewTransport(how)
	if err != nil {
		return nil, err
	}
	keyring, err := control.OpenKeyring(ctx, request.Credentials, chain, vault.Open)
	if err != nil {
		return nil, err
	}
	clock := &control.Clock{}
	opened := &bucket{
		name: request.Bucket, endpoint: endpoint, domain: domain, session: session(endpoint.Host+"/"+request.Bucket, how),
		keyring: keyring, clock: clock, transport: transport, client: control.NewClient(transport, clock),
	}
	opened.reporter = opened.newReporter()
	return opened, nil
}
