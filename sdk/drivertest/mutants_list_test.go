package drivertest

import (
	"slices"
	"strings"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

// onPage alters the pages of a listing.
func onPage(change func(driver.ListRequest, *driver.ListPage, error) error) func(*altered) {
	return func(b *altered) {
		b.list = func(ctx ctx, r driver.ListRequest) (driver.ListPage, error) {
			page, err := b.whole.List(ctx, r)
			err = change(r, &page, err)
			return page, err
		}
	}
}

// onListing alters the request of a listing.
func onListing(change func(*driver.ListRequest)) func(*altered) {
	return func(b *altered) {
		b.list = func(ctx ctx, r driver.ListRequest) (driver.ListPage, error) {
			change(&r)
			return b.whole.List(ctx, r)
		}
	}
}

// listMutants have bugs in List.
func listMutants() []mutant {
	emptyOn := func(kind driver.Kind) func(*altered) {
		return onPage(func(_ driver.ListRequest, _ *driver.ListPage, err error) error {
			if driver.KindOf(err) == kind {
				return nil
			}
			return err
		})
	}
	return []mutant{
		{
			bug: "the last key of a page is lost", caught: []string{"list-pages", "list-prefix"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error {
				if p.Next != "" {
					p.Objects = p.Objects[:len(p.Objects)-1]
				}
				return err
			}),
		},
		{
			bug: "the last key of a page is there twice", caught: []string{"list-pages"},
			bucket: onPage(func(r driver.ListRequest, p *driver.ListPage, err error) error {
				if r.Token != "" && len(p.Objects) > 0 {
					p.Objects = append(p.Objects, p.Objects[len(p.Objects)-1])
				}
				return err
			}),
		},
		{
			bug: "the listing ends after its first page", caught: []string{"list-pages"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error { p.Next = ""; return err }),
		},
		{
			bug: "pages ignore MaxKeys", caught: []string{"list-pages"},
			bucket: onListing(func(r *driver.ListRequest) { r.MaxKeys = 0 }),
		},
		{
			bug: "pages are in no order", caught: []string{"list-order"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error { slices.Reverse(p.Objects); return err }),
		},
		{
			bug: "keys are ordered without case", caught: []string{"list-order"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error {
				slices.SortFunc(p.Objects, func(a, b driver.Object) int { return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
				return err
			}),
		},
		{
			bug: "a prefix loses its slash", caught: []string{"list-prefix"},
			bucket: onListing(func(r *driver.ListRequest) { r.Prefix = strings.TrimSuffix(r.Prefix, "/") }),
		},
		{
			bug: "the prefix is ignored", caught: []string{"list-prefix"},
			bucket: onListing(func(r *driver.ListRequest) { r.Prefix = "" }),
		},
		{
			bug: "a key is listed without the prefix", caught: []string{"list-prefix", "list-pages"},
			bucket: onPage(func(r driver.ListRequest, p *driver.ListPage, err error) error {
				for i := range p.Objects {
					p.Objects[i].Key = strings.TrimPrefix(p.Objects[i].Key, r.Prefix)
				}
				return err
			}),
		},
		{
			bug: "StartAfter is inclusive", caught: []string{"list-start-after"},
			bucket: onListing(func(r *driver.ListRequest) { r.StartAfter = r.StartAfter[:max(0, len(r.StartAfter)-1)] }),
		},
		{
			bug: "StartAfter is ignored", caught: []string{"list-start-after"},
			bucket: onListing(func(r *driver.ListRequest) { r.StartAfter = "" }),
		},
		{
			bug: "a listing lies about sizes", caught: []string{"list-facts"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error {
				for i := range p.Objects {
					p.Objects[i].Size++
				}
				return err
			}),
		},
		{
			bug: "a listing quotes ETags", caught: []string{"list-facts"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error {
				for i := range p.Objects {
					p.Objects[i].ETag = `"` + p.Objects[i].ETag + `"`
				}
				return err
			}),
		},
		{
			bug: "a listing is stale", caught: []string{"list-consistent"},
			bucket: func(b *altered) {
				var seen sync.Map
				b.list = func(ctx ctx, r driver.ListRequest) (driver.ListPage, error) {
					page, err := b.whole.List(ctx, r)
					before, _ := seen.LoadOrStore(r, page)
					return before.(driver.ListPage), err
				}
			},
		},
		{
			bug: "an empty listing is not found", caught: []string{"list-empty"},
			bucket: onPage(func(_ driver.ListRequest, p *driver.ListPage, err error) error {
				if err == nil && len(p.Objects) == 0 {
					return &driver.Error{Op: "List", Kind: driver.KindNotFound}
				}
				return err
			}),
		},
		{bug: "a denied bucket looks empty", caught: []string{"denied-bucket"}, bucket: emptyOn(driver.KindDenied)},
		{bug: "an absent bucket looks empty", caught: []string{"absent-bucket"}, bucket: emptyOn(driver.KindNotFound)},
	}
}
