package assemblytest

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// StartStore starts a reference store with one bucket. It ends with the test.
func StartStore(t *testing.T, bucket string) *memdriver.Server {
	t.Helper()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket(bucket)
	return server
}

// OpenSide opens the bucket of a store from StartStore, which takes parts of minPart bytes
// and more, as one side of copies. It is closed with the test.
func OpenSide(t *testing.T, role transfer.Role, server *memdriver.Server, bucket string, minPart int, policy retry.Policy, counters *observe.Counters) *transfer.Side {
	t.Helper()
	credentials := map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": "secret"}
	opened, err := memdriver.New(func(name string) string { return credentials[name] }).Open(t.Context(), driver.OpenRequest{
		Bucket: bucket, Credentials: "env:MEM",
		Options: map[string]string{"endpoint": server.Endpoint(), "framing": "raw", "min-part": fmt.Sprint(minPart)},
	})
	if err != nil {
		t.Fatal(err)
	}
	side, err := transfer.NewSide(role, bucket, "", opened, policy, counters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		side.Close()
		_ = opened.Close()
	})
	return side
}
