package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromList converts to the wire.
func FromList(handle uint64, r driver.ListRequest) *storagepb.ListRequest {
	return &storagepb.ListRequest{
		Handle: handle, Prefix: octets(r.Prefix), StartAfter: octets(r.StartAfter), Token: octets(r.Token), MaxKeys: Int32(r.MaxKeys),
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
