package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// TransportOptions are the options that every plugin has: how to connect.
func TransportOptions() []driver.Option {
	return []driver.Option{
		{Name: "ca", Summary: "path of a PEM bundle of the authorities to trust instead of the system's"},
		{Name: "client-cert", Summary: "path of a PEM file with a client certificate and its key"},
		{Name: "proxy", Summary: "URL of an HTTP proxy, or none; by default the environment decides"},
		{Name: "resolve", Summary: "HOST:PORT:ADDRESS[,…] connects to ADDRESS, past any proxy, instead of looking HOST up; HOST may be *"},
	}
}

// ReadOptions checks what a location gives against what a plugin declares and
// returns a value for every declared option. Its errors are KindInvalidArgument.
func ReadOptions(declared []driver.Option, given map[string]string) (map[string]string, error) {
	values := make(map[string]string, len(declared))
	for _, option := range declared {
		value, set := given[option.Name]
		if !set {
			value = option.Default
		}
		if option.Required && value == "" {
			return nil, badOption("option %s is missing: %s", option.Name, option.Summary)
		}
		if len(option.Values) > 0 && value != "" && !slices.Contains(option.Values, value) {
			return nil, badOption("option %s: %q is none of %s", option.Name, value, strings.Join(option.Values, ", "))
		}
		values[option.Name] = value
	}
	for name := range given {
		if _, known := values[name]; !known {
			return nil, badOption("option %q is unknown", name)
		}
	}
	return values, nil
}

// ReadTransport reads the options of [TransportOptions] from what [ReadOptions]
// returned. What the paths lead to and whether the proxy is a URL, [NewTransport] checks.
func ReadTransport(values map[string]string) (driver.Transport, error) {
	transport := driver.Transport{CA: values["ca"], ClientCert: values["client-cert"], Proxy: values["proxy"]}
	if text := values["resolve"]; text != "" {
		transport.Resolve = strings.Split(text, ",")
	}
	if _, err := driver.ParseResolve(transport.Resolve); err != nil {
		return driver.Transport{}, badOption("option resolve: %v", err)
	}
	return transport, nil
}

// CheckBucket refuses what no store takes as a bucket, before it lands in a host name
// or a path. Its error is KindInvalidArgument.
func CheckBucket(name string) error {
	if name == "" {
		return badOption("the bucket's name is empty")
	}
	for i := range len(name) {
		if !unreserved(name[i]) || name[i] == '~' {
			return badOption("%q is no bucket name: it holds %q", name, name[i:i+1])
		}
	}
	if strings.Trim(name, ".-") != name {
		return badOption("%q is no bucket name: it begins or ends with %q or %q", name, ".", "-")
	}
	return nil
}

func badOption(format string, arguments ...any) error {
	return &driver.Error{Op: "Open", Kind: driver.KindInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}
