package drivertest

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

type ctx = context.Context

// onKeys alters the key of everything that reads or writes one object.
func onKeys(change func(string) string) func(*altered) {
	return func(b *altered) {
		b.signPut = func(ctx ctx, r driver.PutRequest) (driver.Exchange, error) {
			r.Key = change(r.Key)
			return b.whole.SignPut(ctx, r)
		}
		b.signGet = func(ctx ctx, r driver.GetRequest) (driver.Exchange, error) {
			r.Key = change(r.Key)
			return b.whole.SignGet(ctx, r)
		}
		b.stat = func(ctx ctx, r driver.StatRequest) (driver.Object, error) {
			key := r.Key
			r.Key = change(r.Key)
			object, err := b.whole.Stat(ctx, r)
			object.Key = key
			return object, err
		}
	}
}

// onPut alters the request of a PUT.
func onPut(change func(*driver.PutRequest)) func(*altered) {
	return func(b *altered) {
		b.signPut = func(ctx ctx, r driver.PutRequest) (driver.Exchange, error) {
			change(&r)
			return b.whole.SignPut(ctx, r)
		}
	}
}

// onStat alters the answer to Stat.
func onStat(change func(*driver.Object, error) error) func(*altered) {
	return func(b *altered) {
		b.stat = func(ctx ctx, r driver.StatRequest) (driver.Object, error) {
			object, err := b.whole.Stat(ctx, r)
			err = change(&object, err)
			return object, err
		}
	}
}

// onReplies alters how the host reads the answers to GET, PUT and parts.
func onReplies(change func(*driver.Reply)) func(*altered) {
	changed := func(exchange driver.Exchange, err error) (driver.Exchange, error) {
		if err == nil {
			reply := *exchange.Reply
			change(&reply)
			exchange.Reply = &reply
		}
		return exchange, err
	}
	return func(b *altered) {
		b.signGet = func(ctx ctx, r driver.GetRequest) (driver.Exchange, error) { return changed(b.whole.SignGet(ctx, r)) }
		b.signPut = func(ctx ctx, r driver.PutRequest) (driver.Exchange, error) { return changed(b.whole.SignPut(ctx, r)) }
		b.signPart = func(ctx ctx, r driver.PartRequest) (driver.Exchange, error) { return changed(b.whole.SignPart(ctx, r)) }
	}
}

