package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client returns a plain S3 client of the server, with its root credentials: a
// second opinion beside the driver under test.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint:               aws.String(s.Endpoint),
		Region:                     s.Region,
		Credentials:                credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		UsePathStyle:               true,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// awaitWrites waits until the server would remove a bucket, of one that it has not: a
// bucket made to try it would show in listings for a while after its removal.
func (s *Server) awaitWrites(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	probe := &s3.DeleteBucketInput{Bucket: aws.String("is-it-ready")}
	once := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
	for {
		_, err := s.Client().DeleteBucket(ctx, probe, once)
		var answered *http.ResponseError
		switch {
		case !errors.As(err, &answered):
			return err
		case answered.HTTPStatusCode() == 404:
			return nil
		case answered.HTTPStatusCode() != 503:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

// CreateBucket creates an empty bucket.
func (s *Server) CreateBucket(ctx context.Context, name string) error {
	if _, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return fmt.Errorf("create bucket %s on %s: %w", name, s.Endpoint, err)
	}
	return nil
}
