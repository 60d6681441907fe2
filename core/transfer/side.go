package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/sdk/driver"
)

// Side is one store of a job: its bucket through the plugin for control, its
// exchanges through our own client for bytes. Every request is counted, every failure
// names the side. Control calls are retried here, unless they are made inside an attempt,
// which is repeated as a whole; exchanges are tried once.
type Side struct {
	Role    Role
	Name    string // of the bucket
	Prefix  string // what absolute keys have before the relative key
	Session driver.Session

	bucket   driver.Bucket
	client   *exchange.Client
	policy   retry.Policy
	counters *observe.Counters
	requests *observe.Requests
	pace     throttle.Pace
	met      atomic.Bool // the store answered once

	denied atomic.Pointer[time.Time] // when a new signature did not end a refusal
}

// firstAttempts is how often a store is tried that did not answer at all yet: it is more
// likely misnamed than in trouble, and the user should hear so soon. One that answers,
// whatever it says, gets all attempts of the policy.
const firstAttempts = 3

// firstPatience is the time after which a store that never answered is not tried again.
const firstPatience = 20 * time.Second

// NewSide returns the side of an opened bucket. Close does not close the bucket.
func NewSide(role Role, name, prefix string, bucket driver.Bucket, policy retry.Policy, counters *observe.Counters) (*Side, error) {
	side := &Side{
		Role: role, Name: name, Prefix: prefix, Session: bucket.Session(),
		bucket: bucket, policy: policy, counters: counters, requests: &counters.Source,
	}
	if role == Destination {
		side.requests = &counters.Destination
	}
	client, err := exchange.NewClient(side.Session.Transport)
	if err != nil {
		return nil, side.failed(0, &driver.Error{Op: "Connect", Kind: driver.KindInvalidArgument, Message: err.Error()})
	}
	side.client = client
	return side, nil
}

// Limit bounds what the side's connections may take, instead of the defaults. It must be
// called before the first exchange.
func (s *Side) Limit(limits exchange.Limits) { s.client.Limit(limits) }

// Now returns the store's clock, or ours before the store showed its own.
func (s *Side) Now() time.Time {
	if now := s.client.Now(); !now.IsZero() {
		return now
	}
	return time.Now()
}

// Close closes the side's idle connections.
func (s *Side) Close() { s.client.Close() }

// failed wraps an error with what only the side knows.
func (s *Side) failed(attempt int, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Side: s.Role, Bucket: s.Name, Attempt: attempt, Err: notAnEnd(err)}
}

// notAnEnd returns the error of a connection that ended without io.EOF in its chain: that
// says to readers of listings that all was well and nothing is left.
func notAnEnd(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return errors.New(err.Error())
	}
	ended := *failure
	if ended.Message == "" {
		ended.Message = "the connection ended"
	}
	ended.Err = nil
	return &ended
}

// control runs one control call: with retries, or once where it is a part of an attempt.
func (s *Side) control(ctx context.Context, operation observe.Operation, call func() error) error {
	once := func() error {
		s.requests.Count(operation)
		return s.paced(ctx, call)
	}
	if isInsideAttempt(ctx) {
		return s.failed(0, once())
	}
	attempts, began := 0, time.Now()
	isPromising := func(number int) bool {
		return s.met.Load() || number < firstAttempts && time.Since(began) < firstPatience
	}
	err := s.policy.DoWhile(ctx, isPromising, func(number int) error {
		attempts = number
		if number > 1 {
			s.counters.Retried.Add(1)
		}
		return once()
	})
	return s.failed(attempts, err)
}

// paced makes one request at the pace that the store takes.
func (s *Side) paced(ctx context.Context, request func() error) error {
	if err := s.pace.Wait(ctx); err != nil {
		return err
	}
	err := request()
	s.pace.Observe(err)
	if answered(err) {
		s.met.Store(true)
	}
	return err
}

// answered says whether a request reached the store.
func answered(err error) bool {
	var failure *driver.Error
	return err == nil || errors.As(err, &failure) && failure.Status != 0
}

// Stat returns the object with the relative key.
func (s *Side) Stat(ctx context.Context, key string) (driver.Object, error) {
	return s.stat(ctx, key, "")
}

// stat asks for one version, or for the current one where none is named; for the empty key, which
// the marker of the other side's own folder leads to, it knows the answer. It is where what a
// look tells enters the host, as List is for listings: an object under another key would be
// copied, or counted, as this one.
func (s *Side) stat(ctx context.Context, key, version string) (object driver.Object, err error) {
	request := driver.StatRequest{Key: s.Prefix + key, VersionID: version}
	if request.Key == "" {
		return object, s.failed(0, &driver.Error{Op: "Stat", Bucket: s.Name, Kind: driver.KindNotFound, Message: "no object has an empty key"})
	}
	err = s.control(ctx, observe.Stat, func() (err error) {
		object, err = s.bucket.Stat(ctx, request)
		return err
	})
	if err == nil && (object.Key != request.Key || object.Size < 0) {
		err = s.failed(0, &driver.Error{
			Op: "Stat", Bucket: s.Name, Key: request.Key, Kind: driver.KindFatal,
			Message: fmt.Sprintf("a look at it tells of the key %q with %d bytes: the store, or a proxy or cache on the way to it, answered with something else than was asked for", object.Key, object.Size),
		})
	}
	if err != nil {
		return driver.Object{}, err
	}
	return object, nil
}

// Delete removes the object with the relative key.
func (s *Side) Delete(ctx context.Context, key string) error {
	return s.control(ctx, observe.Delete, func() error {
		return s.bucket.Delete(ctx, driver.DeleteRequest{Key: s.Prefix + key})
	})
}

