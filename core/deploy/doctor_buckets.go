package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// found is what can be seen of a bucket.
type found struct {
	region string // empty where Amazon S3 does not say
	status int    // of HTTP; 200 where it may be looked at and belongs to the account
	err    error
}

// look asks for a bucket of the account, in its own region if that is another one.
func (e *examination) look(ctx context.Context, bucket string) found {
	region := e.cloud.Region
	for {
		head, err := e.cloud.buckets.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket, ExpectedBucketOwner: &e.account}, in(region))
		if err == nil {
			return found{aws.ToString(head.BucketRegion), http.StatusOK, nil}
		}
		status, other := refusal(err)
		if region != e.cloud.Region || other == "" || other == region { // it was asked there, or is here
			return found{other, status, err}
		}
		region = other
	}
}

// in has Amazon S3 asked in a region.
func in(region string) func(*s3.Options) { return func(o *s3.Options) { o.Region = region } }

// refusal returns the HTTP status of an error of Amazon S3, and the region that it names for
// the bucket: who asks in another one is answered 301, or 400, whatever there is. 0 and
// nothing where it did not answer.
func refusal(err error) (status int, region string) {
	var answered *smithyhttp.ResponseError
	if !errors.As(err, &answered) {
		return 0, ""
	}
	return answered.HTTPStatusCode(), answered.Response.Header.Get("X-Amz-Bucket-Region")
}

// assetBucket looks at where the programs are to be.
func (e *examination) assetBucket(ctx context.Context) {
	const check = "asset bucket"
	bucket, region := e.plan.Value("assetBucket"), e.cloud.Region
	elsewhere := fmt.Sprintf("give --asset-bucket one of account %s in %s, or a new name with --create-asset-bucket", e.account, region)
	switch is := e.look(ctx, bucket); {
	case is.status == http.StatusNotFound && e.createBucket:
		e.note(check, Fine, fmt.Sprintf("bucket %s is to be made in %s", bucket, region), "")
	case is.status == http.StatusNotFound:
		e.note(check, Failed, fmt.Sprintf("there is no bucket %s", bucket), "have it made with --create-asset-bucket, or "+elsewhere)
	case is.region != "" && is.region != region:
		e.note(check, Failed, fmt.Sprintf("bucket %s is in %s, and the stack in %s", bucket, is.region, region), elsewhere)
	case is.status == http.StatusForbidden && e.createBucket:
		e.note(check, Failed, fmt.Sprintf("there is a bucket %s already, which is another account's or may not be looked at", bucket), "choose another name: --asset-bucket")
	case is.err != nil:
		e.note(check, Unknown, fmt.Sprintf("bucket %s may not be looked at, or is another account's: %s", bucket, message(is.err)),
			"to have it checked, allow s3:ListBucket; the deployment needs s3:PutObject and s3:GetObject there")
	default:
		e.note(check, Fine, fmt.Sprintf("bucket %s in %s", bucket, region), "")
	}
}

// bucket looks at the bucket of one side.
func (e *examination) bucket(ctx context.Context, name, short string, takesEvents bool) {
	check, bucket, said := name+" bucket", e.plan.Value(short+"Bucket"), e.plan.Value(short+"Region")
	is := e.look(ctx, bucket)
	if is.region != "" {
		if e.plan.Regions == nil {
			e.plan.Regions = map[string]string{}
		}
		e.plan.Regions[short] = is.region
	}
	switch {
	case is.status == http.StatusNotFound:
		e.note(check, Failed, fmt.Sprintf("the %s, bucket %s, does not exist in partition %s", name, bucket, partition(e.cloud.Region)), "correct its name, or make it")
	case takesEvents && is.region != "" && is.region != e.cloud.Region:
		e.note(check, Failed, fmt.Sprintf("the %s, bucket %s, is in %s, and S3 sends events to queues of its own region alone, while the stack is in %s", name, bucket, is.region, e.cloud.Region),
			fmt.Sprintf("deploy to --stack-region %s, or with --events none", is.region))
	case said != "" && is.region != "" && is.region != said:
		e.note(check, Failed, fmt.Sprintf("the %s, bucket %s, is in %s, and the job says %s", name, bucket, is.region, said), fmt.Sprintf("correct the option region of the %s", name))
	case is.err != nil:
		e.note(check, Unknown, fmt.Sprintf("the %s, bucket %s, may not be looked at from here, or is another account's: %s", name, bucket, message(is.err)),
			fmt.Sprintf("to have it checked, allow s3:ListBucket; if it is another account's, give --%s-credentials secret:NAME or --%s-option role-arn=ARN", name, name))
	default:
		e.note(check, Fine, fmt.Sprintf("bucket %s in %s", bucket, is.region), "")
	}
}

// list looks at where the prefixes to compare stand.
func (e *examination) list(ctx context.Context) {
	bucket, key := e.plan.Value("srcPrefixListBucket"), e.plan.Value("srcPrefixsListFile")
	if bucket == "" {
		return
	}
	const check = "list of prefixes"
	ask := &s3.HeadObjectInput{Bucket: &bucket, Key: &key}
	_, err := e.cloud.buckets.HeadObject(ctx, ask)
	status, region := refusal(err)
	if region != "" && region != e.cloud.Region {
		_, err = e.cloud.buckets.HeadObject(ctx, ask, in(region))
		status, _ = refusal(err)
	}
	switch {
	case status == http.StatusNotFound:
		e.note(check, Failed, fmt.Sprintf("there is no object s3://%s/%s", bucket, key), "upload the list, or correct --prefixes-from")
	case err != nil:
		e.unknown(check, "s3:GetObject", err)
	default:
		e.note(check, Fine, fmt.Sprintf("s3://%s/%s", bucket, key), "")
	}
}
