package integration

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// memStore is a reference store in this process, with one empty bucket.
type memStore struct {
	*memdriver.Server
	t      *testing.T
	prefix string // of its credentials reference
}

// startMem starts a reference store whose credentials are behind env:PREFIX.
func startMem(t *testing.T, prefix string) *memStore {
	t.Helper()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"user": {Secret: prefix + "-secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket(bucket)
	return &memStore{Server: server, t: t, prefix: prefix}
}

func (s *memStore) keys() []string { return keys(s.prefix, "user", s.prefix+"-secret") }

// at returns the location of a prefix or key of the bucket.
func (s *memStore) at(prefix string) string {
	return fmt.Sprintf("mem://%s/%s?endpoint=%s&credentials=env:%s", bucket, prefix, s.Endpoint(), s.prefix)
}

func (s *memStore) put(key string, data []byte) {
	s.t.Helper()
	if _, err := s.Put(bucket, key, data, driver.Attributes{ContentType: "text/plain"}); err != nil {
		s.t.Fatal(err)
	}
}

// get returns the bytes of an object; nil when there is none.
func (s *memStore) get(key string) []byte {
	_, data, err := s.Get(bucket, key)
	if err != nil {
		return nil
	}
	return data
}
