package transfer

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// oneByOne signs downloads, all but those of the key "refused".
type oneByOne struct{ driver.Bucket }

func (oneByOne) Session() driver.Session { return driver.Session{} }

func (oneByOne) SignGet(_ context.Context, r driver.GetRequest) (driver.Exchange, error) {
	if r.Key == "p/refused" {
		return driver.Exchange{}, errors.New("refused")
	}
	return driver.Exchange{Method: "GET", URL: r.Key + "?version=" + r.VersionID}, nil
}

// inOneGo has a plugin's way to sign many, and no other.
type inOneGo struct {
	driver.Bucket
	calls *int
}

func (inOneGo) Session() driver.Session { return driver.Session{} }

func (s inOneGo) SignGets(ctx context.Context, requests []driver.GetRequest) []driver.Exchange {
	*s.calls++
	signed := make([]driver.Exchange, len(requests))
	for i, request := range requests {
		if exchange, err := (oneByOne{}).SignGet(ctx, request); err == nil {
			signed[i] = exchange
		}
	}
	return signed
}

// TestDownloadsAreSignedAhead: those of a batch cross to a plugin together, once.
func TestDownloadsAreSignedAhead(t *testing.T) {
	t.Parallel()
	calls := 0
	for name, bucket := range map[string]driver.Bucket{"a plugin": inOneGo{calls: &calls}, "a driver in this process": oneByOne{}} {
		counters := &observe.Counters{}
		side, err := NewSide(Source, "b", "p/", bucket, retry.Policy{}, counters)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(side.Close)
		got := (&Copier{Source: side}).SignAhead(t.Context(), []task.Task{{Key: "a", VersionID: "7"}, {Key: "refused"}, {Key: "b"}})
		want := []driver.Exchange{{Method: "GET", URL: "p/a?version=7"}, {}, {Method: "GET", URL: "p/b?version="}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if calls != 1 {
		t.Errorf("the plugin was asked %d times", calls)
	}
}
