package main

import (
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	headerPrefix   = "x-oss-"
	metadataPrefix = headerPrefix + "meta-"
	crcHeader      = headerPrefix + "hash-crc64ecma"
	classHeader    = headerPrefix + "storage-class"
	versionHeader  = headerPrefix + "version-id"
	forcedHeader   = headerPrefix + "force-download"
	standardClass  = "Standard"
)

// session is what all buckets of OSS have in common. Sources, below
// https://www.alibabacloud.com/help/en/oss/: user-guide/limits for sizes,
// user-guide/object-naming-conventions, user-guide/manage-object-metadata for names and
// values, user-guide/object-tagging-8, developer-reference/copyobject,
// user-guide/overview-53 for classes.
func session() driver.Session {
	return driver.Session{
		Capabilities: []driver.Capability{
			driver.CapabilityUploader, driver.CapabilityUploadLister, driver.CapabilityConditionalGet, driver.CapabilityCopier,
			driver.CapabilityTagger, driver.CapabilityRestorer, driver.CapabilityEventParser,
		},
		Limits: driver.Limits{
			MaxPut: 5 << 30, MinPart: 100 << 10, MaxPart: 5 << 30, MaxParts: 10_000, MaxObject: 10_000 * 5 << 30,
			MaxCopy: 1 << 30, MaxMetadata: 8 << 10, MaxTags: 10, MaxKeys: 1000,
			ListOrdered: true, ListStartAfter: true, StronglyConsistent: true,
		},
		// ETags are MD5 for objects of PutObject alone: those of appended objects look
		// like one and are not. The CRC is there always.
		Checksums: driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmCRC64ECMA}},
		// What OSS makes of odd segments is not documented, so such a key is looked up.
		KeyRules:      driver.KeyRules{MaxBytes: 1023, NoLeadingSlash: true, NoInvalidUTF8: true, LookUp: true},
		MetadataRules: attributeHeaders().Rules,
		StorageClasses: []driver.StorageClass{
			{Name: standardClass, Tier: driver.TierHot}, {Name: "IA", Tier: driver.TierCool}, {Name: "Archive", Tier: driver.TierArchive},
			{Name: "ColdArchive", Tier: driver.TierDeepArchive}, {Name: "DeepColdArchive", Tier: driver.TierDeepArchive},
		},
	}
}

// attributeHeaders say how OSS keeps attributes. Content headers beyond US-ASCII and an
// Expires that is no date are not documented: better refused than spoilt.
func attributeHeaders() control.AttributeHeaders {
	return control.AttributeHeaders{
		Prefix: metadataPrefix, ExpiresDate: true, NotCarried: notCarried,
		Rules: driver.MetadataRules{NameChars: "abcdefghijklmnopqrstuvwxyz0123456789-", VisibleASCII: true},
	}
}
