package s3driver

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml"

	"github.com/dth-dev/dth/sdk/driver"
)

// Profile says how one product speaks S3. It is data: no code asks which
// product it is.
type Profile struct {
	Name       string     `yaml:"-"`
	Title      string     `yaml:"title"`
	Region     string     `yaml:"region"`     // where none is given
	Addressing Addressing `yaml:"addressing"` // where none is given

	ConditionalGet bool        `yaml:"conditional-get"` // GET honours If-Match
	Listing        Listing     `yaml:"listing"`
	Checksums      Checksums   `yaml:"checksums"`
	Uploads        Uploads     `yaml:"uploads"`
	Metadata       MetadataSet `yaml:"metadata"`
	Limits         Limits      `yaml:"limits"`
	Keys           Keys        `yaml:"keys"`
}

// Listing says how far listings can be trusted.
type Listing struct {
	Ordered    bool `yaml:"ordered"`     // keys ascend in UTF-8 byte order
	StartAfter bool `yaml:"start-after"` // start-after returns every later key, whatever it is
	Consistent bool `yaml:"consistent"`  // a listing shows every write acknowledged before it
}

// Checksums say what the store does with checksums.
type Checksums struct {
	Stored       []string `yaml:"stored"`        // kept for whole objects and returned, best first
	ETagMD5      bool     `yaml:"etag-md5"`      // the ETag of a single PUT is the MD5
	Header       bool     `yaml:"header"`        // takes x-amz-checksum-… with a PUT
	TrailerChunk int      `yaml:"trailer-chunk"` // bytes of an aws-chunked chunk; 0 where trailers are refused
	KeepsChunked bool     `yaml:"keeps-chunked"` // stores "aws-chunked" as part of the object's content encoding
	UploadWhole  bool     `yaml:"upload-whole"`  // CreateUpload takes ChecksumType FULL_OBJECT
}

// Uploads say what the store can tell of open uploads.
type Uploads struct {
	List bool `yaml:"list"` // ListMultipartUploads finds uploads by key
}

// MetadataSet says which user metadata the store keeps as it was given.
type MetadataSet struct {
	Bytes int  `yaml:"bytes"` // of names and values together
	UTF8  bool `yaml:"utf-8"` // values in UTF-8 beyond US-ASCII come back as they were sent
	// HeaderUTF8 says the same of the content headers.
	HeaderUTF8 bool `yaml:"header-utf-8"`
	// ExpiresDate says that an Expires header that is not a date of HTTP's own
	// form is dropped or rewritten.
	ExpiresDate bool `yaml:"expires-date"`
}

// Limits are sizes in bytes, and counts.
type Limits struct {
	MaxPut    int64 `yaml:"max-put"`
	MinPart   int64 `yaml:"min-part"`
	MaxPart   int64 `yaml:"max-part"`
	MaxParts  int   `yaml:"max-parts"`
	MaxObject int64 `yaml:"max-object"`
	MaxKeys   int   `yaml:"max-keys"`
}

// Keys mirror driver.KeyRules.
type Keys struct {
	MaxBytes         int      `yaml:"max-bytes"`
	MaxSegment       int      `yaml:"max-segment"`
	NoEmptySegment   bool     `yaml:"no-empty-segment"`
	NoDotSegment     bool     `yaml:"no-dot-segment"`
	NoLeadingSlash   bool     `yaml:"no-leading-slash"`
	NoTrailingSlash  bool     `yaml:"no-trailing-slash"`
	NoControl        bool     `yaml:"no-control"`
	NoInvalidUTF8    bool     `yaml:"no-invalid-utf8"`
	NoParentConflict bool     `yaml:"no-parent-conflict"`
	LookUp           bool     `yaml:"look-up"`
	Forbidden        []string `yaml:"forbidden"`
}

// checksum is how S3 names an algorithm. Source: Amazon S3 API reference,
// "Checking object integrity".
type checksum struct {
	algorithm driver.Algorithm
	name      string // as ChecksumAlgorithm writes it
	header    string
}

var checksums = []checksum{
	{driver.AlgorithmCRC64NVME, "CRC64NVME", "x-amz-checksum-crc64nvme"},
	{driver.AlgorithmCRC32C, "CRC32C", "x-amz-checksum-crc32c"},
	{driver.AlgorithmCRC32, "CRC32", "x-amz-checksum-crc32"},
	{driver.AlgorithmSHA256, "SHA256", "x-amz-checksum-sha256"},
	{driver.AlgorithmSHA1, "SHA1", "x-amz-checksum-sha1"},
}

// checksumOf returns how S3 names the algorithm, or false where it does not.
func checksumOf(algorithm driver.Algorithm) (checksum, bool) {
	for _, known := range checksums {
		if known.algorithm == algorithm {
			return known, true
		}
	}
	return checksum{}, false
}

// ParseProfile reads a profile from YAML. A field that it does not know is an
// error, so that a misspelt quirk cannot pass for an absent one.
func ParseProfile(name string, document []byte) (Profile, error) {
	var profile Profile
	if err := yaml.NewDecoder(bytes.NewReader(document), yaml.Strict()).Decode(&profile); err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	profile.Name = name
	return profile, nil
}

// session fills in what the profile says of a session.
func (p Profile) session() (driver.Session, error) {
	session := driver.Session{
		Capabilities: []driver.Capability{driver.CapabilityUploader},
		Limits: driver.Limits{
			MaxPut: p.Limits.MaxPut, MinPart: p.Limits.MinPart, MaxPart: p.Limits.MaxPart, MaxParts: p.Limits.MaxParts,
			MaxObject: p.Limits.MaxObject, MaxKeys: p.Limits.MaxKeys, MaxMetadata: p.Metadata.Bytes,
			ListOrdered: p.Listing.Ordered, ListStartAfter: p.Listing.StartAfter, StronglyConsistent: p.Listing.Consistent,
		},
		Checksums: driver.Checksums{ETagMD5: p.Checksums.ETagMD5, BodyFirst: p.Checksums.Header},
		KeyRules:  driver.KeyRules(p.Keys),
	}
	for _, name := range p.Checksums.Stored {
		algorithm, err := algorithmNamed(name)
		if err != nil {
			return driver.Session{}, fmt.Errorf("profile %s: %w", p.Name, err)
		}
		session.Checksums.Stored = append(session.Checksums.Stored, algorithm)
	}
	if p.Uploads.List {
		session.Capabilities = append(session.Capabilities, driver.CapabilityUploadLister)
	}
	if p.ConditionalGet {
		session.Capabilities = append(session.Capabilities, driver.CapabilityConditionalGet)
	}
	return session, nil
}

func algorithmNamed(name string) (driver.Algorithm, error) {
	for _, known := range checksums {
		if known.algorithm.String() == name {
			return known.algorithm, nil
		}
	}
	return driver.AlgorithmNone, fmt.Errorf("unknown checksum %q", name)
}
