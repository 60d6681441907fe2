package driver

import (
	"context"
	"time"
)

// Copier is the ability to copy objects inside the store (CapabilityCopier): no
// byte of them passes the host. The methods belong to the destination's handle and
// run with its credentials.
type Copier interface {
	// ReachCopy returns nil when CopyObject and CopyPart may be used from this
	// source: the store copies between the two buckets, and the credentials of this
	// handle can read the source, which it tries with at most two read requests.
	// Otherwise the error says why not, fit for people; its kind is
	// KindUnsupported where the store cannot and KindDenied where it may not.
	ReachCopy(ctx context.Context, source CopySource) error

	// CopyObject copies one object of at most Limits.MaxCopy bytes with its
	// attributes and replaces what the key held. It may be repeated. A source that
	// is no longer the version asked for is KindPreconditionFailed, where the store
	// can tell. The object returned is known as far as the reply tells.
	CopyObject(ctx context.Context, request CopyObjectRequest) (Object, error)

	// CopyPart makes one part of an open upload from a range of the source. Stores
	// without it return KindUnsupported and have no Limits.MaxCopy.
	CopyPart(ctx context.Context, request CopyPartRequest) (Part, error)
}

// CopySource is a bucket of the same store as a copy's source.
type CopySource struct {
	Bucket  string
	Options map[string]string // of its location, as Open takes them
}

// CopyObjectRequest copies one whole object.
type CopyObjectRequest struct {
	Source       CopySource
	Object       Object // what to read: Key, VersionID, ETag and Size of the source
	Key          string // what to write
	StorageClass string // of the copy; empty for the bucket's default
}

// CopyPartRequest copies one range into a part.
type CopyPartRequest struct {
	Source CopySource
	Object Object // as in CopyObjectRequest
	Upload UploadRef
	Number int   // from 1
	Offset int64 // of the range's first byte
	Size   int64 // bytes in the range
}

// Tagger is the ability to keep tags beside an object (CapabilityTagger). Tags are
// written with the object, see Attributes.Tags, and read here: no store returns
// them with the bytes.
type Tagger interface {
	// Tags returns the tags of an object, ascending by key; none is an empty list.
	Tags(ctx context.Context, request StatRequest) ([]Tag, error)
}

// Tag is one tag of an object.
type Tag struct {
	Key   string
	Value string
}

// Restorer is the ability to make an archived object readable for a while
// (CapabilityRestorer). Reading one before is KindFrozen.
type Restorer interface {
	// Restore asks for the object to be readable for a number of days and returns
	// whether it is so already. It may be repeated; asking for an object that is being
	// restored, or that is not archived, succeeds.
	Restore(ctx context.Context, request RestoreRequest) (readable bool, err error)
}

// RestoreRequest names one archived object.
type RestoreRequest struct {
	Key       string
	VersionID string // empty for the current version
	Days      int    // at least 1
}

// EventParser is the ability to read the store's notifications
// (CapabilityEventParser). It makes no request.
type EventParser interface {
	// ParseEvents returns the events of one notification, in its order: whatever
	// carried it, keys are decoded exactly once. A notification that tells of no
	// object, such as a test message, is an empty list. A payload that is none of the
	// store's notifications is KindInvalidArgument and says what it lacks. Where one of
	// several records cannot be read, the others are returned, and in its place an Event
	// that has a Problem.
	ParseEvents(ctx context.Context, payload []byte) ([]Event, error)
}

// EventKind says what happened to an object. Its numbers are those of the wire.
type EventKind int

// The kinds of events. Others concern no copy and are left out by the parser.
const (
	EventCreated  EventKind = 1 // written or overwritten, by whatever operation
	EventDeleted  EventKind = 2 // deleted, or hidden by a delete marker
	EventRestored EventKind = 3 // archived, now readable
)

// String returns the kind's name.
func (k EventKind) String() string {
	switch k {
	case EventCreated:
		return "created"
	case EventDeleted:
		return "deleted"
	case EventRestored:
		return "restored"
	}
	return "unknown"
}

// Event is one thing that happened to one object. It is a hint to look: stores
// deliver events late, twice and out of order.
type Event struct {
	Kind      EventKind // 0 where there is a Problem
	Name      string    // the store's own name of the event
	Bucket    string
	Key       string
	VersionID string    // empty where the notification has none
	Size      int64     // bytes; 0 where the notification has none
	ETag      string    // without quotes; empty where the notification has none
	Sequencer string    // orders events of one key, compared as text after padding to the right with "0"; empty where the store has none
	Time      time.Time // of the event, by the store's clock
	// Problem says why this record of the notification could not be read; then the
	// other fields hold what of it could, if anything. Usually empty.
	Problem string
}
