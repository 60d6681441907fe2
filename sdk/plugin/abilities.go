package plugin

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// ReachCopy implements the wire contract.
func (s *service) ReachCopy(ctx context.Context, m *storagepb.ReachCopyRequest) (*storagepb.ReachCopyResponse, error) {
	copier, err := ability[driver.Copier](s, "ReachCopy", m.GetHandle(), driver.CapabilityCopier)
	if err == nil {
		err = copier.ReachCopy(ctx, wire.ToCopySource(m.GetSource()))
	}
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.ReachCopyResponse{}, nil
}

// CopyObject implements the wire contract.
func (s *service) CopyObject(ctx context.Context, m *storagepb.CopyObjectRequest) (*storagepb.CopyObjectResponse, error) {
	copier, err := ability[driver.Copier](s, "CopyObject", m.GetHandle(), driver.CapabilityCopier)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	object, err := copier.CopyObject(ctx, wire.ToCopyObject(m))
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.CopyObjectResponse{Object: wire.FromObject(object)}, nil
}

// CopyPart implements the wire contract.
func (s *service) CopyPart(ctx context.Context, m *storagepb.CopyPartRequest) (*storagepb.CopyPartResponse, error) {
	copier, err := ability[driver.Copier](s, "CopyPart", m.GetHandle(), driver.CapabilityCopier)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	part, err := copier.CopyPart(ctx, wire.ToCopyPart(m))
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.CopyPartResponse{Part: wire.FromParts([]driver.Part{part})[0]}, nil
}

// Tags implements the wire contract.
func (s *service) Tags(ctx context.Context, m *storagepb.TagsRequest) (*storagepb.TagsResponse, error) {
	tagger, err := ability[driver.Tagger](s, "Tags", m.GetHandle(), driver.CapabilityTagger)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	tags, err := tagger.Tags(ctx, driver.StatRequest{Key: string(m.GetKey()), VersionID: string(m.GetVersionId())})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.TagsResponse{Tags: wire.FromTags(tags)}, nil
}

// Restore implements the wire contract.
func (s *service) Restore(ctx context.Context, m *storagepb.RestoreRequest) (*storagepb.RestoreResponse, error) {
	restorer, err := ability[driver.Restorer](s, "Restore", m.GetHandle(), driver.CapabilityRestorer)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	readable, err := restorer.Restore(ctx, driver.RestoreRequest{
		Key: string(m.GetKey()), VersionID: string(m.GetVersionId()), Days: int(m.GetDays()),
	})
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return &storagepb.RestoreResponse{Readable: readable}, nil
}

// ParseEvents implements the wire contract.
func (s *service) ParseEvents(ctx context.Context, m *storagepb.ParseEventsRequest) (*storagepb.ParseEventsResponse, error) {
	parser, err := ability[driver.EventParser](s, "ParseEvents", m.GetHandle(), driver.CapabilityEventParser)
	if err != nil {
		return nil, wire.FromCall(err)
	}
	events, err := parser.ParseEvents(ctx, m.GetPayload())
	if err != nil {
		return nil, wire.FromCall(err)
	}
	return wire.FromEvents(events), nil
}
