package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromCopySource converts to the wire.
func FromCopySource(s driver.CopySource) *storagepb.CopySource {
	out := &storagepb.CopySource{Bucket: text(s.Bucket)}
	for name, value := range s.Options {
		if out.Options == nil {
			out.Options = make(map[string]string, len(s.Options))
		}
		out.Options[text(name)] = text(value)
	}
	return out
}

// ToCopySource converts from the wire.
func ToCopySource(m *storagepb.CopySource) driver.CopySource {
	return driver.CopySource{Bucket: m.GetBucket(), Options: m.GetOptions()}
}

// FromCopyObject converts to the wire.
func FromCopyObject(handle uint64, r driver.CopyObjectRequest) *storagepb.CopyObjectRequest {
	return &storagepb.CopyObjectRequest{
		Handle: handle, Source: FromCopySource(r.Source), Object: FromObject(r.Object), Key: octets(r.Key), StorageClass: text(r.StorageClass),
	}
}

// ToCopyObject converts from the wire.
func ToCopyObject(m *storagepb.CopyObjectRequest) driver.CopyObjectRequest {
	return driver.CopyObjectRequest{
		Source: ToCopySource(m.GetSource()), Object: ToObject(m.GetObject()), Key: string(m.GetKey()), StorageClass: m.GetStorageClass(),
	}
}

// FromCopyPart converts to the wire.
func FromCopyPart(handle uint64, r driver.CopyPartRequest) *storagepb.CopyPartRequest {
	return &storagepb.CopyPartRequest{
		Handle: handle, Source: FromCopySource(r.Source), Object: FromObject(r.Object), Key: octets(r.Upload.Key),
		UploadId: octets(r.Upload.ID), Number: Int32(r.Number), Offset: r.Offset, Size: r.Size,
	}
}

// ToCopyPart converts from the wire.
func ToCopyPart(m *storagepb.CopyPartRequest) driver.CopyPartRequest {
	return driver.CopyPartRequest{
		Source: ToCopySource(m.GetSource()), Object: ToObject(m.GetObject()),
		Upload: driver.UploadRef{Key: string(m.GetKey()), ID: string(m.GetUploadId())},
		Number: int(m.GetNumber()), Offset: m.GetOffset(), Size: m.GetSize(),
	}
}
