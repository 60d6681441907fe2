package transfer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestProveInside: a copy of which the store states another checksum or size than of its
// source is no copy.
func TestProveInside(t *testing.T) {
	t.Parallel()
	crc := func(value string) []driver.Checksum {
		return []driver.Checksum{{Algorithm: driver.AlgorithmCRC64NVME, Value: value}}
	}
	tests := map[string]struct {
		copied driver.Object
		want   driver.Kind
	}{
		"equal":            {driver.Object{Size: 5, Checksums: crc("12345678")}, driver.KindUnknown},
		"another checksum": {driver.Object{Size: 5, Checksums: crc("87654321")}, driver.KindIntegrity},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Copier{Source: &Side{}, Destination: &Side{}, Counters: &observe.Counters{}}
			_, err := c.proveInside(task.Task{Key: "k", Size: 5}, driver.Object{Size: 5, Checksums: crc("12345678")}, test.copied)
			if driver.KindOf(err) != test.want || (err == nil) != (test.want == driver.KindUnknown) {
				t.Errorf("proveInside = %v, want kind %v", err, test.want)
			}
		})
	}
}

// TestSidePacesAllRequests: one request that the store refuses as too many holds up the
// others as well.
func TestSidePacesAllRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		side := &Side{}
		refused := &driver.Error{Kind: driver.KindThrottled}
		if err := side.paced(t.Context(), func() error { return refused }); driver.KindOf(err) != driver.KindThrottled {
			t.Errorf("paced = %v", err)
		}
		begin := time.Now()
		for range 3 {
			if err := side.paced(t.Context(), func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
		if time.Since(begin) == 0 {
			t.Error("the requests after a refused one were not held up")
		}
	})
}
