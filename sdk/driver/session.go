package driver

import "time"

// Session is what is fixed for the life of a bucket handle: what the store can
// do, what it holds, and how far its answers can be trusted.
type Session struct {
	// Identity is the same for two handles of the same bucket and differs
	// otherwise, whatever options were used: "HOST/BUCKET" as a rule.
	Identity     string
	Capabilities []Capability
	Limits       Limits
	Checksums    Checksums
	KeyRules     KeyRules
	// Transport is how the host must connect to run exchanges.
	Transport Transport
	// Expires is when the credentials of the session end; zero when they do
	// not. No exchange outlives it. The driver renews by itself.
	Expires time.Time
}

// Has says whether the capability was declared.
func (s Session) Has(capability Capability) bool {
	for _, declared := range s.Capabilities {
		if declared == capability {
			return true
		}
	}
	return false
}

// Capability is an ability that a store declares. Numbers are those of the wire
// and are never reused.
type Capability int

// The abilities.
const (
	CapabilityUploader       Capability = 1
	CapabilityUploadLister   Capability = 2
	CapabilityConditionalGet Capability = 3 // GET honours If-Match
)

// String returns the capability's name.
func (c Capability) String() string {
	switch c {
	case CapabilityUploader:
		return "uploader"
	case CapabilityUploadLister:
		return "upload-lister"
	case CapabilityConditionalGet:
		return "conditional-get"
	}
	return "unknown"
}

// Limits are the sizes that a store accepts. Zero means no limit known.
type Limits struct {
	MaxPut             int64 // bytes in a single PUT
	MinPart            int64 // bytes in every part but the last
	MaxPart            int64
	MaxParts           int
	MaxObject          int64
	MaxMetadata        int  // bytes of all user metadata, names and values together
	MaxKeys            int  // objects in a listing page
	ListOrdered        bool // listings ascend in UTF-8 byte order
	ListStartAfter     bool // ListRequest.StartAfter is honoured
	StronglyConsistent bool // a listing shows every write that was acknowledged before it
}

// Checksums say what a store does with checksums.
type Checksums struct {
	// Stored is what the store keeps for a whole object and returns from
	// writes and Stat, best first.
	Stored []Algorithm
	// ETagMD5 says that the ETag of an object written by one PUT is the hex MD5
	// of its bytes; multipart ETags contain "-".
	ETagMD5 bool
	// BodyFirst says that SignPut wants PutRequest.Checksum whenever the body is small
	// enough to be held in memory.
	BodyFirst bool
}

// KeyRules say which keys the store can hold under their own name. The host
// checks them before a transfer; a key that breaks one is reported, never
// written under another name.
type KeyRules struct {
	MaxBytes         int      // whole key
	MaxSegment       int      // bytes between two "/"; 0 for no limit
	NoEmptySegment   bool     // refuses or folds "a//b"
	NoDotSegment     bool     // refuses or folds "." and ".." between "/"
	NoLeadingSlash   bool     // refuses or folds "/a"
	NoTrailingSlash  bool     // cannot hold "a/" with content
	NoControl        bool     // refuses U+0000 to U+001F and U+007F
	NoInvalidUTF8    bool     // refuses or spoils keys that are not UTF-8
	NoParentConflict bool     // cannot hold "a" beside "a/b"
	LookUp           bool     // rules are not known: look an unusual key up in a listing after writing it
	Forbidden        []string // substrings that no key may contain
}

// Transport is how the host connects to the store.
type Transport struct {
	CA         string // path of a PEM bundle that replaces the system's; empty for the system's
	ClientCert string // path of a PEM file with certificate and key; empty for none
	Proxy      string // URL of a proxy, "none", or empty for the environment's
}

// Option describes one option of a plugin's locations.
type Option struct {
	Name     string // lower case with "-"
	Summary  string // one sentence for people, without full stop
	Default  string
	Values   []string // the only accepted values; empty for free text
	Required bool
}
