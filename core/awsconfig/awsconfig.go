// Package awsconfig finds the settings with which dth's own AWS clients are made.
package awsconfig

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
)

// idle is how many connections to one host wait for their next request: those of a worker
// at its busiest. The SDK's 10 would have them closed and opened all the time.
const idle = 128

// Load returns the settings and credentials of the environment, as every AWS SDK finds
// them: on EC2 those of the instance's role. service names, in an error, what they are for.
func Load(ctx context.Context, service string) (aws.Config, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("find the settings and credentials for %s: %w", service, err)
	}
	client, ok := settings.HTTPClient.(*awshttp.BuildableClient) // there where AWS_CA_BUNDLE is set
	if !ok {
		client = awshttp.NewBuildableClient()
	}
	settings.HTTPClient = PlainBodies(client.WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = idle }))
	return settings, nil
}

// PlainBodies hides from a client that the bodies of requests have WriteTo.
//
// smithy-go 1.28.9 closes a request's body as soon as the head of the answer is there, and
// WriteTo of a closed one says io.EOF, which io.Copy takes for a failure. If net/http has
// not yet looked for the end of the body, it then closes the connection, and the rest of
// the answer is lost. The SDK tries again, but the messages of a lost ReceiveMessage stay
// hidden for their visibility timeout, and those of a lost SendMessage are sent twice.
func PlainBodies(client aws.HTTPClient) aws.HTTPClient { return plainBodies{client} }

type plainBodies struct{ client aws.HTTPClient }

func (p plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r // what it was given is not ours to change
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return p.client.Do(r)
}
