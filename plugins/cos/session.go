package main

import (
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const gigabyte = 1 << 30

// metadataPrefix begins the headers of user metadata.
const metadataPrefix = "x-cos-meta-"

// attributes says how COS keeps attributes. Sources:
// https://www.tencentcloud.com/document/product/436/7749 for names and sizes. It says
// nothing of characters beyond US-ASCII nor of an Expires that is no date, so neither
// is sent: what cannot be relied on is reported instead of spoiled. Name and value of
// one header have 2 KiB together.
var attributes = control.AttributeHeaders{
	Prefix: metadataPrefix, ExpiresDate: true, NotCarried: model.NotCarried(),
	Rules: driver.MetadataRules{NameChars: "abcdefghijklmnopqrstuvwxyz0123456789-", MaxName: 128, MaxValue: 1900, VisibleASCII: true},
}

// session says what COS can do. Sources: https://www.tencentcloud.com/document/product/436/
// 13324 (keys, sizes), 7749 (classes), 7750 and 7742 (parts), 10881 (copies), 35709
// (tags), 7734 (listings).
func session(identity string, transport driver.Transport) driver.Session {
	rules := attributes.Rules
	// The list of what COS keeps leaves it out, the vendor's SDK sends it: it is sent to
	// the store, but the host is told not to rely on it.
	rules.LostHeaders = []string{"content-language"}
	return driver.Session{
		Identity: identity, Transport: transport,
		Capabilities: []driver.Capability{
			driver.CapabilityUploader, driver.CapabilityUploadLister, driver.CapabilityConditionalGet, driver.CapabilityCopier,
			driver.CapabilityTagger, driver.CapabilityRestorer, driver.CapabilityEventParser,
		},
		Limits: driver.Limits{
			MaxPut: 5 * gigabyte, MinPart: 1 << 20, MaxPart: 5 * gigabyte, MaxParts: 10_000, MaxObject: 10_000 * 5 * gigabyte,
			// Revisions of the documentation give 2 KiB and 4 KiB for all metadata of an object.
			MaxCopy: 5 * gigabyte, MaxMetadata: 2 << 10, MaxTags: 10, MaxKeys: 1000,
			ListOrdered: true, ListStartAfter: true, // but a listing may lack what was just written
		},
		// Whether an ETag is the MD5 under every kind of encryption is not documented.
		Checksums: driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmCRC64ECMA}},
		// Nor is what becomes of "a//b" and "a/../b": the host looks such keys up.
		KeyRules: driver.KeyRules{
			MaxBytes: 850, NoLeadingSlash: true, NoInvalidUTF8: true, LookUp: true, Forbidden: []string{"\x18", "\x19", "\x1a", "\x1b"},
		},
		MetadataRules: rules,
		// Which of a pair a bucket takes depends on whether it spans several zones.
		StorageClasses: []driver.StorageClass{
			{Name: "STANDARD", Tier: driver.TierHot}, {Name: "MAZ_STANDARD", Tier: driver.TierHot},
			{Name: "INTELLIGENT_TIERING", Tier: driver.TierAuto}, {Name: "MAZ_INTELLIGENT_TIERING", Tier: driver.TierAuto},
			{Name: "STANDARD_IA", Tier: driver.TierCool}, {Name: "MAZ_STANDARD_IA", Tier: driver.TierCool},
			{Name: "ARCHIVE", Tier: driver.TierArchive}, {Name: "DEEP_ARCHIVE", Tier: driver.TierDeepArchive},
		},
	}
}
