package s3driver

import (
	"os"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// ReadTransport reads the options of [control.TransportOptions]. Without ca the AWS
// variable for it counts, as in AWS's own tools.
func ReadTransport(values map[string]string) (driver.Transport, error) {
	transport, err := control.ReadTransport(values)
	if transport.CA == "" {
		transport.CA = os.Getenv("AWS_CA_BUNDLE")
	}
	return transport, err
}
