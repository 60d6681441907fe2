package s3driver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dth-dev/dth/sdk/driver"
)

// Profile says how one product speaks S3. It is data: no code asks which
// product it is.
type Profile struct {
	Name       string     `yaml:"-"`
	Title      string     `yaml:"title"`
	Region     string     `yaml:"region"`     // where none is given; empty where one must be
	Endpoint   string     `yaml:"endpoint"`   // where none is given, with {region}; empty where one must be
	Addressing Addressing `yaml:"addressing"` // where none is given

	ConditionalGet bool        `yaml:"conditional-get"` // GET honours If-Match
	RequestID      bool        `yaml:"request-id"`      // every answer has an x-amz-request-id
	AcceptEncoding string      `yaml:"accept-encoding"` // what a download must accept to come as it is stored; empty where it does anyway
	StoredEncoding string      `yaml:"stored-encoding"` // header that tells the stored Content-Encoding; see driver.Reply
	Listing        Listing     `yaml:"listing"`
	Checksums      Checksums   `yaml:"checksums"`
	Uploads        Uploads     `yaml:"uploads"`
	Metadata       MetadataSet `yaml:"metadata"`
	Copies         Copies      `yaml:"copies"`
	Classes        []Class     `yaml:"classes"`
	Restore        bool        `yaml:"restore"` // RestoreObject makes archived objects readable
	Events         bool        `yaml:"events"`  // sends notifications in Amazon's form
	Limits         Limits      `yaml:"limits"`
	Keys           Keys        `yaml:"keys"`
}

// Copies say what the store copies between its buckets. Either honours
// x-amz-copy-source-if-match.
type Copies struct {
	Objects bool `yaml:"objects"` // with all their attributes and tags
	Parts   bool `yaml:"parts"`   // ranges, and tells right checksums of them
}

// Class is a storage class.
type Class struct {
	Name string `yaml:"name"` // as x-amz-storage-class takes it
	Tier string `yaml:"tier"` // as driver.Tier names it
}

// Listing says how far listings can be trusted.
type Listing struct {
	V1         bool `yaml:"v1"`          // only ListObjects of version 1 works
	NoEncoding bool `yaml:"no-encoding"` // encoding-type is refused or not to be trusted
	Ordered    bool `yaml:"ordered"`     // keys ascend in UTF-8 byte order
	StartAfter bool `yaml:"start-after"` // start-after returns every later key, whatever it is
	Consistent bool `yaml:"consistent"`  // a listing shows every write acknowledged before it
	Restores   bool `yaml:"restores"`    // a listing tells which archived objects were restored
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
	// The others are those of driver.MetadataRules.
	NameChars   string   `yaml:"name-chars"`
	MaxName     int      `yaml:"max-name"`
	MaxValue    int      `yaml:"max-value"`
	LostHeaders []string `yaml:"lost-headers"`
}

// Limits are sizes in bytes, and counts.
type Limits struct {
	MaxPut    int64 `yaml:"max-put"`
	MinPart   int64 `yaml:"min-part"`
	MaxPart   int64 `yaml:"max-part"`
	MaxParts  int   `yaml:"max-parts"`
	MaxObject int64 `yaml:"max-object"`
	MaxCopy   int64 `yaml:"max-copy"` // in one CopyObject
	MaxTags   int   `yaml:"max-tags"` // of one object; 0 where the store keeps none
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
	if problem := profile.encodingProblem(); problem != "" {
		return Profile{}, fmt.Errorf("profile %s: %s", name, problem)
	}
	if _, err := profile.session(); err != nil {
		return Profile{}, err
	}
	return profile, nil
}

// encodingProblem says what is wrong with what the profile says of compressed objects.
func (p Profile) encodingProblem() string {
	switch {
	case strings.Contains(p.AcceptEncoding, "identity"):
		return "accept-encoding names identity, which is what is sent where it is empty"
	case p.StoredEncoding != strings.ToLower(p.StoredEncoding):
		return "stored-encoding is not in lower case"
	case p.StoredEncoding != "" && p.AcceptEncoding == "":
		return "stored-encoding without accept-encoding: what is decompressed would be refused and never come"
	}
	return ""
}

// session fills in what the profile says of a session.
func (p Profile) session() (driver.Session, error) {
	stored, err := p.stored()
	if err != nil {
		return driver.Session{}, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	classes, err := p.classes()
	if err != nil {
		return driver.Session{}, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	maxCopy := p.Limits.MaxCopy
	if !p.Copies.Parts {
		maxCopy = 0 // CopyObject refuses larger ones
	}
	return driver.Session{
		Capabilities: p.capabilities(),
		Limits: driver.Limits{
			MaxPut: p.Limits.MaxPut, MinPart: p.Limits.MinPart, MaxPart: p.Limits.MaxPart, MaxParts: p.Limits.MaxParts,
			MaxObject: p.Limits.MaxObject, MaxCopy: maxCopy, MaxMetadata: p.Metadata.Bytes, MaxTags: p.Limits.MaxTags,
			MaxKeys: p.Limits.MaxKeys, ListOrdered: p.Listing.Ordered, ListStartAfter: p.Listing.StartAfter,
			StronglyConsistent: p.Listing.Consistent,
		},
		Checksums:      driver.Checksums{Stored: stored, ETagMD5: p.Checksums.ETagMD5, BodyFirst: p.Checksums.Header},
		KeyRules:       driver.KeyRules(p.Keys),
		MetadataRules:  p.Metadata.rules(),
		StorageClasses: classes,
	}, nil
}

// capabilities are the abilities that the profile switches on.
func (p Profile) capabilities() []driver.Capability {
	all := []driver.Capability{driver.CapabilityUploader}
	for _, optional := range []struct {
		has        bool
		capability driver.Capability
	}{
		{p.Uploads.List, driver.CapabilityUploadLister},
		{p.ConditionalGet, driver.CapabilityConditionalGet},
		{p.Copies.Objects, driver.CapabilityCopier},
		{p.Limits.MaxTags > 0, driver.CapabilityTagger},
		{p.Restore, driver.CapabilityRestorer},
		{p.Events, driver.CapabilityEventParser},
	} {
		if optional.has {
			all = append(all, optional.capability)
		}
	}
	return all
}

func (p Profile) stored() ([]driver.Algorithm, error) {
	var stored []driver.Algorithm
	for _, name := range p.Checksums.Stored {
		i := slices.IndexFunc(checksums, func(known checksum) bool { return known.algorithm.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown checksum %q", name)
		}
		stored = append(stored, checksums[i].algorithm)
	}
	return stored, nil
}

func (p Profile) classes() ([]driver.StorageClass, error) {
	var classes []driver.StorageClass
	for _, class := range p.Classes {
		tier := driver.TierHot
		for tier.String() != class.Tier {
			if tier++; tier > driver.TierDeepArchive {
				return nil, fmt.Errorf("class %s has the unknown tier %q", class.Name, class.Tier)
			}
		}
		classes = append(classes, driver.StorageClass{Name: class.Name, Tier: tier})
	}
	return classes, nil
}

// rules are what the host must know of metadata.
func (m MetadataSet) rules() driver.MetadataRules {
	return driver.MetadataRules{
		NameChars: m.NameChars, MaxName: m.MaxName, MaxValue: m.MaxValue, VisibleASCII: !m.UTF8, LostHeaders: m.LostHeaders,
	}
}
