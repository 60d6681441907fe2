package s3driver

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	encryptionNone = "none"
	encryptionKMS  = "aws:kms"

	optionPays = "requester-pays"
)

// payHeader acknowledges that the requester pays. Source: Amazon S3 user guide, "Downloading
// objects from Requester Pays buckets": it is wanted by every GET, HEAD, PUT and POST.
var payHeader = driver.Header{Name: "x-amz-request-payer", Value: "requester"}

// Wishes are what a location asks of every request, and of every object that is written.
type Wishes struct {
	ACL           string // canned; empty for the bucket's default
	Encryption    string // "AES256" or "aws:kms"; empty for the bucket's default
	Key           string // id, ARN or alias of the key for aws:kms; empty for the store's own
	RequesterPays bool
}

// WishOptions are the options of Wishes. Source of the names: Amazon S3 API reference,
// PutObject, and user guide, "Canned ACL".
func WishOptions() []driver.Option {
	return []driver.Option{
		{
			Name: "acl", Summary: "canned access rule of what is written; by default the bucket decides",
			Values: []string{
				"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control",
			},
		},
		{
			Name: "sse", Summary: "how the store encrypts what is written: with its own keys, or with those of its key service; by default the bucket decides",
			Default: encryptionNone, Values: []string{encryptionNone, "AES256", encryptionKMS},
		},
		{Name: "sse-kms-key", Summary: "id, ARN or alias of the key for sse=aws:kms; by default the account's own for S3"},
		{Name: optionPays, Summary: "who asks pays for requests and traffic, in a bucket that wants it so", Default: "false", Values: []string{"false", "true"}},
	}
}

// ReadWishes reads the options of WishOptions from what control.ReadOptions returned.
func ReadWishes(values map[string]string) (Wishes, error) {
	wishes := Wishes{ACL: values["acl"], Encryption: values["sse"], Key: values["sse-kms-key"], RequesterPays: values[optionPays] == "true"}
	if wishes.Encryption == encryptionNone {
		wishes.Encryption = ""
	}
	if wishes.Key != "" && wishes.Encryption != encryptionKMS {
		return Wishes{}, control.Invalid("option sse-kms-key is of no use without sse=%s", encryptionKMS)
	}
	return wishes, nil
}

// check refuses wishes that no request can fulfil.
func (w Wishes) check(reference string) error {
	if w.RequesterPays && reference == string(credentials.Anonymous) {
		return control.Invalid("option %s: nobody can be charged for anonymous requests: give credentials", optionPays)
	}
	return nil
}

// headers go with whatever begins an object: a PUT, an upload, a copy. A bucket key makes the
// store ask its key service once for many objects.
func (w Wishes) headers() []driver.Header {
	var header []driver.Header
	add := func(name, value string) {
		if value != "" {
			header = append(header, driver.Header{Name: name, Value: value})
		}
	}
	add("x-amz-acl", w.ACL)
	add("x-amz-server-side-encryption", w.Encryption)
	add("x-amz-server-side-encryption-aws-kms-key-id", w.Key)
	if w.Encryption == encryptionKMS {
		add("x-amz-server-side-encryption-bucket-key-enabled", "true")
	}
	return header
}

// paid returns the headers of a request with that of a requester who pays.
func (w Wishes) paid(header []driver.Header) []driver.Header {
	if !w.RequesterPays {
		return header
	}
	return append(slices.Clip(header), payHeader)
}

// pay has every call of the SDK say that the requester pays.
func (w Wishes) pay(options *s3.Options) {
	if w.RequesterPays {
		options.APIOptions = append(options.APIOptions, smithyhttp.SetHeaderValue(payHeader.Name, payHeader.Value))
	}
}

// copyHeaders go with a copy whose source may be in a bucket that wants to be paid for.
func copyHeaders(source driver.CopySource, header []driver.Header) func(*s3.Options) {
	return withHeader(Wishes{RequesterPays: source.Options[optionPays] == "true"}.paid(header))
}
