package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// notification has a bucket tell a queue of what happens to its objects.
type notification struct {
	Bucket   string
	QueueArn string
	ID       string `json:"Id"` // of the bucket's one configuration that is ours
	Prefix   string
	Events   []string
}

// name identifies the notification for CloudFormation: under another name it is another
// one, whose predecessor is removed once it is there.
func (n notification) name() string { return n.Bucket + "/" + n.ID }

// buckets is what a source needs of *s3.Client.
type buckets interface {
	GetBucketNotificationConfiguration(ctx context.Context, in *s3.GetBucketNotificationConfigurationInput, options ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error)
	PutBucketNotificationConfiguration(ctx context.Context, in *s3.PutBucketNotificationConfigurationInput, options ...func(*s3.Options)) (*s3.PutBucketNotificationConfigurationOutput, error)
}

// source is where buckets are, and how long to wait before asking again.
type source struct {
	api   buckets
	pause time.Duration
}

// apply does what CloudFormation asks. Asking twice leaves the same; what others have
// configured at the bucket stays as it is. To remove it from a bucket that is gone is no
// failure, or the stack could not be deleted.
func (s source) apply(ctx context.Context, asked request) error {
	wanted := asked.ResourceProperties
	switch asked.RequestType {
	case "Create", "Update":
		// The predecessor of an update in another bucket is CloudFormation's to remove.
		return s.replace(ctx, wanted, []types.QueueConfiguration{wanted.configuration()})
	case "Delete":
		err := s.replace(ctx, wanted, nil)
		var failure smithy.APIError
		if errors.As(err, &failure) && failure.ErrorCode() == "NoSuchBucket" {
			return nil
		}
		return err
	}
	return fmt.Errorf("CloudFormation asks to %q, which this function knows nothing about", asked.RequestType)
}

// configuration is the notification in the words of S3, which wants prefixes encoded as in
// a URL: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
func (n notification) configuration() types.QueueConfiguration {
	own := types.QueueConfiguration{Id: aws.String(n.ID), QueueArn: aws.String(n.QueueArn)}
	for _, event := range n.Events {
		own.Events = append(own.Events, types.Event(event))
	}
	if n.Prefix != "" {
		encoded := strings.ReplaceAll(url.PathEscape(n.Prefix), "%2F", "/")
		own.Filter = &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{
			FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: aws.String(encoded)}},
		}}
	}
	return own
}

// replace puts own in the place of what is ours at the bucket, and writes nothing where
// there is nothing to change.
func (s source) replace(ctx context.Context, n notification, own []types.QueueConfiguration) error {
	is, err := s.api.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String(n.Bucket)})
	if err != nil {
		return fmt.Errorf("read the notifications of bucket %q: %w", n.Bucket, err)
	}
	others := slices.DeleteFunc(slices.Clone(is.QueueConfigurations), func(c types.QueueConfiguration) bool { return aws.ToString(c.Id) == n.ID })
	if len(own) == 0 && len(others) == len(is.QueueConfigurations) {
		return nil
	}
	in := &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(n.Bucket),
		NotificationConfiguration: &types.NotificationConfiguration{
			EventBridgeConfiguration:     is.EventBridgeConfiguration,
			LambdaFunctionConfigurations: is.LambdaFunctionConfigurations,
			QueueConfigurations:          append(others, own...),
			TopicConfigurations:          is.TopicConfigurations,
		},
		// S3 asks every destination; one of somebody else's may be gone.
		SkipDestinationValidation: aws.Bool(len(own) == 0),
	}
	if err := s.put(ctx, in); err != nil {
		return fmt.Errorf("write the notifications of bucket %q: %w", n.Bucket, err)
	}
	return nil
}

// attempts and pause cover the minute that a new policy of a queue may take to be known:
// until then S3 refuses the queue.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
const (
	attempts = 8
	pause    = 10 * time.Second
)

func (s source) put(ctx context.Context, in *s3.PutBucketNotificationConfigurationInput) error {
	for attempt := 1; ; attempt++ {
		_, err := s.api.PutBucketNotificationConfiguration(ctx, in)
		var failure smithy.APIError
		if !errors.As(err, &failure) || failure.ErrorCode() != "InvalidArgument" || attempt == attempts {
			return err
		}
		timer := time.NewTimer(s.pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}
