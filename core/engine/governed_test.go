package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// governed is the reference store with rules of another one: its session tells them, and
// what breaks them is refused, never spoilt.
type governed struct {
	store
	change func(*driver.Session)
}

// store is all that the reference store can do.
type store interface {
	driver.Bucket
	driver.Uploader
	driver.UploadLister
	driver.Copier
	driver.Tagger
}

func govern(t *testing.T, bucket driver.Bucket, change func(*driver.Session)) driver.Bucket {
	t.Helper()
	if change == nil {
		return bucket
	}
	able, ok := bucket.(store)
	if !ok {
		t.Fatalf("%T lacks abilities", bucket)
	}
	return governed{able, change}
}

func (g governed) Session() driver.Session {
	session := g.store.Session()
	g.change(&session)
	return session
}

func (g governed) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	if err := g.check(request.Key, request.Attributes); err != nil {
		return driver.Exchange{}, err
	}
	return g.store.SignPut(ctx, request)
}

func (g governed) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	if err := g.check(request.Key, request.Attributes); err != nil {
		return driver.Upload{}, err
	}
	return g.store.CreateUpload(ctx, request)
}

func (g governed) check(key string, a driver.Attributes) error {
	session := g.Session()
	problem := session.KeyRules.Violation(key)
	for _, pair := range a.Metadata {
		problem += session.MetadataRules.Violation(pair)
	}
	if session.Limits.MaxMetadata < a.MetadataSize() {
		problem += "too much metadata"
	}
	if a.ContentLanguage != "" && session.MetadataRules.Loses("content-language") {
		problem += "content-language"
	}
	if len(a.Tags) > 0 && !session.Has(driver.CapabilityTagger) || len(a.Tags) > session.Limits.MaxTags {
		problem += "tags"
	}
	if _, known := session.Class(a.StorageClass); a.StorageClass != "" && !known {
		problem += "class " + a.StorageClass
	}
	if problem != "" {
		return &driver.Error{Op: "Put", Key: key, Kind: driver.KindInvalidArgument, Message: fmt.Sprintf("refused: %s", problem)}
	}
	return nil
}

const lowerAndDash = "abcdefghijklmnopqrstuvwxyz0123456789-"

// likeCOS has the key and metadata rules of https://www.tencentcloud.com/document/product/436/13324
// and 7746.
func likeCOS(s *driver.Session) {
	s.KeyRules = driver.KeyRules{
		MaxBytes: 850, NoLeadingSlash: true, NoInvalidUTF8: true, Forbidden: []string{"\x18", "\x19", "\x1a", "\x1b", `\`},
	}
	s.MetadataRules = driver.MetadataRules{NameChars: lowerAndDash, VisibleASCII: true, LostHeaders: []string{"content-language"}}
}

// likeOSS has those of https://www.alibabacloud.com/help/en/oss/0011-00000002 and 00000004.
func likeOSS(s *driver.Session) {
	s.KeyRules = driver.KeyRules{MaxBytes: 1023, NoLeadingSlash: true, NoInvalidUTF8: true, NoEmptySegment: true, NoDotSegment: true}
	s.MetadataRules = driver.MetadataRules{NameChars: lowerAndDash, VisibleASCII: true}
	s.Limits.MaxTags = 2
}

// likeKodo has those of https://developer.qiniu.com/kodo/manual/1234 and 6368.
func likeKodo(s *driver.Session) {
	s.KeyRules = driver.KeyRules{MaxBytes: 750, NoInvalidUTF8: true, NoControl: true, NoTrailingSlash: true, Forbidden: []string{"&token="}}
	s.MetadataRules = driver.MetadataRules{NameChars: lowerAndDash + "_", MaxName: 50, VisibleASCII: true}
	s.Limits.MaxMetadata = 100
	s.Capabilities = []driver.Capability{driver.CapabilityUploader, driver.CapabilityUploadLister, driver.CapabilityConditionalGet}
	s.StorageClasses = []driver.StorageClass{{Name: "HOT", Tier: driver.TierHot}}
}
