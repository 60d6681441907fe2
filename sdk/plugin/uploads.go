package plugin

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// ability returns the bucket behind a handle as the ability T, or why it is not.
func ability[T any](s *service, op string, handle uint64, capability driver.Capability) (T, error) {
	var none T
	bucket, err := s.bucket(op, handle)
	if err != nil {
		return none, err
	}
	able, ok := driver.As[T](bucket, capability)
	if !ok {
		return none, unsupported(op, capability)
	}
	return able, nil
}

func unsupported(op string, capability driver.Capability) error {
	return &driver.Error{
		Op: op, Kind: driver.KindUnsupported, Message: "the store does not have the ability " + capability.String(),
	}
}

// CreateUpload implements the wire contract.
func (s *service) CreateUpload(ctx context.Context, m *storagepb.CreateUploadRequest) (*storagepb.CreateUploadResponse, error) {
	uploader, err := ability[driver.Uploader](s, "CreateUpload", m.GetHandle(), driver.CapabilityUploader)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	upload, err := uploader.CreateUpload(ctx, driver.CreateUploadRequest{
		Key: string(m.GetKey()), Attributes: wire.ToAttributes(m.GetAttributes()),
	})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.CreateUploadResponse{Upload: wire.FromUpload(upload)}, nil
}

// ListParts implements the wire contract.
func (s *service) ListParts(ctx context.Context, m *storagepb.ListPartsRequest) (*storagepb.ListPartsResponse, error) {
	uploader, err := ability[driver.Uploader](s, "ListParts", m.GetHandle(), driver.CapabilityUploader)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	page, err := uploader.ListParts(ctx, driver.ListPartsRequest{
		Upload: driver.UploadRef{Key: string(m.GetKey()), ID: string(m.GetUploadId())}, Token: string(m.GetToken()),
	})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return wire.FromPartsPage(page), nil
}

// CompleteUpload implements the wire contract.
func (s *service) CompleteUpload(ctx context.Context, m *storagepb.CompleteUploadRequest) (*storagepb.CompleteUploadResponse, error) {
	uploader, err := ability[driver.Uploader](s, "CompleteUpload", m.GetHandle(), driver.CapabilityUploader)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	object, err := uploader.CompleteUpload(ctx, wire.ToComplete(m))
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.CompleteUploadResponse{Object: wire.FromObject(object)}, nil
}

// AbortUpload implements the wire contract.
func (s *service) AbortUpload(ctx context.Context, m *storagepb.AbortUploadRequest) (*storagepb.AbortUploadResponse, error) {
	uploader, err := ability[driver.Uploader](s, "AbortUpload", m.GetHandle(), driver.CapabilityUploader)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	if err := uploader.AbortUpload(ctx, driver.UploadRef{Key: string(m.GetKey()), ID: string(m.GetUploadId())}); err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.AbortUploadResponse{}, nil
}

// ListUploads implements the wire contract.
func (s *service) ListUploads(ctx context.Context, m *storagepb.ListUploadsRequest) (*storagepb.ListUploadsResponse, error) {
	lister, err := ability[driver.UploadLister](s, "ListUploads", m.GetHandle(), driver.CapabilityUploadLister)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	page, err := lister.ListUploads(ctx, driver.ListUploadsRequest{Prefix: string(m.GetPrefix()), Token: string(m.GetToken())})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return wire.FromUploadsPage(page), nil
}
