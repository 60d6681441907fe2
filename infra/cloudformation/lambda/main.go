// Command lambda is the function of a fleet's stack: it starts the finder when the schedule
// says so, and connects the source's bucket to the queue as a custom resource.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers events for as long as AWS Lambda keeps the process.
func serve(ctx context.Context) error {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("find the settings and credentials of the function: %w", err)
	}
	group := os.Getenv("DTH_FINDER_GROUP")
	if group == "" {
		return errors.New("the variable DTH_FINDER_GROUP names no Auto Scaling group")
	}
	f := &function{
		finder: finder{api: autoscaling.NewFromConfig(settings), group: group},
		source: source{
			// At an endpoint of one's own no host is named after a bucket.
			api:   s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }),
			pause: pause,
		},
		client: http.DefaultClient,
		log:    slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	lambda.Start(f.handle)
	return nil
}

// function answers what CloudFormation and EventBridge ask.
type function struct {
	finder finder
	source source
	client *http.Client
	log    *slog.Logger
}

// handle takes a request of CloudFormation, which names where to answer, or anything else
// for the hour to start a finder.
func (f *function) handle(ctx context.Context, event json.RawMessage) error {
	var asked request
	if err := json.Unmarshal(event, &asked); err != nil {
		return fmt.Errorf("the event is no JSON object: %w", err)
	}
	if asked.ResponseURL == "" {
		started, err := f.finder.start(ctx)
		f.log.InfoContext(ctx, "schedule", "group", f.finder.group, "started", started, "error", err)
		return err
	}
	err := f.source.apply(ctx, asked)
	f.log.InfoContext(ctx, "notification", "request", asked.RequestType, "bucket", asked.ResourceProperties.Bucket, "error", err)
	return f.answer(ctx, asked, err)
}
