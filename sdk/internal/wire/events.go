package wire

import (
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromEvents converts to the wire.
func FromEvents(events []driver.Event) *storagepb.ParseEventsResponse {
	out := &storagepb.ParseEventsResponse{}
	for _, e := range events {
		out.Events = append(out.Events, &storagepb.Event{
			Kind: storagepb.EventKind(Int32(int(e.Kind))), Name: text(e.Name), Bucket: octets(e.Bucket), Key: octets(e.Key),
			VersionId: octets(e.VersionID), Size: e.Size, Etag: octets(e.ETag), Sequencer: text(e.Sequencer), Time: FromTime(e.Time), Problem: text(e.Problem),
		})
	}
	return out
}

// ToEvents converts from the wire.
func ToEvents(m *storagepb.ParseEventsResponse) []driver.Event {
	var out []driver.Event
	for _, e := range m.GetEvents() {
		out = append(out, driver.Event{
			Kind: driver.EventKind(e.GetKind()), Name: e.GetName(), Bucket: string(e.GetBucket()), Key: string(e.GetKey()),
			VersionID: string(e.GetVersionId()), Size: e.GetSize(), ETag: string(e.GetEtag()), Sequencer: e.GetSequencer(), Time: ToTime(e.GetTime()), Problem: e.GetProblem(),
		})
	}
	return out
}
