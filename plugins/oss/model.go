package main

import "github.com/dth-dev/dth/sdk/control"

// model is what becomes of the headers of OSS's object model. The access rule of an object
// (ACL) stands in no answer to GET or HEAD, nor does where a symbolic link leads. Sources,
// below https://www.alibabacloud.com/help/en/oss/: developer-reference/headobject and
// getobject, developer-reference/appendobject, user-guide/symbolic-links,
// user-guide/object-level-retention-policy-object-worm.
var model = control.ObjectModel{
	control.Carried: {
		metadataPrefix + "*", classHeader, versionHeader, crcHeader,
		headerPrefix + "tagging-count", // the tags themselves are asked for
	},
	control.Told: {
		headerPrefix + "object-type: Appendable", // the copy cannot be appended to
		headerPrefix + "object-type: Symlink",    // the copy is the object that the link leads to
		headerPrefix + "sealed-time",             // of an appendable object
		headerPrefix + "object-worm-*",           // retention, whatever the names are that it comes by
	},
	control.Apart: {
		headerPrefix + "object-type: Normal", headerPrefix + "object-type: Multipart", headerPrefix + "next-append-position",
		headerPrefix + "delete-marker", headerPrefix + "ec", headerPrefix + "err",
		headerPrefix + "expiration", forcedHeader, headerPrefix + "process-status", headerPrefix + "replication-status",
		headerPrefix + "request-charged", headerPrefix + "request-id", headerPrefix + "restore", headerPrefix + "server-time",
		headerPrefix + "transition-time", "x-oss-access-tier",
		// Encryption is the destination's own.
		headerPrefix + "server-side-encryption", headerPrefix + "server-side-encryption-key-id", headerPrefix + "server-side-data-encryption",
	},
}

// notCarried are the names of the model that are told.
var notCarried = model.NotCarried()
