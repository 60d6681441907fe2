package main

import (
	"net"
	"net/url"
	"regexp"

	"github.com/dth-dev/dth/sdk/control"
)

// Sources: https://www.tencentcloud.com/document/product/436/13312 for names,
// https://www.tencentcloud.com/document/product/436/6224 for domains.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*-[0-9]+$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]+$`)
	vendorHost = regexp.MustCompile(`(^|\.)(myqcloud\.com|tencentcos\.cn)$`)
)

// place is where a bucket's requests go.
type place struct {
	scheme   string
	host     string // of exchanges, with the port unless it is the scheme's own
	calls    string // of control calls: global acceleration does not serve all of them
	path     string // "/BUCKET" below an address, empty where the host names the bucket
	identity string // see driver.Session
	store    string // which COS the bucket is of: buckets of one can be copied between
	source   string // the bucket as x-cos-copy-source wants it
}

// locate reads the options that say where the bucket is.
func locate(bucket string, values map[string]string) (place, error) {
	region, domain, endpoint := values["region"], values["domain"], values["endpoint"]
	switch accelerated := values["network"] == "accelerate"; {
	case !bucketName.MatchString(bucket):
		return place{}, control.Invalid("%q is no bucket of COS: write its name with the account's number, as NAME-APPID", bucket)
	case !regionName.MatchString(region):
		return place{}, control.Invalid("option region: %q is no region: write it as ap-guangzhou", region)
	case domain != "" && endpoint != "", accelerated && domain+endpoint != "":
		return place{}, control.Invalid("the options domain, endpoint and network=accelerate exclude each other")
	}
	regional := "cos." + region + ".myqcloud.com"
	host := bucket + "." + regional
	at := place{scheme: "https", host: host, calls: host, identity: regional + "/" + bucket, store: "myqcloud.com", source: host}
	switch {
	case values["network"] == "accelerate":
		at.host = bucket + ".cos.accelerate.myqcloud.com"
	case domain != "":
		root, err := control.ParseEndpoint(domain)
		if err != nil {
			return place{}, control.Invalid("option domain: %v", err)
		}
		at.scheme, at.host, at.calls = root.Scheme, root.Host, root.Host
	case endpoint != "":
		root, err := control.ParseEndpoint(endpoint)
		if err != nil {
			return place{}, control.Invalid("option endpoint: %v", err)
		}
		at.below(root, bucket)
	}
	return at, nil
}

// below moves the place below an endpoint. One that is not the vendor's is another
// COS, whose buckets are not those of the same name at the vendor.
func (p *place) below(root *url.URL, bucket string) {
	p.scheme, p.host = root.Scheme, bucket+"."+root.Host
	if net.ParseIP(root.Hostname()) != nil {
		p.host, p.path = root.Host, "/"+bucket
	}
	p.calls = p.host
	if !vendorHost.MatchString(root.Hostname()) || root.Port() != "" {
		p.identity, p.store = root.Host+"/"+bucket, root.Host
	}
}
