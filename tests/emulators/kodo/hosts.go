package main

import (
	"net"
	"slices"
	"strings"
)

// service is one of Kodo's services.
type service string

const (
	unknown  service = ""
	uc       service = "uc"  // buckets, and where the services are
	up       service = "up"  // uploads
	rs       service = "rs"  // objects
	rsf      service = "rsf" // listing
	download service = "io"
	anything service = "*" // without -strict-host, the path says which
)

// region is a region's id, such as z0.
type region string

// alias returns the region's name in the S3 dialect, which download hosts have.
//
// Source: https://developer.qiniu.com/kodo/4088/s3-access-domainname.
func (r region) alias() string {
	switch r {
	case "z0":
		return "cn-east-1"
	case "z1":
		return "cn-north-1"
	case "z2":
		return "cn-south-1"
	case "na0":
		return "us-north-1"
	case "as0":
		return "ap-southeast-1"
	}
	return string(r)
}

// hosts returns the vendor's names of a service, the first one being what it
// advises. Those of z0 go without a region, too.
//
// Source: https://developer.qiniu.com/kodo/1671/region-endpoint-fq.
func (r region) hosts(s service) []string {
	if s == uc {
		return []string{"uc.qiniuapi.com", "kodo-config.qiniuapi.com"}
	}
	patterns := map[service][]string{
		up:       {"up*.qiniup.com", "upload*.qiniup.com"},
		rs:       {"rs*.qiniuapi.com"},
		rsf:      {"rsf*.qiniuapi.com"},
		download: {"iovip*.qiniuio.com"},
	}
	var hosts []string
	for _, pattern := range patterns[s] {
		hosts = append(hosts, strings.Replace(pattern, "*", "-"+string(r), 1))
	}
	if r == "z0" {
		for _, pattern := range patterns[s] {
			hosts = append(hosts, strings.Replace(pattern, "*", "", 1))
		}
	}
	return hosts
}

// downloadHost returns the name that a bucket's objects are read at.
func (r region) downloadHost(bucket string) string {
	return bucket + ".kodo-" + r.alias() + ".qiniucs.com"
}

// serviceAt returns the service that a Host names and, for downloads, the bucket
// if the name tells.
func (s *server) serviceAt(host string) (at service, bucket string) {
	name := withoutPort(host)
	label, _, _ := strings.Cut(name, ".")
	if !s.strictHost {
		if s.buckets[label] != nil {
			return download, label
		}
		return anything, ""
	}
	for _, candidate := range []service{uc, up, rs, rsf, download} {
		if slices.Contains(s.region.hosts(candidate), name) {
			return candidate, ""
		}
	}
	if s.buckets[label] != nil && name == s.region.downloadHost(label) {
		return download, label
	}
	return unknown, ""
}

// ofOtherRegion says whether a host is the upload service of another region.
func (s *server) ofOtherRegion(host string) bool {
	name := withoutPort(host)
	return strings.HasSuffix(name, ".qiniup.com") && (strings.HasPrefix(name, "up-") || strings.HasPrefix(name, "upload-"))
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// locate returns the addresses of a service as a client is to use them that
// reached the emulator at host.
func (s *server) locate(at service, bucket, host string) []string {
	_, port, err := net.SplitHostPort(host)
	withPort := func(name string) string {
		if err != nil {
			return name
		}
		return net.JoinHostPort(name, port)
	}
	switch {
	case s.strictHost && at == download && bucket != "":
		return []string{withPort(s.region.downloadHost(bucket))}
	case s.strictHost:
		names := s.region.hosts(at)
		hosts := make([]string, len(names))
		for i, name := range names {
			hosts[i] = withPort(name)
		}
		return hosts
	case at == download && len(s.names) > 1:
		return []string{withPort(bucket + ".localhost")}
	}
	return []string{host}
}
