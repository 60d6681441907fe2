package control

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestReadOptions(t *testing.T) {
	t.Parallel()
	declared := append([]driver.Option{
		{Name: "endpoint", Summary: "URL of the store", Required: true},
		{Name: "style", Default: "path", Values: []string{"path", "host"}},
	}, TransportOptions()...)
	got, err := ReadOptions(declared, map[string]string{"endpoint": "e", "proxy": "none"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"endpoint": "e", "style": "path", "ca": "", "client-cert": "", "proxy": "none", "resolve": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	refused := map[string]struct {
		given map[string]string
		want  string
	}{
		"missing":   {nil, "option endpoint is missing: URL of the store"},
		"unknown":   {map[string]string{"endpoint": "e", "acl": "x"}, `option "acl" is unknown`},
		"no choice": {map[string]string{"endpoint": "e", "style": "x"}, `option style: "x" is none of path, host`},
	}
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadOptions(declared, test.given)
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ReadOptions = %v (%v), want invalid argument and %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

func TestReadTransport(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		values map[string]string
		want   driver.Transport
		fails  string
	}{
		"nothing": {nil, driver.Transport{}, ""},
		"all": {
			map[string]string{"ca": "c", "client-cert": "p", "proxy": "none", "resolve": "a:80:127.0.0.1,*:443:[::1]"},
			driver.Transport{CA: "c", ClientCert: "p", Proxy: "none", Resolve: []string{"a:80:127.0.0.1", "*:443:[::1]"}}, "",
		},
		"resolve without address": {map[string]string{"resolve": "a:80"}, driver.Transport{}, `option resolve: "a:80" is not HOST:PORT:ADDRESS`},
		"resolve with a blank":    {map[string]string{"resolve": "a:80:127.0.0.1,"}, driver.Transport{}, `option resolve: ""`},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadTransport(test.values)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("transport (-want +got):\n%s", diff)
			}
			if (err == nil) != (test.fails == "") || err != nil && (driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("ReadTransport = %v (%v), want %q", err, driver.KindOf(err), test.fails)
			}
		})
	}
}

func TestCheckBucket(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"b", "my-bucket.2", "my_bucket-1250000000", "UPPER"} {
		if err := CheckBucket(name); err != nil {
			t.Errorf("CheckBucket(%q) = %v", name, err)
		}
	}
	for _, name := range []string{"", "a/b", "a b", "a@evil.example", "a:80", "~a", ".a", "a-", "ä", "a?b", "a#b", "a%2F"} {
		if err := CheckBucket(name); driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("CheckBucket(%q) = %v, want invalid argument", name, err)
		}
	}
}
