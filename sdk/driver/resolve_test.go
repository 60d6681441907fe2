package driver_test

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestResolver(t *testing.T) {
	t.Parallel()
	entries := []string{"Store.example:443:127.0.0.1", "*:9000:[::1]", "b.store.example:9000:10.0.0.9", "[2001:db8::1]:80:127.0.0.2"}
	resolver, err := driver.ParseResolve(entries)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ connect, want string }{
		"host":                {"store.example:443", "127.0.0.1:443"},
		"host in other case":  {"STORE.Example:443", "127.0.0.1:443"},
		"other port":          {"store.example:80", ""},
		"below the host":      {"b.store.example:443", ""},
		"every host":          {"anything.example:9000", "[::1]:9000"},
		"every host, IPv6":    {"[2001:db8::2]:9000", "[::1]:9000"},
		"host before *":       {"b.store.example:9000", "10.0.0.9:9000"},
		"IPv6 host":           {"[2001:db8::1]:80", "127.0.0.2:80"},
		"no port":             {"store.example", ""},
		"nothing":             {"", ""},
		"a star is no name":   {"*:9000", "[::1]:9000"},
		"IPv6 without a port": {"2001:db8::1", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := resolver.Address(test.connect)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("Address(%q) = %q, %v; want %q", test.connect, got, ok, test.want)
			}
			if none, ok := (driver.Resolver{}).Address(test.connect); ok {
				t.Errorf("without entries Address(%q) = %q", test.connect, none)
			}
		})
	}
}

func TestResolverCovers(t *testing.T) {
	t.Parallel()
	resolver, err := driver.ParseResolve([]string{"store.example:443:127.0.0.1", "store.example:80:127.0.0.1", "*:9000:127.0.0.1", "[::1]:80:127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		"https://store.example/k": true, "http://store.example": true, "https://store.example:443": true, "https://other.example": false,
		"http://other.example:9000": true, "https://store.example:444": false, "http://[::1]/k": true, "ftp://store.example": false, "": false,
	}
	for target, want := range tests {
		parsed, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := resolver.Covers(parsed); got != want {
			t.Errorf("Covers(%q) = %v, want %v", target, got, want)
		}
	}
}

func TestParseResolveRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"empty":               {""},
		"no address":          {"h:80"},
		"no host":             {":80:127.0.0.1"},
		"no port":             {"h::127.0.0.1"},
		"port is no number":   {"h:http:127.0.0.1"},
		"port 0":              {"h:0:127.0.0.1"},
		"port too large":      {"h:65536:127.0.0.1"},
		"address is a name":   {"h:80:localhost"},
		"address has a port":  {"h:80:127.0.0.1:81"},
		"IPv6 unbracketed":    {"h:80:::1"},
		"IPv6 half bracketed": {"h:80:[::1"},
		"IPv4 bracketed":      {"h:80:[127.0.0.1]"},
		"host half bracketed": {"[::1:80:127.0.0.1"},
		"IPv4 host bracketed": {"[127.0.0.1]:80:127.0.0.1"},
		"a URL":               {"http://h:80:127.0.0.1"},
		"second for the host": {"h:80:127.0.0.1", "H:80:127.0.0.2"},
		"second for *":        {"*:80:127.0.0.1", "*:080:127.0.0.2"},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := driver.ParseResolve(entries)
			if last := entries[len(entries)-1]; err == nil || !strings.Contains(err.Error(), `"`+last+`"`) {
				t.Errorf("ParseResolve(%q) = %v, want an error that names the entry", entries, err)
			}
		})
	}
}

// FuzzParseResolve: whatever is taken leads to an address at the entry's port, and
// nothing else does.
func FuzzParseResolve(f *testing.F) {
	for _, seed := range []string{"h:80:127.0.0.1", "*:9000:[::1]", "[::1]:80:[::2]", "a:b:c", ":::", "[]:1:[]", "h:80:[fe80::1%eth0]"} {
		f.Add(seed, "h:80")
	}
	f.Fuzz(func(t *testing.T, entry, connect string) {
		resolver, err := driver.ParseResolve([]string{entry})
		if err != nil {
			return
		}
		to, ok := resolver.Address(connect)
		if !ok {
			return
		}
		_, port, err := net.SplitHostPort(connect)
		if err != nil {
			t.Fatalf("%q, no address, goes to %q", connect, to)
		}
		host, toPort, err := net.SplitHostPort(to)
		if err != nil || toPort != port {
			t.Fatalf("%q goes to %q", connect, to)
		}
		if _, err := netip.ParseAddr(host); err != nil {
			t.Fatalf("%q goes to %q: %v", connect, to, err)
		}
	})
}
