package transfer

import (
	"context"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// written returns the relative key at the destination of a relative key that
// CheckKey let pass.
func (c *Copier) written(key string) string {
	if !c.Fit.Encodes() {
		return key
	}
	written, err := c.Fit.Key(key)
	if err != nil {
		return key
	}
	return written
}

// unfit wraps what the destination cannot hold of an object.
func (c *Copier) unfit(key string, err error) error {
	return c.Destination.failed(0, &driver.Error{
		Op: "Put", Bucket: c.Destination.Name, Key: c.Destination.Prefix + c.written(key), Kind: driver.KindUnsupported, Message: err.Error(), Err: err,
	})
}

// fitted returns the source's attributes as the destination holds them, with tags and
// class, and what was changed for that.
func (c *Copier) fitted(ctx context.Context, t task.Task, attributes driver.Attributes) (driver.Attributes, []string, error) {
	if c.Tags {
		tags, err := c.Source.tags(ctx, t)
		if err != nil {
			return attributes, nil, err
		}
		attributes.Tags = tags
	}
	fitted, changes, err := c.Fit.Attributes(attributes, t.StorageClass)
	if err != nil {
		return attributes, nil, c.unfit(t.Key, err)
	}
	fitted, more, err := c.withoutLost(fitted)
	if err != nil {
		return attributes, nil, c.unfit(t.Key, err)
	}
	return fitted, append(changes, more...), nil
}

// attributes returns what the object carries beside its bytes, as far as that travels.
func (c *Copier) attributes(ctx context.Context, t task.Task, answer *exchange.Answer) (driver.Attributes, error) {
	if c.Bare {
		return driver.Attributes{}, nil // the store need not be asked
	}
	return c.Source.attributes(ctx, t, answer)
}

// tags asks for the tags of the task's version.
func (s *Side) tags(ctx context.Context, t task.Task) (tags []driver.Tag, err error) {
	tagger, ok := driver.As[driver.Tagger](s.bucket, driver.CapabilityTagger)
	if !ok {
		return nil, nil
	}
	err = s.control(ctx, observe.GetTags, func() (err error) {
		tags, err = tagger.Tags(ctx, driver.StatRequest{Key: s.Prefix + t.Key, VersionID: t.VersionID})
		return err
	})
	return tags, err
}
