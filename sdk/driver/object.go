package driver

import "time"

// Object is one object as a store describes it.
type Object struct {
	Key          string
	Size         int64     // bytes
	ETag         string    // without quotes; a weak one keeps its W/ mark
	Modified     time.Time // UTC; whole seconds on most stores
	VersionID    string    // empty where the bucket keeps no versions
	StorageClass string    // in the store's own words; empty for its default
	Attributes   Attributes
	Checksums    []Checksum
	// Frozen says that the object is archived and was not restored: reading it is
	// KindFrozen. Listings alone tell, and those of some stores only; false means no more
	// than that nothing is known.
	Frozen bool
}

// Attributes are what an object carries beside its bytes.
// The zero value of a field means that the object does not have it.
type Attributes struct {
	ContentType        string
	ContentEncoding    string
	ContentLanguage    string
	ContentDisposition string
	CacheControl       string
	Expires            string     // as the header stood, even when it is no date
	Metadata           []Metadata // user metadata, ascending by name
	// StorageClass and Tags are for writing: Stat and List tell the class in
	// Object.StorageClass, a Tagger tells the tags.
	StorageClass string // one of Session.StorageClasses; empty for the bucket's default
	Tags         []Tag  // ascending by key; needs CapabilityTagger
	// NotCarried says what else the store keeps of the object that no other field has, each
	// as "NAME: VALUE", ascending. It is told where the object is read and never written:
	// the copy lacks it, which the user must hear of.
	NotCarried []string
}

// Metadata is one pair of user metadata. Names are lower case and carry no
// vendor prefix: "owner", not "x-amz-meta-owner".
type Metadata struct {
	Name  string
	Value string
}

// Algorithm names a checksum. Its numbers are those of the wire and are never
// reused.
type Algorithm int

// The algorithms that object stores keep.
const (
	AlgorithmNone      Algorithm = 0
	AlgorithmCRC64NVME Algorithm = 1 // reflected polynomial 0x9a6c9329ac4bc9b5, eight bytes big-endian
	AlgorithmCRC64ECMA Algorithm = 2 // reflected polynomial 0xc96c5795d7870f42, eight bytes big-endian
	AlgorithmCRC32C    Algorithm = 3 // Castagnoli, four bytes big-endian
	AlgorithmCRC32     Algorithm = 4 // IEEE, four bytes big-endian
	AlgorithmMD5       Algorithm = 5
	AlgorithmSHA1      Algorithm = 6
	AlgorithmSHA256    Algorithm = 7
	// AlgorithmQETag is Qiniu's hash, 21 bytes: 0x16 and the SHA-1 of at most 4 MiB, or
	// 0x96 and the SHA-1 of the SHA-1s of all blocks of 4 MiB, or, where an upload came in
	// other parts than such blocks, 0x9e and a hash of the parts' own, which is
	// Checksum.Composite.
	AlgorithmQETag Algorithm = 8
)

var algorithmNames = [...]string{"none", "crc64nvme", "crc64ecma", "crc32c", "crc32", "md5", "sha1", "sha256", "qetag"}

// String returns the algorithm's name as reports and profiles write it.
func (a Algorithm) String() string {
	if a < 0 || int(a) >= len(algorithmNames) {
		return "unknown"
	}
	return algorithmNames[a]
}

// Checksum is one checksum of an object or part.
// The zero value means that there is none.
type Checksum struct {
	Algorithm Algorithm
	Value     string // raw bytes, big-endian for CRCs
	Composite bool   // of the parts' checksums, not of the bytes
}

// IsZero says that there is no checksum.
func (c Checksum) IsZero() bool { return c.Algorithm == AlgorithmNone }
