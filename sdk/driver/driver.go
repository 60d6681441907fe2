package driver

import (
	"context"
	"time"
)

// Driver is one kind of store: Amazon S3, a family of S3-compatible stores, …
type Driver interface {
	// Describe says what the driver is and which options its locations take.
	// It needs neither network nor credentials.
	Describe(ctx context.Context) (Description, error)

	// Open prepares access to one bucket. It resolves the credentials reference
	// and validates the options, but makes no request to the bucket: a missing
	// or denied bucket shows in the first call that needs it. Option errors are
	// KindInvalidArgument, unresolvable credentials KindDenied.
	// The caller closes the bucket.
	Open(ctx context.Context, request OpenRequest) (Bucket, error)
}

// Description is what a driver says of itself.
type Description struct {
	Name    string   // name of the plugin and scheme of its locations, e.g. "s3"
	Title   string   // for people, e.g. "Amazon S3"
	Version string   // version of the plugin, semver without "v"
	Options []Option // what Open accepts, in the order in which people should read it
}

// OpenRequest names one bucket and how to reach it.
type OpenRequest struct {
	Bucket      string
	Credentials string            // reference: "", "env:PREFIX", "profile:NAME", "file:PATH", "exec:COMMAND", "secret:NAME" or "anonymous"
	Options     map[string]string // by Option.Name; absent means Option.Default
}

// Bucket is one opened bucket: the required methods that every store has.
// The set never grows after the first stable version; more ability is an
// interface of its own, found with [As].
type Bucket interface {
	// Session returns what is fixed for the life of this bucket handle.
	Session() Session

	// List returns one page of current objects whose key starts with
	// request.Prefix. Keys ascend in UTF-8 byte order where
	// Limits.ListOrdered says so. An empty page with a Next token is legal.
	List(ctx context.Context, request ListRequest) (ListPage, error)

	// Stat returns one object with attributes, metadata and the checksums that
	// the store keeps. An absent key is KindNotFound with Code "NoSuchKey"
	// where the store distinguishes it from an absent bucket.
	Stat(ctx context.Context, request StatRequest) (Object, error)

	// SignGet signs the download of one object. The host may add Range and
	// If-Match to the headers and use the exchange any number of times until it
	// expires. No request is made; the key need not exist.
	SignGet(ctx context.Context, request GetRequest) (Exchange, error)

	// SignPut signs the upload of one whole object of known length.
	// The exchange is good for one body of exactly that length.
	SignPut(ctx context.Context, request PutRequest) (Exchange, error)

	// Delete removes the current version of the key. Deleting an absent key
	// succeeds.
	Delete(ctx context.Context, request DeleteRequest) error

	// Close releases the handle; calls after it fail with KindFatal.
	// Closing twice is harmless.
	Close() error
}

// Uploader is the ability to write one object in parts (CapabilityUploader).
type Uploader interface {
	// CreateUpload begins an upload. It is not idempotent: each call begins
	// another upload.
	CreateUpload(ctx context.Context, request CreateUploadRequest) (Upload, error)

	// SignPart signs one part PUT. Sending the same part number again replaces
	// the part.
	SignPart(ctx context.Context, request PartRequest) (Exchange, error)

	// ListParts returns one page of the parts that the store holds, by
	// ascending number. An unknown upload is KindNotFound.
	ListParts(ctx context.Context, request ListPartsRequest) (PartsPage, error)

	// CompleteUpload joins the parts, given by ascending number, into the
	// object, which appears whole or not at all. It returns the object as far as
	// the store's reply tells: at least its ETag where the store has one.
	// It is not idempotent: after an unclear failure, Stat tells what happened.
	CompleteUpload(ctx context.Context, request CompleteUploadRequest) (Object, error)

	// AbortUpload discards an upload and its parts. An unknown upload succeeds.
	AbortUpload(ctx context.Context, request UploadRef) error
}

// UploadLister is the ability to find open uploads (CapabilityUploadLister):
// what a crash between CreateUpload and its record left behind.
type UploadLister interface {
	// ListUploads returns one page of open uploads whose key starts with the
	// prefix, by ascending key.
	ListUploads(ctx context.Context, request ListUploadsRequest) (UploadsPage, error)
}

// As returns bucket as the ability T and whether it may be used as that. Across a process
// boundary a proxy implements every interface whatever stands behind it, so
// the declared capability decides and the type only serves it.
func As[T any](bucket Bucket, capability Capability) (T, bool) {
	var none T
	if !bucket.Session().Has(capability) {
		return none, false
	}
	ability, ok := bucket.(T)
	return ability, ok
}

// ListRequest asks for one page.
type ListRequest struct {
	Prefix     string
	StartAfter string // only keys after this one; needs Limits.ListStartAfter; ignored when Token is set
	Token      string // Next of the page before; empty for the first page
	MaxKeys    int    // 0 means the store's largest page
}

// ListPage is one page of a listing. Objects of a listing have Key, Size, ETag,
// Modified and StorageClass, and Frozen where the store tells it; the rest is zero.
type ListPage struct {
	Objects []Object
	Next    string // token of the next page; empty at the end of the listing
}

// StatRequest names one object.
type StatRequest struct {
	Key       string
	VersionID string // empty for the current version
}

// GetRequest asks for one signed download.
type GetRequest struct {
	Key       string
	VersionID string    // empty for the current version
	Now       time.Time // the store's clock as the host observes it; zero when not observed yet
}

// PutRequest asks for one signed upload of a whole object.
type PutRequest struct {
	Key        string
	Size       int64      // exact length of the object in bytes
	Attributes Attributes // stored with the object
	Checksum   Checksum   // of the whole body where the host knows it already; zero otherwise
	Now        time.Time  // see GetRequest.Now
}

// DeleteRequest names the key to remove.
type DeleteRequest struct {
	Key string
}

// CreateUploadRequest begins an upload.
type CreateUploadRequest struct {
	Key        string
	Attributes Attributes
}

// UploadRef names an open upload.
type UploadRef struct {
	Key string
	ID  string
}

// Upload is an open upload.
type Upload struct {
	UploadRef
	Initiated time.Time // zero where the store does not tell
	Expires   time.Time // zero where uploads live until they are aborted
}

// PartRequest asks for one signed part.
type PartRequest struct {
	Upload UploadRef
	Number int   // from 1
	Size   int64 // exact length of the part in bytes
	Now    time.Time
}

// Part is one part that the store holds.
type Part struct {
	Number    int
	Size      int64
	ETag      string
	Checksums []Checksum
}

// ListPartsRequest asks for one page of parts.
type ListPartsRequest struct {
	Upload UploadRef
	Token  string
}

// PartsPage is one page of parts.
type PartsPage struct {
	Parts []Part
	Next  string // empty at the end
}

// CompleteUploadRequest joins parts into an object.
type CompleteUploadRequest struct {
	Upload     UploadRef
	Parts      []Part     // ascending, without gaps from 1
	Size       int64      // of the whole object
	Checksum   Checksum   // of the whole object; zero when not known
	Attributes Attributes // as given to CreateUpload, for stores that take them here
}

// ListUploadsRequest asks for one page of open uploads.
type ListUploadsRequest struct {
	Prefix string
	Token  string
}

// UploadsPage is one page of open uploads.
type UploadsPage struct {
	Uploads []Upload
	Next    string // empty at the end
}
