package main

import "github.com/dth-dev/dth/sdk/control"

// model is what becomes of the headers of COS's object model. The access rule of an object
// (ACL) stands in no answer to GET or HEAD. Sources, below
// https://www.tencentcloud.com/document/product/436/: 7745 (HEAD Object), 7753 (GET Object),
// 7729 (common response headers), 7741 (appendable objects), 40133 (object lock), 57456 (force-download);
// tencentyun/cos-go-sdk-v5, object.go, for symbolic links.
var model = control.ObjectModel{
	control.Carried: {
		metadataPrefix + "*", "x-cos-storage-class", "x-cos-version-id", checksumHeader,
		"x-cos-tagging-count", // the tags themselves are asked for
	},
	control.Told: {
		"x-cos-object-type: appendable", // the copy cannot be appended to
		"x-cos-object-type: symlink",    // the copy is the object that the link leads to
		"x-cos-symlink-target", "x-cos-website-redirect-location",
		"x-cos-object-lock-*", // retention, whatever the names are that it comes by
	},
	control.Apart: {
		"x-cos-object-type: normal", "x-cos-next-append-position", "x-cos-delete-marker",
		"x-cos-expiration", "x-cos-force-download", "x-cos-replication-status", "x-cos-request-id", "x-cos-trace-id", "x-cos-restore",
		"x-cos-restore-status", "x-cos-storage-tier", "x-cos-bucket-region",
		// Encryption is the destination's own; objects under a customer's key cannot be read.
		"x-cos-server-side-encryption", "x-cos-server-side-encryption-cos-kms-key-id",
		"x-cos-server-side-encryption-customer-algorithm", "x-cos-server-side-encryption-customer-key-md5",
	},
}
