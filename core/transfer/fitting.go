package transfer

import (
	"context"

	"github.com/dth-dev/dth/core/exchange"
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

// fitted returns the source's attributes, tags among them, as the destination holds them,
// with class, and what was changed for that.
func (c *Copier) fitted(t task.Task, attributes driver.Attributes) (driver.Attributes, []string, error) {
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

// attributes returns what the object carries beside its bytes, as far as that travels. The
// tags were seen before the answer was asked for.
func (c *Copier) attributes(ctx context.Context, t task.Task, answer *exchange.Answer, seen seenTags) (attributes driver.Attributes, err error) {
	if !c.Bare { // else the store need not be asked
		attributes, err = c.Source.attributes(ctx, t, answer)
	}
	if err == nil {
		err = c.sameVersion(ctx, t, answer, seen)
	}
	attributes.Tags = seen.tags
	return attributes, err
}
