package wire

import (
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromGet makes the signing request of a download, without its time.
func FromGet(r driver.GetRequest) *storagepb.SignItem {
	return &storagepb.SignItem{Request: &storagepb.SignItem_Get{Get: &storagepb.SignGet{
		Key: octets(r.Key), VersionId: octets(r.VersionID),
	}}}
}

// ToGet reads the signing request of a download.
func ToGet(m *storagepb.SignGet, now time.Time) driver.GetRequest {
	return driver.GetRequest{Key: string(m.GetKey()), VersionID: string(m.GetVersionId()), Now: now}
}

// FromPut makes the signing request of an upload, without its time.
func FromPut(r driver.PutRequest) *storagepb.SignItem {
	return &storagepb.SignItem{Request: &storagepb.SignItem_Put{Put: &storagepb.SignPut{
		Key: octets(r.Key), Size: r.Size, Attributes: FromAttributes(r.Attributes), Checksum: FromChecksum(r.Checksum),
	}}}
}

// ToPut reads the signing request of an upload.
func ToPut(m *storagepb.SignPut, now time.Time) driver.PutRequest {
	return driver.PutRequest{
		Key: string(m.GetKey()), Size: m.GetSize(), Attributes: ToAttributes(m.GetAttributes()),
		Checksum: ToChecksum(m.GetChecksum()), Now: now,
	}
}

// FromPart makes the signing request of a part, without its time.
func FromPart(r driver.PartRequest) *storagepb.SignItem {
	return &storagepb.SignItem{Request: &storagepb.SignItem_Part{Part: &storagepb.SignPart{
		Key: octets(r.Upload.Key), UploadId: octets(r.Upload.ID), Number: int32Of(r.Number), Size: r.Size,
	}}}
}

// ToPart reads the signing request of a part.
func ToPart(m *storagepb.SignPart, now time.Time) driver.PartRequest {
	return driver.PartRequest{
		Upload: driver.UploadRef{Key: string(m.GetKey()), ID: string(m.GetUploadId())},
		Number: int(m.GetNumber()), Size: m.GetSize(), Now: now,
	}
}

// FromList converts to the wire.
func FromList(handle uint64, r driver.ListRequest) *storagepb.ListRequest {
	return &storagepb.ListRequest{
		Handle: handle, Prefix: octets(r.Prefix), StartAfter: octets(r.StartAfter), Token: octets(r.Token), MaxKeys: int32Of(r.MaxKeys),
	}
}

// ToList converts from the wire.
func ToList(m *storagepb.ListRequest) driver.ListRequest {
	return driver.ListRequest{
		Prefix: string(m.GetPrefix()), StartAfter: string(m.GetStartAfter()), Token: string(m.GetToken()), MaxKeys: int(m.GetMaxKeys()),
	}
}

// FromComplete converts to the wire.
func FromComplete(handle uint64, r driver.CompleteUploadRequest) *storagepb.CompleteUploadRequest {
	return &storagepb.CompleteUploadRequest{
		Handle: handle, Key: octets(r.Upload.Key), UploadId: octets(r.Upload.ID), Parts: FromParts(r.Parts),
		Size: r.Size, Checksum: FromChecksum(r.Checksum), Attributes: FromAttributes(r.Attributes),
	}
}

// ToComplete converts from the wire.
func ToComplete(m *storagepb.CompleteUploadRequest) driver.CompleteUploadRequest {
	return driver.CompleteUploadRequest{
		Upload: driver.UploadRef{Key: string(m.GetKey()), ID: string(m.GetUploadId())}, Parts: ToParts(m.GetParts()),
		Size: m.GetSize(), Checksum: ToChecksum(m.GetChecksum()), Attributes: ToAttributes(m.GetAttributes()),
	}
}
