package main

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// stores are two reference stores with their buckets, "src" and "dst".
type stores struct {
	*program
	source, destination *memdriver.Server
	from, to            string // locations
}

func newStores(t *testing.T) *stores {
	t.Helper()
	s := &stores{program: newProgram(t)}
	s.source, s.destination = startStore(t, "src"), startStore(t, "dst")
	s.from = "mem://src?credentials=env:SRC&endpoint=" + s.source.Endpoint()
	s.to = "mem://dst?credentials=env:DST&endpoint=" + s.destination.Endpoint()
	return s
}

func startStore(t *testing.T, bucket string) *memdriver.Server {
	t.Helper()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: canary + "-" + bucket}}})
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

func put(t *testing.T, server *memdriver.Server, bucket string, objects map[string]string) {
	t.Helper()
	for key, text := range objects {
		if _, err := server.Put(bucket, key, []byte(text), driver.Attributes{ContentType: "text/plain"}); err != nil {
			t.Fatal(err)
		}
	}
}

// remove removes an object of a reference store.
func remove(t *testing.T, server *memdriver.Server, bucket, key string) {
	t.Helper()
	secret := map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": canary + "-" + bucket}
	opened, err := memdriver.New(func(name string) string { return secret[name] }).Open(t.Context(), driver.OpenRequest{
		Bucket: bucket, Credentials: "env:MEM", Options: map[string]string{"endpoint": server.Endpoint()},
	})
	if err == nil {
		err = opened.Delete(t.Context(), driver.DeleteRequest{Key: key})
	}
	if err != nil {
		t.Error(err)
		return
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}
