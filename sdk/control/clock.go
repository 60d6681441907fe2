package control

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Clock is the store's clock as far as it is known: this machine's until the store
// says otherwise. Its zero value is ready. It is safe for concurrent use.
type Clock struct {
	offset atomic.Int64 // nanoseconds to add to this machine's time
}

// Now returns the store's time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// At returns the time to sign with: what the host saw of the store's clock, which
// requests carry as Now, and what this clock knows where the host saw nothing yet.
func (c *Clock) At(observed time.Time) time.Time {
	if observed.IsZero() {
		return c.Now()
	}
	return observed
}

// observe learns from the date of a refusal. Stores refuse a signature that is
// fifteen minutes off; a smaller error is left alone, answers may be late. A success
// proves nothing: its date may be a cache's.
func (c *Clock) observe(reply *http.Response) {
	switch reply.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return
	}
	date, err := http.ParseTime(reply.Header.Get("Date"))
	if err != nil {
		return
	}
	if off := date.Sub(c.Now()); off.Abs() > 5*time.Minute {
		c.offset.Store(int64(time.Until(date)))
	}
}

// observer lets the clock see every answer.
type observer struct {
	next  http.RoundTripper
	clock *Clock
}

func (o observer) RoundTrip(request *http.Request) (*http.Response, error) {
	reply, err := o.next.RoundTrip(request)
	if err == nil {
		o.clock.observe(reply)
	}
	return reply, err
}
