package s3driver

import "github.com/dth-dev/dth/sdk/control"

// model is what becomes of the headers that S3's object model has, and of those that other
// stores which speak S3 add to it. Access rules (ACLs) stand in no answer to GET or HEAD.
// Sources: Amazon S3 API reference, GetObject and HeadObject, "Response syntax";
// https://cloud.google.com/storage/docs/xml-api/reference-headers;
// https://docs.ceph.com/en/latest/radosgw/s3/objectops/ ("Append object").
var model = control.ObjectModel{
	control.Carried: {
		"x-amz-meta-*", "x-amz-storage-class", "x-amz-version-id", "x-amz-checksum-*", // of the type too
		"x-amz-tagging-count", // the tags themselves are asked for
	},
	control.Told: {
		"x-amz-missing-meta", // metadata that headers cannot tell: names or values that SOAP or others wrote
		"x-amz-object-lock-event-hold", "x-amz-object-lock-event-hold-duration-days", "x-amz-object-lock-event-hold-duration-years",
		"x-amz-object-lock-legal-hold: ON", // OFF is what every other object of such a bucket has
		"x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date",
		"x-amz-website-redirect-location",
		// Google Cloud Storage. Metadata comes as x-amz-meta-… to who signs as for S3; what
		// comes under its own prefix would be lost.
		"x-goog-meta-*", "x-goog-custom-time", "x-goog-object-lock-mode", "x-goog-object-lock-retain-until-date",
		"x-goog-event-based-hold: true", "x-goog-temporary-hold: true",
		"x-rgw-object-type: Appendable", // Ceph: the copy cannot be appended to
	},
	control.Apart: {
		"x-amz-archive-status", "x-amz-delete-marker", "x-amz-expiration", "x-amz-id-2", "x-amz-mp-parts-count",
		"x-amz-replication-status", "x-amz-request-charged", "x-amz-request-id", "x-amz-restore", "x-amz-bucket-region",
		// Encryption is the destination's own; objects under a customer's key cannot be read.
		"x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-bucket-key-enabled",
		"x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key-md5",
		"x-amz-object-lock-legal-hold: OFF",
		"x-goog-component-count", "x-goog-encryption-*", "x-goog-expiration", "x-goog-generation", "x-goog-hash", "x-goog-metageneration",
		"x-goog-storage-class", "x-goog-stored-content-encoding", "x-goog-stored-content-length", "x-guploader-uploadid",
		"x-rgw-next-append-position", "x-rgw-object-type: Normal",
		"cf-*", "x-bz-*", "x-minio-*", // of requests to Cloudflare R2, Backblaze B2 and MinIO
	},
}

// notCarried are the names of the model that are told.
var notCarried = model.NotCarried()
