package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Sizes in bytes.
const (
	// bufferLimit is the largest body that waits in memory: it is read from the
	// source once, however often the destination must be asked.
	bufferLimit = 256 << 10
	// streamReserve is what a streamed body is taken to need in buffers.
	streamReserve = 128 << 10
)

// copyWhole copies an object by one GET into one PUT.
func (c *Copier) copyWhole(ctx context.Context, t task.Task, signed driver.Exchange) (receipt, error) {
	if t.Size > bufferLimit {
		return c.streamWhole(ctx, t, signed)
	}
	release, err := c.Budget.Reserve(ctx, int64(held(int(t.Size))))
	if err != nil {
		return receipt{}, err
	}
	defer release()
	buffer, giveBack := c.buffers.take(int(t.Size))
	defer giveBack()
	body, err := c.fetch(ctx, t, signed, buffer)
	if err != nil {
		return receipt{}, err
	}
	return c.store(ctx, t, body)
}

// fetched is an object in memory.
type fetched struct {
	bytes      []byte
	attributes driver.Attributes
	sums       []driver.Checksum // computed from bytes
	stated     []driver.Checksum // by the source
}

// fetch reads an object into the buffer, which has its length, and checks it
// against what the source states.
func (c *Copier) fetch(ctx context.Context, t task.Task, signed driver.Exchange, buffer []byte) (got fetched, err error) {
	got.bytes = buffer
	seen, err := c.seeTags(ctx, t)
	if err != nil {
		return got, err
	}
	err = c.attempt(ctx, c.Source, func(ctx context.Context) error {
		var err error
		if signed, err = c.signedGet(ctx, t, signed); err != nil {
			return err
		}
		answer, err := c.Source.get(ctx, t, signed, 0, 0)
		if err != nil {
			return c.sourceError(err, &signed)
		}
		defer answer.Body.Close()
		if err := checkWhole(t, answer); err != nil {
			return c.Source.failed(0, err)
		}
		if _, err := io.ReadFull(answer.Body, got.bytes); err != nil {
			return c.Source.interrupted(t.Key, err)
		}
		if got.attributes, err = c.attributes(ctx, t, answer, seen); err != nil {
			return err
		}
		got.stated = c.Source.stated(answer)
		hasher := checksum.NewHasher(c.algorithms(got.stated)...)
		_, _ = hasher.Write(got.bytes) // never fails
		got.sums = hasher.Sums()
		return c.compareSource(t.Key, got.sums, got.stated)
	})
	return got, err
}

// store writes an object from memory.
func (c *Copier) store(ctx context.Context, t task.Task, body fetched) (got receipt, err error) {
	attributes, changes, err := c.fitted(t, body.attributes)
	if err != nil {
		return got, err
	}
	request := driver.PutRequest{Size: t.Size, Attributes: attributes}
	if rules := c.Destination.Session.Checksums; rules.BodyFirst && len(rules.Stored) > 0 {
		request.Checksum = checksum.Find(body.sums, rules.Stored[0])
	}
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) error {
		answer, err := c.Destination.put(ctx, request, c.written(t.Key), bytes.NewReader(body.bytes), nil)
		if err != nil {
			return err
		}
		c.Counters.MovedBytes.Add(t.Size)
		etag, stated, err := c.statement(ctx, t, body.sums, answer)
		if err != nil {
			return err
		}
		got, err = c.prove(t, etag, body.sums, body.stated, stated)
		got.changes = changes
		return err
	})
	if err != nil {
		return got, err
	}
	return c.kept(ctx, t, attributes, got)
}

