package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/tests/servers"
)

// bucket is the name of the bucket in every real store.
const bucket = "data"

// realStore is a real S3 server with one empty bucket.
type realStore struct {
	*servers.Server
	t       *testing.T
	profile string
	prefix  string // of its credentials reference
	client  *s3.Client
}

// startReal starts a server whose credentials are behind env:PREFIX.
func startReal(t *testing.T, product servers.Product, prefix string) *realStore {
	t.Helper()
	server := servers.StartForTest(t, servers.Config{Product: product, AccessKey: prefix + "-user", SecretKey: prefix + "-secret-key"})
	if err := server.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	return &realStore{Server: server, t: t, profile: string(product), prefix: prefix, client: server.Client()}
}

func (s *realStore) keys() []string { return keys(s.prefix, s.AccessKey, s.SecretKey) }

// at returns the location of a prefix or key of the bucket.
func (s *realStore) at(prefix string) string {
	return fmt.Sprintf("s3compat://%s/%s?endpoint=%s&profile=%s&credentials=env:%s", bucket, prefix, s.Endpoint, s.profile, s.prefix)
}

// stored is one object as a plain client sees it.
type stored struct {
	Size                                                  int64
	SHA256                                                [sha256.Size]byte
	Type, Cache, Disposition, Encoding, Language, Expires string
	Metadata                                              map[string]string
}

// put stores an object.
func (s *realStore) put(ctx context.Context, key string, data []byte, attributes stored) error {
	input := &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(data), ContentType: text(attributes.Type), CacheControl: text(attributes.Cache),
		ContentDisposition: text(attributes.Disposition), ContentEncoding: text(attributes.Encoding), ContentLanguage: text(attributes.Language),
		Metadata: attributes.Metadata,
	}
	if attributes.Expires != "" {
		input.Expires = aws.Time(expires)
	}
	if _, err := s.client.PutObject(ctx, input); err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	return nil
}

func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// get reads an object whole.
func (s *realStore) get(ctx context.Context, key string) (stored, error) {
	answer, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return stored{}, fmt.Errorf("get %q: %w", key, err)
	}
	defer answer.Body.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, answer.Body)
	if err != nil {
		return stored{}, fmt.Errorf("get %q: %w", key, err)
	}
	if answer.Metadata == nil {
		answer.Metadata = map[string]string{}
	}
	return stored{
		Size: size, SHA256: [sha256.Size]byte(hash.Sum(nil)), Type: aws.ToString(answer.ContentType), Cache: aws.ToString(answer.CacheControl),
		Disposition: aws.ToString(answer.ContentDisposition), Encoding: aws.ToString(answer.ContentEncoding),
		Language: aws.ToString(answer.ContentLanguage), Expires: aws.ToString(answer.ExpiresString), Metadata: answer.Metadata,
	}, nil
}

// listed returns all keys of the bucket, in the order of the listing.
func (s *realStore) listed() []string {
	s.t.Helper()
	found := []string{}
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), EncodingType: types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, object := range page.Contents {
			key := *object.Key
			if page.EncodingType == types.EncodingTypeUrl {
				if key, err = url.QueryUnescape(key); err != nil {
					s.t.Fatal(err)
				}
			}
			found = append(found, key)
		}
	}
	return found
}

// empty deletes all objects.
func (s *realStore) empty() {
	s.t.Helper()
	for _, key := range s.listed() {
		if _, err := s.client.DeleteObject(s.t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// holds checks that the bucket holds exactly these objects, below a prefix.
func (s *realStore) holds(want map[string]stored) {
	s.t.Helper()
	got := make([]stored, len(want))
	keys := s.listed()
	if len(keys) != len(want) {
		s.t.Errorf("%d objects, want %d", len(keys), len(want))
	}
	var group errgroup.Group
	group.SetLimit(4)
	wanted := maps.Clone(want)
	for i, key := range keys {
		if _, ok := wanted[key]; !ok {
			s.t.Errorf("object %q should not be there", key)
			continue
		}
		delete(wanted, key)
		group.Go(func() (err error) {
			got[i], err = s.get(s.t.Context(), key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.t.Fatal(err)
	}
	for i, key := range keys {
		if object, ok := want[key]; ok {
			if diff := cmp.Diff(object, got[i]); diff != "" {
				s.t.Errorf("%q (-want +got):\n%s", key, diff)
			}
		}
	}
	for key := range wanted {
		s.t.Errorf("object %q is missing", key)
	}
}

// openUploads returns the keys of all open uploads.
func (s *realStore) openUploads() []string {
	s.t.Helper()
	answer, err := s.client.ListMultipartUploads(s.t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket)})
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, upload := range answer.Uploads {
		found = append(found, *upload.Key)
	}
	return found
}
