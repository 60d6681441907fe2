package drivertest

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
)

func (a *altered) CopyObject(ctx context.Context, r driver.CopyObjectRequest) (driver.Object, error) {
	if a.copyObject != nil {
		return a.copyObject(ctx, r)
	}
	return a.whole.CopyObject(ctx, r)
}

func (a *altered) CopyPart(ctx context.Context, r driver.CopyPartRequest) (driver.Part, error) {
	if a.copyPart != nil {
		return a.copyPart(ctx, r)
	}
	return a.whole.CopyPart(ctx, r)
}

func (a *altered) ReachCopy(ctx context.Context, source driver.CopySource) error {
	if a.reachCopy != nil {
		return a.reachCopy(ctx, source)
	}
	return a.whole.ReachCopy(ctx, source)
}

func (a *altered) Tags(ctx context.Context, r driver.StatRequest) ([]driver.Tag, error) {
	if a.tags != nil {
		return a.tags(ctx, r)
	}
	return a.whole.Tags(ctx, r)
}

func (a *altered) Restore(ctx context.Context, r driver.RestoreRequest) (bool, error) {
	if a.restore != nil {
		return a.restore(ctx, r)
	}
	return a.whole.Restore(ctx, r)
}

func (a *altered) ParseEvents(ctx context.Context, payload []byte) ([]driver.Event, error) {
	if a.parseEvents != nil {
		return a.parseEvents(ctx, payload)
	}
	return a.whole.ParseEvents(ctx, payload)
}

// onCopy seeds a bug in what a copy is asked for.
func onCopy(change func(r *driver.CopyObjectRequest)) func(*altered) {
	return func(b *altered) {
		b.copyObject = func(ctx context.Context, r driver.CopyObjectRequest) (driver.Object, error) {
			change(&r)
			return b.whole.CopyObject(ctx, r)
		}
	}
}

func abilityMutants() []mutant {
	return []mutant{
		{
			bug: "every source is within reach", caught: []string{"copy-reach"},
			bucket: func(b *altered) { b.reachCopy = func(context.Context, driver.CopySource) error { return nil } },
		},
		{
			bug: "a copy does not ask for the version", caught: []string{"copy-version"},
			bucket: onCopy(func(r *driver.CopyObjectRequest) { r.Object.ETag = "" }),
		},
		{
			bug: "a copy reads another object", caught: []string{"copy-object"},
			bucket: onCopy(func(r *driver.CopyObjectRequest) { r.Object.Key, r.Object.ETag = r.Key, "" }),
		},
		{
			bug: "copying an absent object succeeds", caught: []string{"copy-absent"},
			bucket: func(b *altered) {
				b.copyObject = func(ctx context.Context, r driver.CopyObjectRequest) (driver.Object, error) {
					object, _ := b.whole.CopyObject(ctx, r)
					return object, nil
				}
			},
		},
		{
			bug: "every copied part begins at the first byte", caught: []string{"copy-part"},
			bucket: func(b *altered) {
				b.copyPart = func(ctx context.Context, r driver.CopyPartRequest) (driver.Part, error) {
					r.Offset = 0
					return b.whole.CopyPart(ctx, r)
				}
			},
		},
		{
			bug: "tags are dropped", caught: []string{"tags"},
			bucket: func(b *altered) {
				b.signPut = func(ctx context.Context, r driver.PutRequest) (driver.Exchange, error) {
					r.Attributes.Tags = nil
					return b.whole.SignPut(ctx, r)
				}
			},
		},
		{
			bug: "an upload ignores its class", caught: []string{"storage-class"},
			bucket: func(b *altered) {
				b.createUpload = func(ctx context.Context, r driver.CreateUploadRequest) (driver.Upload, error) {
					r.Attributes.StorageClass = ""
					return b.whole.CreateUpload(ctx, r)
				}
			},
		},
		{
			bug: "an unknown class becomes the default", caught: []string{"storage-class-unknown"},
			bucket: func(b *altered) {
				b.signPut = func(ctx context.Context, r driver.PutRequest) (driver.Exchange, error) {
					r.Attributes.StorageClass = ""
					return b.whole.SignPut(ctx, r)
				}
			},
		},
		{
			bug: "restoring tells lies", caught: []string{"frozen"},
			bucket: func(b *altered) {
				b.restore = func(context.Context, driver.RestoreRequest) (bool, error) { return true, nil }
			},
		},
		{
			bug: "a listing calls everything frozen", caught: []string{"frozen"},
			bucket: func(b *altered) {
				b.list = func(ctx context.Context, r driver.ListRequest) (driver.ListPage, error) {
					page, err := b.whole.List(ctx, r)
					for i := range page.Objects {
						page.Objects[i].Frozen = true
					}
					return page, err
				}
			},
		},
		{
			bug: "any payload is a notification", caught: []string{"events-foreign"},
			bucket: func(b *altered) {
				b.parseEvents = func(context.Context, []byte) ([]driver.Event, error) { return nil, nil }
			},
		},
	}
}
