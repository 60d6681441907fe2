package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const networkPublic = "public"

// endpoints are OSS's own, by network; REGION stands for the region's id.
// Source: https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints.
var endpoints = map[string]string{
	networkPublic:         "oss-REGION.aliyuncs.com",
	"internal":            "oss-REGION-internal.aliyuncs.com",
	"accelerate":          "oss-accelerate.aliyuncs.com",
	"accelerate-overseas": "oss-accelerate-overseas.aliyuncs.com",
}

// regional finds the region in the host of an endpoint, dual-stack ones included.
var regional = regexp.MustCompile(`^(?:oss-([a-z]+-[a-z0-9-]+?)(?:-internal)?|([a-z]+-[a-z0-9-]+)\.oss)\.aliyuncs\.com$`)

// place says which bucket and how to reach it, as a location gives it.
type place struct {
	bucket   string
	region   string   // empty where the bucket is to be asked
	network  string   // one of the endpoints
	endpoint *url.URL // to use instead; nil for OSS's own
	domain   bool     // the endpoint is a domain of the bucket's own
	pays     bool     // who asks pays for requests
}

// readPlace reads the options region, network, endpoint, domain and requester-pays.
func readPlace(bucket string, values map[string]string) (place, error) {
	p := place{bucket: bucket, region: strings.TrimPrefix(values["region"], "oss-"), network: values["network"], pays: pays(values)}
	if !oss.IsValidBucketName(&bucket) {
		return p, control.Invalid("%q is no bucket name: OSS takes 3 to 63 lower-case letters, digits and \"-\"", bucket)
	}
	if strings.Trim(p.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return p, control.Invalid("option region: %q is no region: write it as cn-hangzhou", p.region)
	}
	option, text := "endpoint", values["endpoint"]
	if values["domain"] != "" {
		option, text, p.domain = "domain", values["domain"], true
	}
	switch {
	case text == "":
		return p, nil
	case p.domain && values["endpoint"] != "":
		return p, control.Invalid("options endpoint and domain exclude each other")
	case p.network != networkPublic:
		return p, control.Invalid("options network and %s exclude each other", option)
	}
	var err error
	if p.endpoint, err = control.ParseEndpoint(text); err != nil {
		return p, control.Invalid("option %s: %v", option, err)
	}
	if p.region == "" {
		p.region = regionOf(p.endpoint.Hostname())
	}
	return p, nil
}

// regionOf returns the region that an endpoint's host names, or "".
func regionOf(host string) string {
	if match := regional.FindStringSubmatch(host); match != nil && !strings.HasPrefix(host, "oss-accelerate") {
		return match[1] + match[2]
	}
	return ""
}

// store names the OSS that the bucket is in: Alibaba Cloud's, in which bucket names are
// unique, or another one.
func (p place) store() string {
	if p.endpoint == nil || p.domain || strings.HasSuffix(p.endpoint.Hostname(), ".aliyuncs.com") {
		return "aliyuncs.com"
	}
	return p.endpoint.Host
}

// site is where the bucket's requests go, and what they are signed for.
type site struct {
	place
	root string // "https://HOST", and the bucket where the host does not name it
	sdk  *oss.Client
}

// at returns the bucket's place in its region. OSS takes the bucket in the host's
// name, but for endpoints that are addresses, as its SDK has it too. Control calls
// leave the accelerated endpoints to bodies: not every call is documented for those.
func (b *bucket) at(p place) *site {
	calls := p
	if strings.HasPrefix(p.network, "accelerate") {
		calls.network = networkPublic
	}
	p.endpoint, calls.endpoint = p.address(), calls.address()
	s := &site{place: p, root: p.endpoint.Scheme + "://", sdk: b.newSDK(calls)}
	switch {
	case net.ParseIP(p.endpoint.Hostname()) != nil:
		s.root += p.endpoint.Host + "/" + p.bucket
	case p.domain:
		s.root += p.endpoint.Host
	default:
		s.root += p.bucket + "." + p.endpoint.Host
	}
	return s
}

// address returns the endpoint, OSS's own where the location gives none.
func (p place) address() *url.URL {
	if p.endpoint != nil {
		return p.endpoint
	}
	return &url.URL{Scheme: "https", Host: strings.Replace(endpoints[p.network], "REGION", p.region, 1)}
}

// discover returns the place with its region. A bucket that is asked at the wrong
// region answers with its own endpoint, even those who may not read it.
// Source: https://www.alibabacloud.com/help/en/oss/support/http-status-code-403.
func (b *bucket) discover(ctx context.Context, p place) (place, error) {
	if p.region != "" {
		return p, nil
	}
	p.region = "cn-hangzhou"
	if hint := os.Getenv("OSS_REGION"); hint != "" {
		p.region = hint
	}
	asked := p
	if asked.network = networkPublic; p.domain { // other endpoints serve objects only
		asked.endpoint, asked.domain = nil, false
	}
	reply, err := b.at(asked).sdk.GetBucketLocation(ctx, &oss.GetBucketLocationRequest{Bucket: &p.bucket})
	var refused *oss.ServiceError
	switch {
	case err == nil && strings.HasPrefix(oss.ToString(reply.LocationConstraint), "oss-"):
		p.region = strings.TrimPrefix(*reply.LocationConstraint, "oss-")
	case err == nil:
		return p, control.Invalid("the bucket did not say its region: give the option region")
	case errors.As(err, &refused) && regionNamed(refused) != "":
		p.region = regionNamed(refused)
	case errors.As(err, &refused) && refused.StatusCode == 403 && b.translate(err).Code == "AccessDenied":
		// It is in this region and may not be asked for it.
	default:
		return p, b.translate(err)
	}
	return p, nil
}

// regionNamed returns the region that a refusal sends the request to, or "".
func regionNamed(refused *oss.ServiceError) string {
	if region := driver.SourceXML.Find(refused.Snapshot, "Region"); region != "" {
		return strings.TrimPrefix(region, "oss-")
	}
	return regionOf(driver.SourceXML.Find(refused.Snapshot, "Endpoint"))
}
