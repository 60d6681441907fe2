package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
)

// place finds out where a bucket of Amazon S3 is.
type place struct {
	bucket   string
	region   string // as the location says; empty when it does not
	hint     string // region to start from: it tells at least the partition
	endpoint *s3driver.Endpoint
}

// locate returns where the bucket's requests go. Without a region or an endpoint it
// asks the bucket, which answers even those who may not read it.
func (p place) locate(ctx context.Context, client *http.Client) (s3driver.Location, error) {
	if p.endpoint != nil {
		return p.endpoint.Locate(p.bucket, s3driver.AddressingAuto, p.hint), nil
	}
	hinted, err := p.regional(ctx, p.hint)
	if err != nil || p.region != "" {
		return hinted, err
	}
	region, err := p.ask(ctx, client, hinted)
	if err != nil {
		return s3driver.Location{}, err
	}
	return p.regional(ctx, region)
}

// regional returns the bucket's place in a region, by the endpoint rules of the
// AWS SDK: they know the partitions, and which bucket names can stand in a host.
func (p place) regional(ctx context.Context, region string) (s3driver.Location, error) {
	parameters := s3.EndpointParameters{Bucket: &p.bucket, Region: &region}.WithDefaults()
	endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, parameters)
	if err != nil {
		return s3driver.Location{}, &driver.Error{Kind: driver.KindInvalidArgument, Message: err.Error(), Err: err}
	}
	return s3driver.Location{
		Scheme: endpoint.URI.Scheme, Host: endpoint.URI.Host, Path: strings.TrimRight(endpoint.URI.EscapedPath(), "/"), Region: region,
	}, nil
}

// ask sends an unsigned HEAD to the bucket. Source: Amazon S3 API reference,
// HeadBucket: x-amz-bucket-region comes with 200, 301, 400 and 403.
func (p place) ask(ctx context.Context, client *http.Client, at s3driver.Location) (string, error) {
	target := url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path + "/"}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, target.String(), nil)
	if err != nil {
		return "", err
	}
	reply, err := client.Do(request)
	if err != nil {
		return "", err
	}
	_ = reply.Body.Close() // a HEAD has none
	if region := reply.Header.Get("X-Amz-Bucket-Region"); region != "" {
		return region, nil
	}
	failure := &driver.Error{Status: reply.StatusCode, RequestID: reply.Header.Get("X-Amz-Request-Id")}
	switch {
	case reply.StatusCode == http.StatusNotFound:
		failure.Kind, failure.Code = driver.KindNotFound, "NoSuchBucket"
		failure.Message = fmt.Sprintf("the bucket does not exist in the partition of region %s: for another one give region", p.hint)
	case reply.StatusCode >= http.StatusInternalServerError:
		failure.Kind = driver.Classify(nil, reply.StatusCode, "", "")
		failure.Message = "the bucket did not say its region"
	default:
		failure.Kind = driver.KindInvalidArgument
		failure.Message = fmt.Sprintf("the bucket did not say its region (HTTP %d): give the option region", reply.StatusCode)
	}
	return "", failure
}

// identity is the same whatever endpoint of a partition is used: bucket names
// are unique in a partition.
func (p place) identity(ctx context.Context) (string, error) {
	if p.endpoint != nil && !strings.Contains(p.endpoint.Host(), ".amazonaws.") {
		return p.endpoint.Host() + "/" + p.bucket, nil
	}
	root, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{Region: aws.String(p.hint)}.WithDefaults())
	if err != nil {
		return "", err
	}
	host := strings.Replace(root.URI.Host, "."+p.hint+".", ".", 1)
	if strings.HasPrefix(p.hint, "us-gov-") { // shares its domain with the global partition
		host = "us-gov." + host
	}
	return host + "/" + p.bucket, nil
}
