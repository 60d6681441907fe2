package s3driver

import (
	"net"
	"strings"

	"github.com/dth-dev/dth/sdk/control"
)

// Location is where the requests for one bucket go.
type Location struct {
	Scheme string // "http" or "https"
	Host   string // with the port unless it is the scheme's own
	Path   string // escaped; what stands before "/KEY": "/BUCKET", or "" where the host names the bucket
	Region string // that signatures are made for
}

// Addressing is how a request names its bucket.
type Addressing string

// The addressings.
const (
	AddressingPath        Addressing = "path"         // http://HOST/BUCKET/KEY
	AddressingVirtualHost Addressing = "virtual-host" // http://BUCKET.HOST/KEY
	AddressingAuto        Addressing = "auto"         // virtual-host where the endpoint allows it
)

// Endpoint is the root of a store's URLs.
type Endpoint struct {
	scheme, host, path string
}

// ParseEndpoint reads "https://HOST[:PORT][/PATH]". Without a scheme it is https.
func ParseEndpoint(text string) (Endpoint, error) {
	root, err := control.ParseRoot(text)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{root.Scheme, root.Host, root.EscapedPath()}, nil
}

// Host returns the endpoint's host and port, without a port that is the scheme's own.
func (e Endpoint) Host() string { return e.host }

// Locate returns where the bucket is below the endpoint.
func (e Endpoint) Locate(bucket string, addressing Addressing, region string) Location {
	location := Location{Scheme: e.scheme, Host: e.host, Path: e.path, Region: region}
	if addressing == AddressingVirtualHost || addressing == AddressingAuto && e.canNameBucket(bucket) {
		location.Host = bucket + "." + e.host
	} else {
		location.Path += "/" + string(control.AppendPath(nil, bucket))
	}
	return location
}

// canNameBucket says whether BUCKET.HOST works: not below an address, and not
// with a dot under TLS, where no wildcard certificate covers it.
func (e Endpoint) canNameBucket(bucket string) bool {
	host, _, err := net.SplitHostPort(e.host)
	if err != nil {
		host = e.host
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return false
	}
	return e.scheme == "http" || !strings.Contains(bucket, ".")
}
