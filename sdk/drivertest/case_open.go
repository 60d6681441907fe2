package drivertest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

func openCases() []testCase {
	return []testCase{
		{name: "describe", proves: "Describe names the driver and its options", run: describe},
		{name: "open-unknown-option", proves: "Open refuses an option that Describe does not list", run: openUnknownOption},
		{name: "open-bad-value", proves: "Open refuses a value outside Option.Values", run: openBadValue},
		{name: "open-credentials", proves: "Open refuses credentials that cannot be resolved", run: openCredentials},
		{name: "session", proves: "the session is complete, and the same for two handles", run: sessionComplete},
		{name: "close", proves: "calls after Close fail with KindFatal; closing twice is harmless", run: closeTwice},
	}
}

func describe(k *check) {
	description, err := k.harness.Driver.Describe(k.ctx)
	k.must(err, "describe")
	if description.Name == "" || strings.Trim(description.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		k.errorf("the driver's name %q must consist of a-z, 0-9 and -", description.Name)
	}
	if description.Title == "" || description.Version == "" || strings.HasPrefix(description.Version, "v") {
		k.errorf("the driver needs a title and a version without v, it has %q and %q", description.Title, description.Version)
	}
	seen := map[string]bool{}
	for _, option := range description.Options {
		if option.Name == "" || strings.Trim(option.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || seen[option.Name] {
			k.errorf("option name %q must consist of a-z, 0-9 and - and be there once", option.Name)
		}
		seen[option.Name] = true
		if option.Summary == "" || strings.HasSuffix(option.Summary, ".") {
			k.errorf("option %q needs a summary without full stop, it has %q", option.Name, option.Summary)
		}
	}
}

// openRefused opens a changed request that must fail with one of the kinds.
func (k *check) openRefused(doing string, change func(*driver.OpenRequest), kinds ...driver.Kind) {
	request := k.harness.Bucket
	request.Options = maps.Clone(request.Options)
	if request.Options == nil {
		request.Options = map[string]string{}
	}
	change(&request)
	bucket, err := k.harness.Driver.Open(k.ctx, request)
	if err == nil {
		_ = bucket.Close() // the failure is that it opened
	}
	k.wantKind(err, doing, kinds...)
}

func openUnknownOption(k *check) {
	k.openRefused("open with an unknown option",
		func(r *driver.OpenRequest) { r.Options["no-such-option"] = "1" }, driver.KindInvalidArgument)
}

func openBadValue(k *check) {
	description, err := k.harness.Driver.Describe(k.ctx)
	k.must(err, "describe")
	if !slices.ContainsFunc(description.Options, func(o driver.Option) bool { return o.Values != nil }) {
		k.notDeclared()
	}
	for _, option := range description.Options {
		if option.Values != nil {
			k.openRefused("open with option "+option.Name+" outside its values",
				func(r *driver.OpenRequest) { r.Options[option.Name] = "no such value" }, driver.KindInvalidArgument)
		}
	}
}

func openCredentials(k *check) {
	k.openRefused("open with credentials from unset variables",
		func(r *driver.OpenRequest) { r.Credentials = "env:DTH_CONFORMANCE_UNSET" }, driver.KindDenied)
	k.openRefused("open with a reference of an unknown form",
		func(r *driver.OpenRequest) { r.Credentials = "no-such-form:x" }, driver.KindDenied, driver.KindInvalidArgument)
}

func sessionComplete(k *check) {
	other, err := k.harness.Driver.Open(k.ctx, k.harness.Bucket)
	k.must(err, "open the bucket a second time")
	defer func() { k.must(other.Close(), "close the second handle") }()
	if k.session.Identity == "" || other.Session().Identity != k.session.Identity {
		k.errorf("two handles of one bucket have the identities %q and %q", k.session.Identity, other.Session().Identity)
	}
	seen := map[driver.Capability]bool{}
	for _, capability := range k.session.Capabilities {
		if seen[capability] {
			k.errorf("capability %s is declared twice", capability)
		}
		seen[capability] = true
	}
	if _, can := driver.As[driver.Uploader](k.bucket, driver.CapabilityUploader); seen[driver.CapabilityUploader] && !can {
		k.errorf("the bucket declares uploader but does not implement it")
	}
	if _, can := driver.As[driver.UploadLister](k.bucket, driver.CapabilityUploadLister); seen[driver.CapabilityUploadLister] && !can {
		k.errorf("the bucket declares upload-lister but does not implement it")
	}
	limits := k.session.Limits
	if limits.MaxPut < 0 || limits.MinPart < 0 || limits.MaxPart < 0 || limits.MaxParts < 0 || limits.MaxObject < 0 ||
		limits.MaxMetadata < 0 || limits.MaxKeys < 0 || limits.MaxPart > 0 && limits.MinPart > limits.MaxPart {
		k.errorf("the limits make no sense: %+v", limits)
	}
}

func closeTwice(k *check) {
	bucket, err := k.harness.Driver.Open(k.ctx, k.harness.Bucket)
	k.must(err, "open")
	k.must(bucket.Close(), "close")
	k.must(bucket.Close(), "close a second time")
	for name, call := range bucketCalls(bucket, k.key("closed")) {
		k.wantKind(call(k.ctx), name+" after Close", driver.KindFatal)
	}
	for name, call := range signCalls(bucket, k.key("closed")) {
		k.wantKind(call(k.ctx), name+" after Close", driver.KindFatal)
	}
}

// bucketCalls returns every declared method that talks to the store, by name.
func bucketCalls(bucket driver.Bucket, key string) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"List": func(ctx context.Context) error {
			_, err := bucket.List(ctx, driver.ListRequest{Prefix: key})
			return err
		},
		"Stat": func(ctx context.Context) error {
			_, err := bucket.Stat(ctx, driver.StatRequest{Key: key})
			return err
		},
		"Delete": func(ctx context.Context) error { return bucket.Delete(ctx, driver.DeleteRequest{Key: key}) },
	}
	ref := driver.UploadRef{Key: key, ID: "conformance"}
	if uploader, can := driver.As[driver.Uploader](bucket, driver.CapabilityUploader); can {
		calls["CreateUpload"] = func(ctx context.Context) error {
			_, err := uploader.CreateUpload(ctx, driver.CreateUploadRequest{Key: key})
			return err
		}
		calls["ListParts"] = func(ctx context.Context) error {
			_, err := uploader.ListParts(ctx, driver.ListPartsRequest{Upload: ref})
			return err
		}
		calls["CompleteUpload"] = func(ctx context.Context) error {
			_, err := uploader.CompleteUpload(ctx, driver.CompleteUploadRequest{Upload: ref, Parts: []driver.Part{{Number: 1, ETag: "x", Size: 1}}, Size: 1})
			return err
		}
		calls["AbortUpload"] = func(ctx context.Context) error { return uploader.AbortUpload(ctx, ref) }
	}
	if lister, can := driver.As[driver.UploadLister](bucket, driver.CapabilityUploadLister); can {
		calls["ListUploads"] = func(ctx context.Context) error {
			_, err := lister.ListUploads(ctx, driver.ListUploadsRequest{Prefix: key})
			return err
		}
	}
	return calls
}

// signCalls returns every declared method that signs, by name.
func signCalls(bucket driver.Bucket, key string) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"SignGet": func(ctx context.Context) error {
			_, err := bucket.SignGet(ctx, driver.GetRequest{Key: key})
			return err
		},
		"SignPut": func(ctx context.Context) error {
			_, err := bucket.SignPut(ctx, driver.PutRequest{Key: key, Size: 1})
			return err
		},
	}
	if uploader, can := driver.As[driver.Uploader](bucket, driver.CapabilityUploader); can {
		calls["SignPart"] = func(ctx context.Context) error {
			_, err := uploader.SignPart(ctx, driver.PartRequest{Upload: driver.UploadRef{Key: key, ID: "conformance"}, Number: 1, Size: 1})
			return err
		}
	}
	return calls
}
