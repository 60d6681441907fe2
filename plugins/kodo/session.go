package main

import (
	"strconv"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// metadataPrefix begins the names of user metadata.
const metadataPrefix = "x-qn-meta-"

// attributes says how Kodo keeps attributes. Sources: https://github.com/qiniu/api-specs,
// storage/resumable_upload_v2_complete_multipart_upload.yml, for names and sizes of
// metadata; https://developer.qiniu.com/kodo/api/upload for headers. Neither says
// anything of characters beyond US-ASCII nor of an Expires that is no date, so neither
// is sent: what cannot be relied on is reported instead of spoiled.
var attributes = control.AttributeHeaders{
	Prefix: metadataPrefix, ExpiresDate: true, NotCarried: model.NotCarried(),
	Rules: driver.MetadataRules{NameChars: "abcdefghijklmnopqrstuvwxyz0123456789_-", MaxName: 50, VisibleASCII: true},
}

const (
	// maxForm is the largest object that is uploaded by a form. Kodo documents no limit
	// of forms. Up to one block of the qetag a form is the cheapest upload, and what
	// is repeated after a failure stays small.
	maxForm = 4 << 20
	// maxMetadata is of names and values, in bytes.
	maxMetadata = 1024
)

// session says what Kodo can do. Sources: https://developer.qiniu.com/kodo/6366 (parts),
// 1234 (keys), 3710 (classes). There is no list of open uploads, no tag, and no
// condition of a GET. Of listings neither order nor consistency is documented, so
// neither is relied on.
func session(identity string, transport driver.Transport) driver.Session {
	return driver.Session{
		Identity: identity, Transport: transport,
		Capabilities: []driver.Capability{
			driver.CapabilityUploader, driver.CapabilityCopier, driver.CapabilityRestorer,
			driver.CapabilityEventParser, driver.CapabilityBearerUploads,
		},
		Limits: driver.Limits{
			MaxPut: maxForm, MinPart: 1 << 20, MaxPart: 1_000_000_000, MaxParts: 10_000, MaxObject: 10_000 * 1_000_000_000,
			MaxMetadata: maxMetadata, MaxKeys: 1000,
		},
		Checksums:      driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmQETag}},
		KeyRules:       driver.KeyRules{MaxBytes: 750, NoInvalidUTF8: true, Forbidden: []string{"\x00"}},
		MetadataRules:  attributes.Rules,
		StorageClasses: classes,
	}
}

// classes are the storage classes by their fileType, under the names that Kodo has for
// them elsewhere: https://developer.qiniu.com/kodo/4087.
var classes = []driver.StorageClass{
	{Name: "STANDARD", Tier: driver.TierHot}, {Name: "LINE", Tier: driver.TierCool},
	{Name: "GLACIER", Tier: driver.TierArchive}, {Name: "DEEP_ARCHIVE", Tier: driver.TierDeepArchive},
	{Name: "GLACIER_IR", Tier: driver.TierArchiveInstant}, {Name: "INTELLIGENT_TIERING", Tier: driver.TierAuto},
}

// className returns the class of a fileType as driver.Object tells it: the default one
// is empty.
func className(fileType int) string {
	switch {
	case fileType == 0:
		return ""
	case fileType > 0 && fileType < len(classes):
		return classes[fileType].Name
	}
	return strconv.Itoa(fileType)
}

// archived says whether objects of a fileType must be restored before they are read.
func archived(fileType int) bool { return fileType == 2 || fileType == 3 }
