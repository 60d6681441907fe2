package main

import (
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	encryptionNone = "none"
	encryptionKMS  = "cos/kms"
)

// wishOptions are what a location may ask of every object that is written. Sources:
// https://www.tencentcloud.com/document/product/436/7728 for encryption,
// https://www.tencentcloud.com/document/product/436/30752 for access.
func wishOptions() []driver.Option {
	return []driver.Option{
		{
			Name: "acl", Summary: "canned access rule of what is written; by default the bucket's",
			Values: []string{"default", "private", "public-read", "authenticated-read", "bucket-owner-read", "bucket-owner-full-control"},
		},
		{
			Name: "sse", Summary: "how COS encrypts what is written: with its own keys, or with those of its key service; by default the bucket decides",
			Default: encryptionNone, Values: []string{encryptionNone, "AES256", encryptionKMS},
		},
		{Name: "sse-kms-key", Summary: "id of the key for sse=cos/kms; by default the account's own for COS"},
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
			header = append(header, driver.Header{Name: name, Value: value})
		}
	}
	add("x-cos-acl", values["acl"])
	if how := values["sse"]; how != encryptionNone {
		add("x-cos-server-side-encryption", how)
	}
	add("x-cos-server-side-encryption-cos-kms-key-id", values["sse-kms-key"])
	return header, nil
}
