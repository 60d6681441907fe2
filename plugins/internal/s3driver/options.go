package s3driver

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// TransportOptions are the options that every S3 plugin has: how to connect.
func TransportOptions() []driver.Option {
	return []driver.Option{
		{Name: "ca", Summary: "path of a PEM bundle of the authorities to trust instead of the system's"},
		{Name: "client-cert", Summary: "path of a PEM file with a client certificate and its key"},
		{Name: "proxy", Summary: "URL of an HTTP proxy, or none; by default the environment decides"},
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

// TransportFrom reads the options of [TransportOptions]. Without ca the AWS
// variable for it counts, as in AWS's own tools.
func TransportFrom(values map[string]string) driver.Transport {
	authorities := values["ca"]
	if authorities == "" {
		authorities = os.Getenv("AWS_CA_BUNDLE")
	}
	return driver.Transport{CA: authorities, ClientCert: values["client-cert"], Proxy: values["proxy"]}
}

func badOption(format string, arguments ...any) error {
	return &driver.Error{Op: "Open", Kind: driver.KindInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}
