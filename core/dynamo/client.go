package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dth-dev/dth/core/awsconfig"
	"github.com/dth-dev/dth/core/retry"
)

// Options say where the tables are and how patiently they are asked. The zero value of
// each but the names stands for what its comment says.
type Options struct {
	Objects string // name of the table of objects
	Parts   string // name of the table of everything else
	// Retry is [Patience] by default.
	Retry retry.Policy
	// Requests bounds those in flight; 64 by default.
	Requests int
	// Timeout ends an attempt that is not answered; 10 s by default.
	Timeout time.Duration
	// Margin is by how much clocks may differ; [ClockMargin] by default.
	Margin time.Duration
	// Now is time.Now by default. See [Client.Ended] on clocks.
	Now func() time.Time
}

// Patience rides out about a minute of throttling: a table on demand that is new to a
// load doubles its capacity within minutes, and a partition splits as fast.
var Patience = retry.Policy{Attempts: 16, Base: 50 * time.Millisecond, Cap: 8 * time.Second}

// Client asks the tables. Its methods may be called by many goroutines at once.
type Client struct {
	api     *dynamodb.Client
	options Options
	slots   chan struct{} // held while a request is under way
}

// Open reaches the tables with the settings and credentials of the environment, as every
// AWS SDK finds them: on EC2 those of the instance's role.
func Open(ctx context.Context, options Options) (*Client, error) {
	settings, err := awsconfig.Load(ctx, "DynamoDB")
	if err != nil {
		return nil, err
	}
	return New(settings, options), nil
}

// New reaches the tables with given settings. Their retries are not used.
func New(settings aws.Config, options Options) *Client {
	if options.Retry.Attempts == 0 {
		options.Retry = Patience
	}
	if options.Requests == 0 {
		options.Requests = 64
	}
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Margin == 0 {
		options.Margin = ClockMargin
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	api := dynamodb.NewFromConfig(settings, func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{} // one retry layer: ours
	})
	return &Client{api: api, options: options, slots: make(chan struct{}, options.Requests)}
}

// Objects returns the name of the table of objects.
func (c *Client) Objects() string { return c.options.Objects }

// Parts returns the name of the table of everything else.
func (c *Client) Parts() string { return c.options.Parts }

// Now returns this machine's time.
func (c *Client) Now() time.Time { return c.options.Now() }

// Requests returns how many requests may be under way at once.
func (c *Client) Requests() int { return c.options.Requests }

// do makes attempts until one succeeds or none is worth it. doing names the operation.
func (c *Client) do(ctx context.Context, doing string, attempt func(context.Context) error) error {
	return c.options.Retry.Do(ctx, func(int) error {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("DynamoDB %s: %w", doing, ctx.Err())
		}
		defer func() { <-c.slots }()
		timed, cancel := context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
		return failure(ctx, doing, attempt(timed))
	})
}
