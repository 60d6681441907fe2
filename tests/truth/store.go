package truth

import (
	"context"
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

// limited is the reference store with the abilities of another one: its session declares
// less, and its answers say less.
type limited struct {
	memory
	Abilities
	side  Side
	stage *stage
}

// memory is what the reference store can do as far as it is used here.
type memory interface {
	driver.Bucket
	driver.Uploader
	driver.UploadLister
}

// Session implements driver.Bucket.
func (l limited) Session() driver.Session {
	s := l.memory.Session()
	s.Capabilities = nil
	for capability, has := range map[driver.Capability]bool{
		driver.CapabilityConditionalGet: l.Conditional,
		driver.CapabilityUploader:       l.Uploader,
		driver.CapabilityUploadLister:   l.Uploader && l.UploadLister,
	} {
		if has {
			s.Capabilities = append(s.Capabilities, capability)
		}
	}
	s.Checksums.ETagMD5 = l.ETagMD5
	if !l.Checksums {
		s.Checksums.Stored = nil
	}
	if l.Loses {
		s.MetadataRules.LostHeaders = []string{"content-language"}
	}
	return s
}

// List implements driver.Bucket.
func (l limited) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := l.memory.List(ctx, request)
	page.Objects = slices.DeleteFunc(page.Objects, func(o driver.Object) bool { return l.stage.omits(l.side, o.Key) })
	for i := range page.Objects {
		if !l.ListsETags {
			page.Objects[i].ETag = ""
		}
	}
	return page, err
}

// Stat implements driver.Bucket.
func (l limited) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := l.memory.Stat(ctx, request)
	return l.told(object), err
}

func (l limited) told(object driver.Object) driver.Object {
	if !l.Checksums {
		object.Checksums = nil
	}
	return object
}

// SignGet implements driver.Bucket.
func (l limited) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	signed, err := l.memory.SignGet(ctx, request)
	return l.replying(signed), err
}

// SignPut implements driver.Bucket.
func (l limited) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	if err := l.refuse(request.Key, request.Attributes); err != nil {
		return driver.Exchange{}, err
	}
	signed, err := l.memory.SignPut(ctx, request)
	return l.replying(signed), err
}

// refuse fails for attributes that the store declares not to hold.
func (l limited) refuse(key string, a driver.Attributes) error {
	if l.Loses && a.ContentLanguage != "" {
		return &driver.Error{Op: "Put", Key: key, Kind: driver.KindInvalidArgument, Message: "the store does not hold Content-Language"}
	}
	return nil
}

// replying returns an exchange whose answer states no more than the store does.
func (l limited) replying(signed driver.Exchange) driver.Exchange {
	if signed.Reply == nil {
		return signed
	}
	reply := *signed.Reply
	reply.RequestIDAlways = true
	if !l.Checksums {
		reply.Capture = slices.DeleteFunc(slices.Clone(reply.Capture), func(c driver.Capture) bool { return c.Field == driver.FieldChecksum })
	}
	signed.Reply = &reply
	return signed
}

// CreateUpload implements driver.Uploader.
func (l limited) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	if err := l.refuse(request.Key, request.Attributes); err != nil {
		return driver.Upload{}, err
	}
	return l.memory.CreateUpload(ctx, request)
}

// SignPart implements driver.Uploader.
func (l limited) SignPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	signed, err := l.memory.SignPart(ctx, request)
	return l.replying(signed), err
}

// ListParts implements driver.Uploader.
func (l limited) ListParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	page, err := l.memory.ListParts(ctx, request)
	for i := range page.Parts {
		if !l.Checksums {
			page.Parts[i].Checksums = nil
		}
	}
	return page, err
}

// CompleteUpload implements driver.Uploader. Like S3 it answers neither size nor time.
func (l limited) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	if n := len(request.Parts); n > 1 && l.stage.joinsLess(l.side, request.Upload.Key) {
		request.Size -= request.Parts[n-1].Size
		request.Parts, request.Checksum = request.Parts[:n-1], driver.Checksum{}
	}
	object, err := l.memory.CompleteUpload(ctx, request)
	if err != nil {
		return object, err
	}
	return l.told(driver.Object{Key: object.Key, ETag: object.ETag, Checksums: object.Checksums}), nil
}