// streamWhole copies an object that is not kept in memory: a failure on either
// side reads it again.
func (c *Copier) streamWhole(ctx context.Context, t task.Task, signed driver.Exchange) (got receipt, err error) {
	release, err := c.Budget.Reserve(ctx, streamReserve)
	if err != nil {
		return receipt{}, err
	}
	defer release()
	seen, err := c.seeTags(ctx, t)
	if err != nil {
		return receipt{}, err
	}
	var written driver.Attributes
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) error {
		var err error
		if signed, err = c.signedGet(ctx, t, signed); err != nil {
			return err
		}
		answer, err := c.Source.get(ctx, t, signed, 0, 0)
		if err != nil {
			return c.sourceError(err, &signed)
		}
		defer answer.Body.Close()
		if err := checkWhole(t, answer); err != nil {
			return c.Source.failed(0, err)
		}
		got, written, err = c.relay(ctx, t, answer, seen)
		return err
	})
	if err != nil {
		return got, err
	}
	return c.kept(ctx, t, written, got)
}

// relay streams an opened GET into a PUT and compares what both sides state. It returns
// the attributes that were written, too.
func (c *Copier) relay(ctx context.Context, t task.Task, answer *exchange.Answer, seen seenTags) (got receipt, written driver.Attributes, err error) {
	attributes, err := c.attributes(ctx, t, answer, seen)
	if err != nil {
		return got, written, err
	}
	stated := c.Source.stated(answer)
	written, changes, err := c.fitted(t, attributes)
	if err != nil {
		return got, written, err
	}
	body := c.newStream(answer.Body, t.Size, c.algorithms(stated))
	body.last = func(sums []driver.Checksum) error { return c.compareSource(t.Key, sums, stated) }
	put, err := c.Destination.put(ctx, driver.PutRequest{Size: t.Size, Attributes: written}, c.written(t.Key), body, body.hasher)
	if body.failure != nil {
		return got, written, c.Source.interrupted(t.Key, body.failure)
	}
	if err != nil {
		return got, written, err
	}
	sums := body.hasher.Sums()
	etag, kept, err := c.statement(ctx, t, sums, put)
	if err != nil {
		return got, written, err
	}
	got, err = c.prove(t, etag, sums, stated, kept)
	got.changes = changes
	return got, written, err
}

// checkWhole makes sure that an answer is the planned version, complete.
func checkWhole(t task.Task, answer *exchange.Answer) error {
	if answer.Size >= 0 && answer.Size != t.Size {
		return &changedError{fmt.Sprintf("it has %d bytes now, %d were planned", answer.Size, t.Size)}
	}
	if answer.Status != http.StatusOK {
		return &driver.Error{Op: "GET", Kind: driver.KindFatal, Status: answer.Status, Message: "the whole object was asked for, a part of it came"}
	}
	return checkVersion(t, answer)
}

// checkVersion compares the ETag, and for a weak one the time of modification.
func checkVersion(t task.Task, answer *exchange.Answer) error {
	if t.ETag != "" && answer.ETag != t.ETag {
		return &changedError{fmt.Sprintf("its ETag is %s now, %s was planned", answer.ETag, t.ETag)}
	}
	if isWeak(t.ETag) && !t.Modified.IsZero() && answer.Modified.Unix() != t.Modified.Unix() {
		return &changedError{"its time of modification is another than planned, and its ETag is weak"}
	}
	return nil
}

// sourceError forgets a signature that is not valid any more.
func (c *Copier) sourceError(err error, signed *driver.Exchange) error {
	switch driver.KindOf(err) {
	case driver.KindExpired, driver.KindDenied:
		*signed = driver.Exchange{}
	}
	return err
}

// signedGet returns the signature again while it can be used.
func (c *Copier) signedGet(ctx context.Context, t task.Task, signed driver.Exchange) (driver.Exchange, error) {
	if c.Source.fresh(signed) {
		return signed, nil
	}
	return c.Source.signGet(ctx, t)
}

// interrupted is the failure of a source body on its way, or of one that had another
// length than was listed, which tells itself.
func (s *Side) interrupted(key string, err error) error {
	var failure *driver.Error
	if errors.As(err, &failure) {
		return s.located(err, key)
	}
	return s.failed(0, &driver.Error{
		Op: "GET", Bucket: s.Name, Key: s.Prefix + key, Kind: driver.KindUnavailable,
		Message: fmt.Sprintf("the body broke off: %v", err), Err: err,
	})
}
