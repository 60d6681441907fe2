package main

import (
	"slices"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	encryptionNone = "none"
	encryptionKMS  = "KMS"

	optionPays = "requester-pays"
	payHeader  = headerPrefix + "request-payer"
	requester  = "requester"
)

// wishOptions are what a location may ask of every request, and of every object that is
// written. Sources, below
// https://www.alibabacloud.com/help/en/oss/: developer-reference/putobject for names and
// values, developer-reference/putbucketrequestpayment.
func wishOptions() []driver.Option {
	return []driver.Option{
		{
			Name: "acl", Summary: "access rule of what is written; by default the bucket's",
			Values: []string{"default", "private", "public-read", "public-read-write"},
		},
		{
			Name: "sse", Summary: "how OSS encrypts what is written: with its own keys, or with those of its key service; by default the bucket decides",
			Default: encryptionNone, Values: []string{encryptionNone, "AES256", encryptionKMS, "SM4"},
		},
		{Name: "sse-kms-key", Summary: "id of the key for sse=KMS; by default the account's own for OSS"},
		{Name: optionPays, Summary: "who asks pays for requests and traffic, in a bucket that wants it so", Default: "false", Values: []string{"false", "true"}},
	}
}

// readWishes returns the headers of what begins an object: a PUT, an upload, a copy.
func readWishes(values map[string]string) ([]driver.Header, error) {
	if values["sse-kms-key"] != "" && values["sse"] != encryptionKMS {
		return nil, control.Invalid("option sse-kms-key is of no use without sse=%s", encryptionKMS)
	}
	var header []driver.Header
	add := func(name, value string) {
		if value != "" {
			header = append(header, driver.Header{Name: headerPrefix + name, Value: value})
		}
	}
	add("object-acl", values["acl"])
	if how := values["sse"]; how != encryptionNone {
		add("server-side-encryption", how)
	}
	add("server-side-encryption-key-id", values["sse-kms-key"])
	return header, nil
}

// pays says whether who asks pays, by the options of a location.
func pays(options map[string]string) bool { return options[optionPays] == "true" }

// checkPayer refuses requests that nobody could be charged for.
func checkPayer(options map[string]string, reference string) error {
	if pays(options) && reference == string(credentials.Anonymous) {
		return control.Invalid("option %s: nobody can be charged for anonymous requests: give credentials", optionPays)
	}
	return nil
}

// paid returns headers with that of a requester who pays.
func paid(header []driver.Header, pays bool) []driver.Header {
	if !pays {
		return header
	}
	return append(slices.Clip(header), driver.Header{Name: payHeader, Value: requester})
}

// copying are the headers of a copy whose source may be in a bucket that wants to be
// paid for.
func copying(source driver.CopySource, header []driver.Header) oss.RequestCommon {
	common := oss.RequestCommon{Headers: map[string]string{}}
	for _, field := range paid(header, pays(source.Options)) {
		common.Headers[field.Name] = field.Value
	}
	return common
}
