package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromDescription converts to the wire.
func FromDescription(d driver.Description) *storagepb.DescribeResponse {
	out := &storagepb.DescribeResponse{Name: text(d.Name), Title: text(d.Title), Version: text(d.Version)}
	for _, o := range d.Options {
		out.Options = append(out.Options, &storagepb.Option{
			Name: text(o.Name), Summary: text(o.Summary), DefaultValue: text(o.Default), Values: texts(o.Values), Required: o.Required,
		})
	}
	return out
}

// ToDescription converts from the wire.
func ToDescription(d *storagepb.DescribeResponse) driver.Description {
	out := driver.Description{Name: d.GetName(), Title: d.GetTitle(), Version: d.GetVersion()}
	for _, o := range d.GetOptions() {
		out.Options = append(out.Options, driver.Option{
			Name: o.GetName(), Summary: o.GetSummary(), Default: o.GetDefaultValue(), Values: o.GetValues(), Required: o.GetRequired(),
		})
	}
	return out
}

// FromSession converts to the wire.
func FromSession(s driver.Session) *storagepb.Session {
	out := &storagepb.Session{
		Identity: text(s.Identity),
		Limits: &storagepb.Limits{
			MaxPut: s.Limits.MaxPut, MinPart: s.Limits.MinPart, MaxPart: s.Limits.MaxPart,
			MaxParts: Int32(s.Limits.MaxParts), MaxObject: s.Limits.MaxObject,
			MaxMetadata: Int32(s.Limits.MaxMetadata), MaxKeys: Int32(s.Limits.MaxKeys),
			ListOrdered: s.Limits.ListOrdered, ListStartAfter: s.Limits.ListStartAfter,
			StronglyConsistent: s.Limits.StronglyConsistent,
			MaxCopy:            s.Limits.MaxCopy, MaxTags: Int32(s.Limits.MaxTags),
		},
		Checksums: &storagepb.Checksums{
			Stored: fromAlgorithms(s.Checksums.Stored), EtagMd5: s.Checksums.ETagMD5, BodyFirst: s.Checksums.BodyFirst,
		},
		KeyRules: &storagepb.KeyRules{
			MaxBytes: Int32(s.KeyRules.MaxBytes), MaxSegment: Int32(s.KeyRules.MaxSegment),
			NoEmptySegment: s.KeyRules.NoEmptySegment, NoDotSegment: s.KeyRules.NoDotSegment,
			NoLeadingSlash: s.KeyRules.NoLeadingSlash, NoTrailingSlash: s.KeyRules.NoTrailingSlash,
			NoControl: s.KeyRules.NoControl, NoInvalidUtf8: s.KeyRules.NoInvalidUTF8, NoParentConflict: s.KeyRules.NoParentConflict,
			LookUp: s.KeyRules.LookUp, Forbidden: texts(s.KeyRules.Forbidden),
		},
		MetadataRules: &storagepb.MetadataRules{
			NameChars: text(s.MetadataRules.NameChars), MaxName: Int32(s.MetadataRules.MaxName),
			MaxValue: Int32(s.MetadataRules.MaxValue), VisibleAscii: s.MetadataRules.VisibleASCII,
			LostHeaders: texts(s.MetadataRules.LostHeaders),
		},
		Transport: &storagepb.Transport{
			Ca: text(s.Transport.CA), ClientCert: text(s.Transport.ClientCert), Proxy: text(s.Transport.Proxy),
			Resolve: texts(s.Transport.Resolve),
		},
		Expires: FromTime(s.Expires),
	}
	for _, c := range s.Capabilities {
		out.Capabilities = append(out.Capabilities, storagepb.Capability(Int32(int(c))))
	}
	for _, class := range s.StorageClasses {
		out.StorageClasses = append(out.StorageClasses, &storagepb.StorageClass{
			Name: text(class.Name), Tier: storagepb.Tier(Int32(int(class.Tier))),
		})
	}
	return out
}

// ToSession converts from the wire. Capabilities of a newer plugin are kept:
// nobody asks for them.
func ToSession(s *storagepb.Session) driver.Session {
	limits, checksums, rules, transport := s.GetLimits(), s.GetChecksums(), s.GetKeyRules(), s.GetTransport()
	metadata := s.GetMetadataRules()
	out := driver.Session{
		Identity: s.GetIdentity(),
		Limits: driver.Limits{
			MaxPut: limits.GetMaxPut(), MinPart: limits.GetMinPart(), MaxPart: limits.GetMaxPart(),
			MaxParts: int(limits.GetMaxParts()), MaxObject: limits.GetMaxObject(),
			MaxMetadata: int(limits.GetMaxMetadata()), MaxKeys: int(limits.GetMaxKeys()),
			ListOrdered: limits.GetListOrdered(), ListStartAfter: limits.GetListStartAfter(),
			StronglyConsistent: limits.GetStronglyConsistent(),
			MaxCopy:            limits.GetMaxCopy(), MaxTags: int(limits.GetMaxTags()),
		},
		Checksums: driver.Checksums{
			Stored: toAlgorithms(checksums.GetStored()), ETagMD5: checksums.GetEtagMd5(), BodyFirst: checksums.GetBodyFirst(),
		},
		KeyRules: driver.KeyRules{
			MaxBytes: int(rules.GetMaxBytes()), MaxSegment: int(rules.GetMaxSegment()),
			NoEmptySegment: rules.GetNoEmptySegment(), NoDotSegment: rules.GetNoDotSegment(),
			NoLeadingSlash: rules.GetNoLeadingSlash(), NoTrailingSlash: rules.GetNoTrailingSlash(),
			NoControl: rules.GetNoControl(), NoInvalidUTF8: rules.GetNoInvalidUtf8(), NoParentConflict: rules.GetNoParentConflict(),
			LookUp: rules.GetLookUp(), Forbidden: rules.GetForbidden(),
		},
		MetadataRules: driver.MetadataRules{
			NameChars: metadata.GetNameChars(), MaxName: int(metadata.GetMaxName()), MaxValue: int(metadata.GetMaxValue()),
			VisibleASCII: metadata.GetVisibleAscii(), LostHeaders: metadata.GetLostHeaders(),
		},
		Transport: driver.Transport{
			CA: transport.GetCa(), ClientCert: transport.GetClientCert(), Proxy: transport.GetProxy(), Resolve: transport.GetResolve(),
		},
		Expires: ToTime(s.GetExpires()),
	}
	for _, class := range s.GetStorageClasses() {
		out.StorageClasses = append(out.StorageClasses, driver.StorageClass{Name: class.GetName(), Tier: driver.Tier(class.GetTier())})
	}
	for _, c := range s.GetCapabilities() {
		out.Capabilities = append(out.Capabilities, driver.Capability(c))
	}
	return out
}
