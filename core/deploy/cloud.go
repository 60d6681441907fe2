package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/dth-dev/dth/core/awsconfig"
	"github.com/dth-dev/dth/core/job"
)

// pause is how long a stack is left alone between two looks. CloudFormation has no way to
// be told, and throttles who asks more than a few times a second.
const pause = 2 * time.Second

// Cloud is a region of an account. It is safe for concurrent use. The SDK's own retries are
// all there are.
type Cloud struct {
	Region string

	// Only their methods are called: what makes an interface of a client, as the SDK's
	// paginators and waiters do, links every call that its service has, because kong looks
	// methods up by name. Of Amazon EC2 that would be 31 MB.
	stacks   *cloudformation.Client
	buckets  *s3.Client
	identity *sts.Client
	machines *ec2.Client
	quotas   *servicequotas.Client
	secrets  *secretsmanager.Client
	groups   *autoscaling.Client
	queues   *sqs.Client
	logs     *cloudwatchlogs.Client
}

// Open returns a region of the account that the environment has credentials for, as every
// AWS SDK finds them; an empty region is that of the environment. It asks for nothing.
func Open(ctx context.Context, region string) (*Cloud, error) {
	settings, err := awsconfig.Load(ctx, "CloudFormation")
	if err != nil {
		return nil, err
	}
	if region != "" {
		settings.Region = region
	}
	if settings.Region == "" {
		return nil, &job.Error{What: "no region is named", Do: "say where the stack is to be: --stack-region, or the variable AWS_REGION", Usage: true}
	}
	return New(settings), nil
}

// New returns the region that the settings name.
func New(settings aws.Config) *Cloud {
	return &Cloud{
		Region: settings.Region, stacks: cloudformation.NewFromConfig(settings), buckets: s3.NewFromConfig(settings),
		identity: sts.NewFromConfig(settings), machines: ec2.NewFromConfig(settings), quotas: servicequotas.NewFromConfig(settings),
		secrets: secretsmanager.NewFromConfig(settings), groups: autoscaling.NewFromConfig(settings), queues: sqs.NewFromConfig(settings),
		logs: cloudwatchlogs.NewFromConfig(settings),
	}
}

// code returns the code of an error of AWS, "" for any other.
func code(err error) string {
	var failure smithy.APIError
	if errors.As(err, &failure) {
		return failure.ErrorCode()
	}
	return ""
}

// forbidden says whether AWS refused because a permission is missing, in the words of any
// service; Forbidden is that of Amazon S3 where an answer has no body.
func forbidden(err error) bool {
	switch code(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden":
		return true
	}
	return false
}

// message returns what AWS says about a failure, without the names of its client.
func message(err error) string {
	var failure smithy.APIError
	if errors.As(err, &failure) {
		return failure.ErrorCode() + ": " + failure.ErrorMessage()
	}
	return err.Error()
}

// wait waits for the next look.
func wait(ctx context.Context) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// templateURL returns where CloudFormation reads a template: by the rules of the SDK, so
// that it is right in every partition and for every name of a bucket.
func (c *Cloud) templateURL(ctx context.Context, plan *Plan) (string, error) {
	options := c.buckets.Options()
	bucket := plan.Value("assetBucket")
	endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &bucket, Region: &c.Region, Endpoint: options.BaseEndpoint, ForcePathStyle: &options.UsePathStyle,
	})
	if err != nil {
		return "", fmt.Errorf("where bucket %s is: %w", bucket, err)
	}
	return endpoint.URI.JoinPath(plan.Assets.templateKey(plan.Template.Text)).String(), nil
}
