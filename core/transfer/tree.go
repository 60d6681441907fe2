package transfer

import (
	"cmp"
	"context"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// below is the kind of keys below another object's, "a/b" below "a". A store that is a tree
// of folders holds only one of them, and may replace what it has without a word.
const below = "a key below another object's"

// KeepsBelow returns what a destination whose key rules are not known does with an object
// and another one below it, "" where it keeps both in whichever order they come. It is tried
// once a process with objects of dth's own, whose keys begin with the absolute key beside:
// nothing above that may be an object of the user's.
func (c *Copier) KeepsBelow(ctx context.Context, beside string) (problem string, err error) {
	return c.keeps(ctx, below, true, func() *probe { return c.newTree(beside) })
}

// newTree returns the trial of two pairs: an object that comes before the one below it, and
// one that comes after.
func (c *Copier) newTree(beside string) *probe {
	base := beside + probeName + c.probes.token
	p := &probe{copier: c, odd: base + "/a/b", plain: base + "/a", tree: []string{base + "/a", base + "/a/b", base + "/c/d", base + "/c"}}
	p.bytes = map[string][]byte{}
	for i, key := range p.tree {
		p.bytes[key] = []byte("dth probe of a tree"[:10+i])
	}
	return p
}

// runTree writes the pairs and sees what became of them.
func (p *probe) runTree(ctx context.Context) (problem string, err error) {
	for i, key := range p.tree {
		refused := p.put(ctx, key)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case refused != nil && (i%2 == 0 || driver.KindOf(refused).Retriable()):
			return "", refused // alone, too: that is not what is tried
		case refused != nil:
			return "the store refuses it beside that one: " + refused.Error(), nil //nolint:nilerr // the refusal is what was to be found out
		}
	}
	err = p.copier.Destination.attempt(ctx, func(ctx context.Context) (err error) {
		problem, err = p.compareTree(ctx)
		return err
	})
	return problem, err
}

// compareTree looks at a listing: all objects must be there, each with its own bytes.
func (p *probe) compareTree(ctx context.Context) (problem string, err error) {
	listed, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	p.listings++
	kept := 0
	for key, data := range p.bytes {
		if size, there := listed[key]; there && size == int64(len(data)) {
			kept++
		}
	}
	if kept == len(p.bytes) {
		return "", nil
	}
	lost, err := p.lost(ctx)
	if err == nil && kept > 0 && lost {
		return "the store was found to keep only one of both", nil
	}
	return "", cmp.Or(err, p.unseen())
}

// lost says whether one of the objects is not there as it was written, whatever a listing
// says, which may be late.
func (p *probe) lost(ctx context.Context) (bool, error) {
	side := p.copier.Destination
	if side.Session.Limits.StronglyConsistent {
		return true, nil
	}
	for key, data := range p.bytes {
		var object driver.Object
		err := side.control(ctx, observe.Stat, func() (err error) {
			object, err = side.bucket.Stat(ctx, driver.StatRequest{Key: key})
			return err
		})
		switch {
		case err != nil && !IsAbsent(err):
			return false, err
		case err != nil || object.Size != int64(len(data)):
			return true, nil //nolint:nilerr // its absence is what was to be found out
		}
	}
	return false, nil
}

// FindBelow returns the absolute key of an object below the absolute key of another, "" where a
// listing shows none. The marker of a folder is none.
func (s *Side) FindBelow(ctx context.Context, key string) (string, error) {
	request := driver.ListRequest{Prefix: key + "/"}
	var pages list.Tokens
	for {
		page, err := s.List(ctx, request)
		if err != nil {
			return "", err
		}
		for _, object := range page.Objects {
			if object.Key != request.Prefix {
				return object.Key, nil
			}
		}
		if page.Next == "" {
			return "", nil
		}
		if err := pages.Follow("List", request.Prefix, page.Next); err != nil {
			return "", s.failed(0, err)
		}
		request.Token = page.Next
	}
}