// bucketMutants have bugs in what concerns one object.
func bucketMutants() []mutant {
	var types sync.Map // key to content type of the first version
	return []mutant{
		{
			bug: "Stat lies about the length", caught: []string{"put-sizes"},
			bucket: onStat(func(o *driver.Object, err error) error { o.Size++; return err }),
		},
		{
			bug: "Stat lies about the checksum", caught: []string{"put-sizes"},
			bucket: onStat(func(o *driver.Object, err error) error {
				o.Checksums = []driver.Checksum{{Algorithm: driver.AlgorithmCRC64NVME, Value: "12345678"}}
				return err
			}),
		},
		{
			bug: "replies capture no ETag", caught: []string{"put-proof", "put-sizes"},
			bucket: onReplies(func(r *driver.Reply) { r.Capture = slices.DeleteFunc(slices.Clone(r.Capture), isETag) }),
		},
		{
			bug: "a request id is declared that never comes", caught: []string{"put-proof"},
			bucket: onReplies(func(r *driver.Reply) { r.RequestIDAlways, r.RequestID = true, []string{"x-never"} }),
		},
		{
			bug: "no rule names an absent key", caught: []string{"absent-object"},
			bucket: onReplies(func(r *driver.Reply) { r.Error.Rules = nil }),
		},
		{
			bug: "the code of a refusal is not read", caught: []string{"absent-object"},
			bucket: onReplies(func(r *driver.Reply) { r.Error.Code = "" }),
		},
		{
			bug: "Stat does not say what is absent", caught: []string{"absent-object"},
			bucket: onStat(func(_ *driver.Object, err error) error {
				var failure *driver.Error
				if errors.As(err, &failure) {
					failure.Code = ""
				}
				return err
			}),
		},
		{
			bug: "the content type of the first version stays", caught: []string{"put-overwrite"},
			bucket: onPut(func(r *driver.PutRequest) {
				first, _ := types.LoadOrStore(r.Key, r.Attributes.ContentType)
				r.Attributes.ContentType = first.(string)
			}),
		},
		{
			bug: "one metadata pair is lost", caught: []string{"attributes-put"},
			bucket: onPut(func(r *driver.PutRequest) {
				r.Attributes.Metadata = r.Attributes.Metadata[:len(r.Attributes.Metadata)/2]
			}),
		},
		{
			bug: "Content-Language is lost", caught: []string{"attributes-put"},
			bucket: onPut(func(r *driver.PutRequest) { r.Attributes.ContentLanguage = "" }),
		},
		{
			bug: "Stat reads no attributes", caught: []string{"attributes-put", "attributes-upload"},
			bucket: onStat(func(o *driver.Object, err error) error { o.Attributes = driver.Attributes{}; return err }),
		},
		{
			bug: "long metadata is cut", caught: []string{"metadata-limit"},
			bucket: onPut(func(r *driver.PutRequest) {
				for i, pair := range r.Attributes.Metadata {
					r.Attributes.Metadata[i].Value = pair.Value[:min(len(pair.Value), 1900)]
				}
			}),
		},
		{
			bug: "SignGet demands that the object exists", caught: []string{"get-many"},
			bucket: func(b *altered) {
				b.signGet = func(ctx ctx, r driver.GetRequest) (driver.Exchange, error) {
					if _, err := b.whole.Stat(ctx, driver.StatRequest{Key: r.Key}); err != nil {
						return driver.Exchange{}, err
					}
					return b.whole.SignGet(ctx, r)
				}
			},
		},
		{
			bug: "the observed time is ignored", caught: []string{"exchange-expired"},
			bucket: onPut(func(r *driver.PutRequest) { r.Now = time.Time{} }),
		},
		{bug: "keys are cleaned like paths", caught: []string{"keys-kept", "keys-at-root"}, bucket: onKeys(path.Clean)},
		{bug: "keys lose their leading slash", caught: []string{"keys-at-root"}, bucket: onKeys(func(key string) string { return strings.TrimLeft(key, "/") })},
		{bug: "keys are folded to lower case", caught: []string{"keys-kept"}, bucket: onKeys(strings.ToLower)},
		{bug: "keys are made valid UTF-8", caught: []string{"keys-kept"}, bucket: onKeys(func(key string) string { return strings.ToValidUTF8(key, "?") })},
		{bug: "keys lose escapes", caught: []string{"keys-kept"}, bucket: onKeys(func(key string) string { return strings.ReplaceAll(key, "%2F", "/") })},
		{bug: "long keys are cut", caught: []string{"keys-refused"}, bucket: onKeys(func(key string) string { return key[:min(len(key), 1024)] })},
		{
			bug: "the empty key names something", caught: []string{"keys-invalid"},
			bucket: onKeys(func(key string) string { return key + strings.Repeat("x", max(0, 1-len(key))) }),
		},
		{
			bug: "a key below another replaces it", caught: []string{"keys-parent"},
			bucket: func(b *altered) {
				b.signPut = func(ctx ctx, r driver.PutRequest) (driver.Exchange, error) {
					if err := b.whole.Delete(ctx, driver.DeleteRequest{Key: path.Dir(r.Key)}); err != nil {
						return driver.Exchange{}, err
					}
					return b.whole.SignPut(ctx, r)
				}
			},
		},
		{
			bug: "Delete removes a neighbour too", caught: []string{"delete"},
			bucket: func(b *altered) {
				b.remove = func(ctx ctx, r driver.DeleteRequest) error {
					return errors.Join(b.whole.Delete(ctx, r), b.whole.Delete(ctx, driver.DeleteRequest{Key: r.Key + "0"}))
				}
			},
		},
		{
			bug: "deleting an absent key fails", caught: []string{"delete-absent"},
			bucket: func(b *altered) {
				b.remove = func(ctx ctx, r driver.DeleteRequest) error {
					if _, err := b.whole.Stat(ctx, driver.StatRequest{Key: r.Key}); err != nil {
						return err
					}
					return b.whole.Delete(ctx, r)
				}
			},
		},
		{
			bug: "an absent object looks unavailable", caught: []string{"absent-object"},
			bucket: onStat(func(_ *driver.Object, err error) error {
				var failure *driver.Error
				if errors.As(err, &failure) && failure.Kind == driver.KindNotFound {
					failure.Kind = driver.KindUnavailable
				}
				return err
			}),
		},
		{
			bug: "errors are plain text", caught: []string{"absent-object"},
			bucket: onStat(func(_ *driver.Object, err error) error {
				if err != nil {
					return errors.New(err.Error())
				}
				return nil
			}),
		},
		{
			bug: "no connection looks like a defect", caught: []string{"unreachable"},
			bucket: onStat(func(_ *driver.Object, err error) error {
				var failure *driver.Error
				if errors.As(err, &failure) && failure.Kind == driver.KindUnavailable {
					failure.Kind = driver.KindFatal
				}
				return err
			}),
		},
		{
			bug: "Stat ignores its context", caught: []string{"context-ended"},
			bucket: func(b *altered) {
				b.stat = func(ctx ctx, r driver.StatRequest) (driver.Object, error) {
					return b.whole.Stat(context.WithoutCancel(ctx), r)
				}
			},
		},
		{
			bug: "Stat looks at its context only before it asks", caught: []string{"context-ends"},
			bucket: func(b *altered) {
				b.stat = func(ctx ctx, r driver.StatRequest) (driver.Object, error) {
					if ctx.Err() != nil {
						return driver.Object{}, ctx.Err()
					}
					return b.whole.Stat(context.WithoutCancel(ctx), r)
				}
			},
		},
		{
			bug: "exchanges of concurrent calls are swapped", caught: []string{"concurrent-keys"},
			bucket: func(b *altered) {
				var last atomic.Pointer[driver.Exchange]
				b.signGet = func(ctx ctx, r driver.GetRequest) (driver.Exchange, error) {
					exchange, err := b.whole.SignGet(ctx, r)
					if before := last.Swap(&exchange); before != nil {
						return *before, err
					}
					return exchange, err
				}
			},
		},
	}
}

func isETag(c driver.Capture) bool { return c.Field == driver.FieldETag }
