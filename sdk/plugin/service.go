package plugin

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// service answers the wire contract with a driver.
type service struct {
	storagepb.UnimplementedStorageServiceServer
	driver driver.Driver
	guard  guard

	mu      sync.Mutex
	buckets map[uint64]driver.Bucket
	last    uint64 // handle given out last
}

func newService(d driver.Driver, logger hclog.Logger) *service {
	return &service{driver: d, guard: guard{logger: logger}, buckets: make(map[uint64]driver.Bucket)}
}

// bucket returns the bucket behind a handle.
func (s *service) bucket(op string, handle uint64) (driver.Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, known := s.buckets[handle]
	if !known {
		return nil, &driver.Error{
			Op: op, Kind: driver.KindFatal, Code: "UnknownHandle", Message: fmt.Sprintf("the plugin has no open bucket %d", handle),
		}
	}
	return bucket, nil
}

// Describe implements the wire contract.
func (s *service) Describe(ctx context.Context, _ *storagepb.DescribeRequest) (*storagepb.DescribeResponse, error) {
	description, err := s.driver.Describe(ctx)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return wire.FromDescription(description), nil
}

// Open implements the wire contract.
func (s *service) Open(ctx context.Context, m *storagepb.OpenRequest) (*storagepb.OpenResponse, error) {
	bucket, err := s.driver.Open(ctx, driver.OpenRequest{
		Bucket: m.GetBucket(), Credentials: m.GetCredentials(), Options: m.GetOptions(),
	})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	s.mu.Lock()
	s.last++
	handle := s.last
	s.buckets[handle] = bucket
	s.mu.Unlock()
	return &storagepb.OpenResponse{Handle: handle, Session: wire.FromSession(bucket.Session())}, nil
}

// Close implements the wire contract. Closing an unknown handle succeeds.
func (s *service) Close(_ context.Context, m *storagepb.CloseRequest) (*storagepb.CloseResponse, error) {
	s.mu.Lock()
	bucket, known := s.buckets[m.GetHandle()]
	delete(s.buckets, m.GetHandle())
	s.mu.Unlock()
	if known {
		if err := bucket.Close(); err != nil {
			return nil, wire.FromCall(err)
		}
	}
	return &storagepb.CloseResponse{}, nil
}

// List implements the wire contract.
func (s *service) List(ctx context.Context, m *storagepb.ListRequest) (*storagepb.ListResponse, error) {
	bucket, err := s.bucket("List", m.GetHandle())
	if err != nil {
		return nil, wire.FromCall(err)
	}
	page, err := bucket.List(ctx, wire.ToList(m))
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return wire.FromListPage(page), nil
}

// Stat implements the wire contract.
func (s *service) Stat(ctx context.Context, m *storagepb.StatRequest) (*storagepb.StatResponse, error) {
	bucket, err := s.bucket("Stat", m.GetHandle())
	if err != nil {
		return nil, wire.FromCall(err)
	}
	object, err := bucket.Stat(ctx, driver.StatRequest{Key: string(m.GetKey()), VersionID: string(m.GetVersionId())})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.StatResponse{Object: wire.FromObject(object)}, nil
}

// Delete implements the wire contract.
func (s *service) Delete(ctx context.Context, m *storagepb.DeleteRequest) (*storagepb.DeleteResponse, error) {
	bucket, err := s.bucket("Delete", m.GetHandle())
	if err != nil {
		return nil, wire.FromCall(err)
	}
	if err := bucket.Delete(ctx, driver.DeleteRequest{Key: string(m.GetKey())}); err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.DeleteResponse{}, nil
}
