package driver

import "time"

// Session is what is fixed for the life of a bucket handle: what the store can
// do, what it holds, and how far its answers can be trusted.
type Session struct {
	// Identity is the same for two handles of the same bucket and differs
	// otherwise, whatever options were used: "HOST/BUCKET" as a rule.
	Identity      string
	Capabilities  []Capability
	Limits        Limits
	Checksums     Checksums
	KeyRules      KeyRules
	MetadataRules MetadataRules
	// StorageClasses are the classes that Attributes.StorageClass may name. Empty
	// where the store has one class only.
	StorageClasses []StorageClass
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
	CapabilityCopier         Capability = 4
	CapabilityTagger         Capability = 5
	CapabilityRestorer       Capability = 6
	CapabilityEventParser    Capability = 7
	// CapabilityBearerUploads says that what SignPut and SignPart return carries a
	// token instead of a signature of the request: the store binds it to bucket, key,
	// largest size and deadline, not to method, part number or exact length. The host
	// alone then keeps a body to its length.
	CapabilityBearerUploads Capability = 8
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
	case CapabilityCopier:
		return "copier"
	case CapabilityTagger:
		return "tagger"
	case CapabilityRestorer:
		return "restorer"
	case CapabilityEventParser:
		return "event-parser"
	case CapabilityBearerUploads:
		return "bearer-uploads"
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
	MaxCopy            int64 // bytes in one CopyObject; larger ones are copied in parts
	MaxMetadata        int   // bytes of all user metadata, names and values together
	MaxTags            int   // tags of one object
	MaxKeys            int   // objects in a listing page
	ListOrdered        bool  // listings ascend in UTF-8 byte order
	ListStartAfter     bool  // ListRequest.StartAfter is honoured
	StronglyConsistent bool  // a listing shows every write that was acknowledged before it
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
// checks them before a transfer; a key that breaks one is reported, and written
// under another name only where the user asked for that.
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
	LookUp           bool     // rules are not known: the host tries each kind of unusual key with objects of its own first
	Forbidden        []string // substrings that no key may contain
}

// MetadataRules say which attributes the store keeps as they are, beside
// Limits.MaxMetadata. The zero value keeps all that HTTP can carry.
type MetadataRules struct {
	NameChars    string   // the only characters of a metadata name; empty for those of an HTTP header name
	MaxName      int      // bytes of one name; 0 for no limit
	MaxValue     int      // bytes of one value; 0 for no limit
	VisibleASCII bool     // values hold U+0020 to U+007E only
	LostHeaders  []string // content headers that the store does not keep, lower case: "content-language"
}

// StorageClass is one class of a store.
type StorageClass struct {
	Name string // in the store's own words
	Tier Tier   // what it is comparable with elsewhere
}

// Tier is what storage classes of different stores have in common. Its numbers are
// those of the wire.
type Tier int

// The tiers, from the dearest to keep to the cheapest.
const (
	TierHot            Tier = 1
	TierAuto           Tier = 2 // the store moves objects between tiers
	TierCool           Tier = 3 // dearer to read, with a shortest stay
	TierArchiveInstant Tier = 4 // as an archive, but read at once
	TierArchive        Tier = 5 // must be restored before it is read
	TierDeepArchive    Tier = 6 // as archive; restoring takes hours to days
)

// String returns the tier's name.
func (t Tier) String() string {
	names := [...]string{"unknown", "hot", "auto", "cool", "archive-instant", "archive", "deep-archive"}
	if t < 0 || int(t) >= len(names) {
		return names[0]
	}
	return names[t]
}

// MustRestore says whether objects of the tier are read only after they were restored.
func (t Tier) MustRestore() bool { return t == TierArchive || t == TierDeepArchive }

// Transport is how the host connects to the store.
type Transport struct {
	CA         string // path of a PEM bundle that replaces the system's; empty for the system's
	ClientCert string // path of a PEM file with certificate and key; empty for none
	Proxy      string // URL of a proxy, "none", or empty for the environment's
	// Resolve sends connections elsewhere than names say: each entry is
	// "HOST:PORT:ADDRESS", where HOST may be "*" and ADDRESS is an IP address, IPv6 in
	// brackets. The port, the Host header and the name that TLS checks stay.
	Resolve []string
}

// Option describes one option of a plugin's locations.
type Option struct {
	Name     string // lower case with "-"
	Summary  string // one sentence for people, without full stop
	Default  string
	Values   []string // the only accepted values; empty for free text
	Required bool
}