// signGet signs the download of the task's version.
func (s *Side) signGet(ctx context.Context, t task.Task) (driver.Exchange, error) {
	signed, err := s.bucket.SignGet(ctx, s.getRequest(t))
	return signed, s.failed(0, err)
}

// manySigner is a bucket to which signing many downloads costs little more than one: that
// of a plugin.
type manySigner interface {
	// SignGets leaves zero what it cannot sign.
	SignGets(ctx context.Context, requests []driver.GetRequest) []driver.Exchange
}

// signGets signs downloads and leaves zero what cannot be signed.
func (s *Side) signGets(ctx context.Context, tasks []task.Task) []driver.Exchange {
	requests := make([]driver.GetRequest, len(tasks))
	for i, t := range tasks {
		requests[i] = s.getRequest(t)
	}
	if many, ok := s.bucket.(manySigner); ok {
		return many.SignGets(ctx, requests)
	}
	signed := make([]driver.Exchange, len(tasks))
	for i, request := range requests {
		if exchange, err := s.bucket.SignGet(ctx, request); err == nil {
			signed[i] = exchange
		}
	}
	return signed
}

func (s *Side) getRequest(t task.Task) driver.GetRequest {
	return driver.GetRequest{Key: s.Prefix + t.Key, VersionID: t.VersionID, Now: s.client.Now()}
}

// expiryMargin is how long before its end a signature is not used any more.
const expiryMargin = 30 * time.Second

// fresh says whether a signed exchange can still be sent. It ends by the store's clock.
func (s *Side) fresh(signed driver.Exchange) bool {
	return signed.Method != "" && (signed.Expires.IsZero() || signed.Expires.Sub(s.Now()) > expiryMargin)
}

// renew makes a control call after an exchange was refused: the plugin, which never sees
// exchanges, learns so that its credentials ended or were rotated, and resolves them
// again. It is a listing because the answer to a HEAD cannot say what was wrong.
func (s *Side) renew(ctx context.Context, key string) {
	s.requests.Count(observe.List)
	_, _ = s.bucket.List(ctx, driver.ListRequest{Prefix: key, MaxKeys: 1}) // the next signature tells whether it helped
}

// deniedPause is how long a refusal is believed after a new signature did not end it.
const deniedPause = time.Minute

// doubts says whether a refused exchange shall be signed once more.
func (s *Side) doubts() bool {
	believed := s.denied.Load()
	return believed == nil || time.Since(*believed) >= deniedPause
}

// believe takes refusals as they are for a while.
func (s *Side) believe() {
	now := time.Now()
	s.denied.Store(&now)
}

// attributes returns what the object carries beside its bytes: from the answer, or, where
// the store put headers of its own into that, by asking for the object once.
func (s *Side) attributes(ctx context.Context, t task.Task, answer *exchange.Answer) (driver.Attributes, error) {
	if !answer.Overridden() {
		return answer.Attributes(), nil
	}
	object, err := s.stat(ctx, t.Key, t.VersionID)
	if err != nil {
		return driver.Attributes{}, err
	}
	if object.Size != t.Size || object.ETag != answer.ETag {
		return driver.Attributes{}, s.failed(0, &changedError{"it was replaced between two looks at it"})
	}
	return object.Attributes, nil
}

// get downloads a range, or the whole object when length is 0, once. The answer's body
// fails unless it has exactly that many bytes.
func (s *Side) get(ctx context.Context, t task.Task, signed driver.Exchange, offset, length int64) (*exchange.Answer, error) {
	request := exchange.Request{Offset: offset, Length: length}
	if t.ETag != "" && !isWeak(t.ETag) && s.Session.Has(driver.CapabilityConditionalGet) {
		request.IfMatch = t.ETag
	}
	s.requests.Count(observe.Get)
	var answer *exchange.Answer
	err := s.paced(ctx, func() (err error) {
		if answer, err = s.client.Do(ctx, signed, request); err == nil {
			err = answer.Exactly(cmp.Or(length, t.Size))
		}
		return err
	})
	return answer, s.refusal(ctx, t, s.located(err, t.Key))
}

// put uploads a whole object once. hasher is what the body feeds; nil for none.
func (s *Side) put(ctx context.Context, request driver.PutRequest, key string, body io.Reader, hasher *checksum.Hasher) (*exchange.Answer, error) {
	request.Key = s.Prefix + key
	answer, err := s.putAt(ctx, request, body, hasher)
	leaveTrail(ctx, err)
	return answer, err
}

// putAt uploads a whole object once, under the absolute key that the request names.
func (s *Side) putAt(ctx context.Context, request driver.PutRequest, body io.Reader, hasher *checksum.Hasher) (*exchange.Answer, error) {
	request.Now = s.client.Now()
	signed, err := s.bucket.SignPut(ctx, request)
	if err != nil {
		return nil, s.failed(0, err)
	}
	s.requests.Count(observe.Put)
	var answer *exchange.Answer
	err = s.paced(ctx, func() (err error) {
		answer, err = s.client.Do(ctx, signed, exchange.Request{Body: body, Size: request.Size, Hasher: hasher})
		return err
	})
	return answer, s.locatedAt(err, request.Key)
}

// located adds bucket and key to an error of an exchange.
func (s *Side) located(err error, key string) error { return s.locatedAt(err, s.Prefix+key) }

func (s *Side) locatedAt(err error, absolute string) error {
	if err == nil {
		return nil
	}
	var failure *driver.Error
	if errors.As(err, &failure) && failure.Key == "" {
		located := *failure
		located.Bucket, located.Key = s.Name, absolute
		err = &located
	}
	return s.failed(0, err)
}

func isWeak(etag string) bool { return len(etag) > 1 && etag[:2] == "W/" }
