package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// owner returns whose the asset bucket must be, nil where that is not known: instances run
// what is in it, and the bucket of a name may have become another account's.
func (p *Plan) owner() *string {
	if p.Account == "" {
		return nil
	}
	return &p.Account
}

// CreateAssetBucket makes the asset bucket of a plan where there is none: nobody but the
// account sees into it, and Amazon S3 encrypts it. A bucket that is there stays as it is.
func (c *Cloud) CreateAssetBucket(ctx context.Context, plan *Plan) error {
	bucket, owner := plan.Value("assetBucket"), plan.owner()
	_, err := c.buckets.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket, ExpectedBucketOwner: owner})
	var answered *smithyhttp.ResponseError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answered) || answered.HTTPStatusCode() != http.StatusNotFound: // it may be there all the same
		return fmt.Errorf("look whether there is a bucket %s: %w", bucket, err)
	}
	input := &s3.CreateBucketInput{Bucket: &bucket}
	if c.Region != "us-east-1" { // which must not be named
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(c.Region)}
	}
	_, err = c.buckets.CreateBucket(ctx, input)
	switch {
	case code(err) == "BucketAlreadyOwnedByYou": // made since, by somebody who may want it otherwise
		return nil
	case err != nil:
		return fmt.Errorf("make bucket %s: %w", bucket, err)
	}
	_, err = c.buckets.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &bucket, ExpectedBucketOwner: owner, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}})
	if err != nil {
		return fmt.Errorf("close bucket %s to the public: %w", bucket, err)
	}
	_, err = c.buckets.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &bucket, ExpectedBucketOwner: owner, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}}},
	}})
	if err != nil {
		return fmt.Errorf("encrypt bucket %s: %w", bucket, err)
	}
	return nil
}

// Upload puts what is not there yet into the asset bucket: the programs, the function and
// the template. It returns the keys that it wrote.
func (c *Cloud) Upload(ctx context.Context, plan *Plan) ([]string, error) {
	template := sha256.Sum256([]byte(plan.Template.Text))
	var written []string
	for _, object := range []struct {
		key, sum string
		open     func() (io.ReadSeekCloser, error)
	}{
		{plan.Assets.Prefix + programsFile, plan.Assets.Programs, plan.Assets.open(programsFile)},
		{plan.Assets.Prefix + functionFile, plan.Assets.Function, plan.Assets.open(functionFile)},
		{plan.Assets.templateKey(plan.Template.Text), hex.EncodeToString(template[:]), func() (io.ReadSeekCloser, error) {
			return unclosed{strings.NewReader(plan.Template.Text)}, nil
		}},
	} {
		wrote, err := c.put(ctx, plan, object.key, object.sum, object.open)
		if err != nil {
			return written, err
		}
		if wrote {
			written = append(written, object.key)
		}
	}
	return written, nil
}

func (a Assets) open(name string) func() (io.ReadSeekCloser, error) {
	return func() (io.ReadSeekCloser, error) { return os.Open(filepath.Join(a.Folder, name)) }
}

// unclosed is text that needs no closing.
type unclosed struct{ io.ReadSeeker }

func (unclosed) Close() error { return nil }

// put writes an object, which Amazon S3 checks against the checksum, unless it is there.
func (c *Cloud) put(ctx context.Context, plan *Plan, key, hexadecimal string, open func() (io.ReadSeekCloser, error)) (bool, error) {
	bucket, owner := plan.Value("assetBucket"), plan.owner()
	digest, err := hex.DecodeString(hexadecimal)
	if err != nil {
		return false, fmt.Errorf("checksum of %s: %w", key, err)
	}
	checksum := base64.StdEncoding.EncodeToString(digest)
	head, err := c.buckets.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, ExpectedBucketOwner: owner, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err == nil && aws.ToString(head.ChecksumSHA256) == checksum {
		return false, nil
	}
	content, err := open()
	if err != nil {
		return false, err
	}
	defer content.Close()
	_, err = c.buckets.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, ExpectedBucketOwner: owner, Key: &key, Body: content, ChecksumSHA256: &checksum})
	if err != nil {
		return false, fmt.Errorf("upload s3://%s/%s (the credentials need s3:PutObject there): %w", bucket, key, err)
	}
	return true, nil
}
