package drivertest

import (
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// openMutants have bugs in Describe, Open, Session and Close.
func openMutants() []mutant {
	withoutOption := func(name, value string) func(*seeded) {
		return func(d *seeded) {
			d.open = func(r driver.OpenRequest) driver.OpenRequest {
				r.Options = maps.Clone(r.Options)
				maps.DeleteFunc(r.Options, func(n, v string) bool { return n == name || v == value })
				return r
			}
		}
	}
	var count atomic.Int64
	return []mutant{
		{
			bug: "options without summary", caught: []string{"describe"},
			driver: func(d *seeded) {
				d.describe = func(got driver.Description) driver.Description {
					got.Options[0].Summary = ""
					return got
				}
			},
		},
		{
			bug: "unknown options are dropped", caught: []string{"open-unknown-option"},
			driver: withoutOption("no-such-option", ""),
		},
		{
			bug: "bad values become the default", caught: []string{"open-bad-value"},
			driver: withoutOption("", "no such value"),
		},
		{
			bug: "missing credentials fall back to others", caught: []string{"open-credentials"},
			driver: func(d *seeded) {
				d.open = func(r driver.OpenRequest) driver.OpenRequest {
					r.Credentials = "env:GOOD"
					return r
				}
			},
		},
		{
			bug: "every handle has another identity", caught: []string{"session"},
			bucket: func(b *altered) {
				b.session = func() driver.Session {
					session := b.whole.Session()
					session.Identity += fmt.Sprint(count.Add(1))
					return session
				}
			},
		},
		{
			bug: "Close does nothing", caught: []string{"close"},
			bucket: func(b *altered) { b.shut = func() error { return nil } },
		},
		{
			bug: "exchanges never expire", caught: []string{"exchange-complete"},
			bucket: func(b *altered) {
				b.signGet = func(ctx ctx, r driver.GetRequest) (driver.Exchange, error) {
					exchange, err := b.whole.SignGet(ctx, r)
					exchange.Expires = time.Time{}
					return exchange, err
				}
			},
		},
	}
}
