package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromUpload converts to the wire.
func FromUpload(u driver.Upload) *storagepb.Upload {
	return &storagepb.Upload{
		Key: octets(u.Key), Id: octets(u.ID), Initiated: FromTime(u.Initiated), Expires: FromTime(u.Expires),
	}
}

// ToUpload converts from the wire.
func ToUpload(u *storagepb.Upload) driver.Upload {
	return driver.Upload{
		UploadRef: driver.UploadRef{Key: string(u.GetKey()), ID: string(u.GetId())},
		Initiated: ToTime(u.GetInitiated()),
		Expires:   ToTime(u.GetExpires()),
	}
}

// FromParts converts to the wire.
func FromParts(parts []driver.Part) []*storagepb.Part {
	if len(parts) == 0 {
		return nil
	}
	out := make([]*storagepb.Part, len(parts))
	for i, p := range parts {
		out[i] = &storagepb.Part{
			Number: Int32(p.Number), Size: p.Size, Etag: octets(p.ETag), Checksums: FromChecksums(p.Checksums),
		}
	}
	return out
}

// ToParts converts from the wire.
func ToParts(parts []*storagepb.Part) []driver.Part {
	if len(parts) == 0 {
		return nil
	}
	out := make([]driver.Part, len(parts))
	for i, p := range parts {
		out[i] = driver.Part{
			Number: int(p.GetNumber()), Size: p.GetSize(), ETag: string(p.GetEtag()), Checksums: ToChecksums(p.GetChecksums()),
		}
	}
	return out
}

// FromPartsPage converts to the wire.
func FromPartsPage(page driver.PartsPage) *storagepb.ListPartsResponse {
	return &storagepb.ListPartsResponse{Parts: FromParts(page.Parts), Next: octets(page.Next)}
}

// ToPartsPage converts from the wire.
func ToPartsPage(page *storagepb.ListPartsResponse) driver.PartsPage {
	return driver.PartsPage{Parts: ToParts(page.GetParts()), Next: string(page.GetNext())}
}

// FromUploadsPage converts to the wire.
func FromUploadsPage(page driver.UploadsPage) *storagepb.ListUploadsResponse {
	out := &storagepb.ListUploadsResponse{Next: octets(page.Next)}
	for _, u := range page.Uploads {
		out.Uploads = append(out.Uploads, FromUpload(u))
	}
	return out
}

// ToUploadsPage converts from the wire.
func ToUploadsPage(page *storagepb.ListUploadsResponse) driver.UploadsPage {
	out := driver.UploadsPage{Next: string(page.GetNext())}
	for _, u := range page.GetUploads() {
		out.Uploads = append(out.Uploads, ToUpload(u))
	}
	return out
}
