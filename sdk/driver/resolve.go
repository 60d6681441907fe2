package driver

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Resolver answers where to connect, as [Transport.Resolve] says. The zero value
// sends every connection where its name says. It may be used by many goroutines at
// once.
type Resolver struct {
	addresses map[string]string // "host:port", host in lower case or "*", to "address:port"
}

// ParseResolve reads the entries of [Transport.Resolve], "HOST:PORT:ADDRESS" each,
// as curl's --resolve takes them. A HOST that is an IPv6 address stands in brackets
// as well. No two entries may be for the same HOST:PORT.
func ParseResolve(entries []string) (Resolver, error) {
	resolver := Resolver{addresses: make(map[string]string, len(entries))}
	for _, entry := range entries {
		host, port, address, ok := cutEntry(entry)
		if !ok {
			return Resolver{}, fmt.Errorf("%q is not HOST:PORT:ADDRESS, with HOST a name or *, PORT a number and ADDRESS an IP address, IPv6 in brackets", entry)
		}
		from := net.JoinHostPort(strings.ToLower(host), port)
		if _, known := resolver.addresses[from]; known {
			return Resolver{}, fmt.Errorf("%q is the second entry for %s", entry, from)
		}
		resolver.addresses[from] = net.JoinHostPort(address, port)
	}
	return resolver, nil
}

func cutEntry(entry string) (host, port, address string, ok bool) {
	rest := entry
	if inside, bracketed := strings.CutPrefix(entry, "["); bracketed {
		host, rest, ok = strings.Cut(inside, "]:")
		if ip, err := netip.ParseAddr(host); !ok || err != nil || !ip.Is6() {
			return "", "", "", false
		}
	} else if host, rest, ok = strings.Cut(rest, ":"); !ok || host == "" || strings.ContainsAny(host, "[]/@ ") {
		return "", "", "", false
	}
	port, address, ok = strings.Cut(rest, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || number == 0 {
		return "", "", "", false
	}
	inside, bracketed := strings.CutPrefix(address, "[")
	if bracketed {
		inside, ok = strings.CutSuffix(inside, "]")
	}
	ip, err := netip.ParseAddr(inside)
	if !ok || err != nil || ip.Is6() != bracketed {
		return "", "", "", false
	}
	return host, strconv.FormatUint(number, 10), inside, true
}

// Address returns the "ADDRESS:PORT" to connect to instead of "HOST:PORT", and
// false where the name decides. An entry for the host goes before one for "*".
func (r Resolver) Address(hostPort string) (string, bool) {
	if len(r.addresses) == 0 {
		return "", false
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return "", false
	}
	address, ok := r.addresses[net.JoinHostPort(strings.ToLower(host), port)]
	if !ok {
		address, ok = r.addresses["*:"+port]
	}
	return address, ok
}

// Covers says whether requests to the URL's host go to an address of their own.
// No proxy is used for them.
func (r Resolver) Covers(target *url.URL) bool {
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	_, ok := r.Address(net.JoinHostPort(target.Hostname(), port))
	return ok
}
