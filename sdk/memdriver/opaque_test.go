package memdriver

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestOpaqueETags(t *testing.T) {
	t.Parallel()
	server, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.CreateBucket("b")
	if err := server.OpaqueETags("b"); err != nil {
		t.Fatal(err)
	}
	first, _ := server.Put("b", "k", []byte("same"), driver.Attributes{})
	second, _ := server.Put("b", "k", []byte("same"), driver.Attributes{})
	if first == second || first == hexMD5([]byte("same")) {
		t.Errorf("ETags %q and %q of the same bytes", first, second)
	}
	if object, data, err := server.Get("b", "k"); err != nil || object.ETag != second || !bytes.Equal(data, []byte("same")) {
		t.Errorf("%+v, %v", object, err)
	}
	if err := server.Remove("b", "k"); err != nil || len(server.Keys("b")) != 0 {
		t.Errorf("%q left, %v", server.Keys("b"), err)
	}
	if err := server.OpaqueETags("absent"); err == nil {
		t.Error("an absent bucket is not told")
	}
}

func TestRequestOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, target string
		want           Request
	}{
		"get":     {http.MethodGet, "/b/a%2Fk", Request{"Get", "b", "a/k"}},
		"put":     {http.MethodPut, "/b/k?x=1", Request{"Put", "b", "k"}},
		"part":    {http.MethodPut, "/b/k?mem-upload=u", Request{"Part", "b", "k"}},
		"call":    {http.MethodPost, "/b/?mem-call=List", Request{"List", "b", ""}},
		"unknown": {http.MethodPatch, "/b/k", Request{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := RequestOf(&http.Request{Method: test.method, RequestURI: test.target})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
