package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// place is where the services of a bucket are, each as "https://HOST".
type place struct {
	region                string
	up, download, rs, rsf string
	ends                  time.Time // ask again after this
}

// shortestPlace is how long a place is believed at least, whatever its ttl says.
const shortestPlace = time.Minute

// services is an answer of /v4/query. Its form is that of qiniu/go-sdk's
// storagev2/apis/query_bucket_v4.
type services struct {
	Hosts []struct {
		Region string  `json:"region"`
		TTL    int64   `json:"ttl"` // seconds
		Up     domains `json:"up"`
		Source domains `json:"io_src"`
		RS     domains `json:"rs"`
		RSF    domains `json:"rsf"`
	} `json:"hosts"`
}

type domains struct {
	Domains []string `json:"domains"`
}

// prepare returns what every request needs: the keys, and the place of the bucket,
// which is asked for at the first call and again when its time is over. While it
// cannot be asked for, the old one is used.
func (b *bucket) prepare(ctx context.Context) (*place, credentials.Keys, error) {
	if b.closed.Load() {
		return nil, credentials.Keys{}, &driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"}
	}
	keys, err := b.keyring.Keys(ctx)
	if err != nil {
		return nil, keys, err
	}
	old := b.located.Load()
	if old != nil && time.Now().Before(old.ends) {
		return old, keys, nil
	}
	b.locating.Lock()
	defer b.locating.Unlock()
	if now := b.located.Load(); now != old {
		return now, keys, nil // somebody else was faster
	}
	found, err := b.locate(ctx, b.name, keys)
	if err != nil && old != nil && ctx.Err() == nil {
		again := *old
		again.ends = time.Now().Add(shortestPlace)
		found, err = &again, nil
	}
	if err == nil {
		b.located.Store(found)
	}
	return found, keys, err
}

// locate asks where a bucket is. Everybody who knows an access key may.
func (b *bucket) locate(ctx context.Context, name string, keys credentials.Keys) (*place, error) {
	query := control.AppendQuery([]byte("/v4/query?ak="), keys.AccessKeyID)
	query = control.AppendQuery(append(query, "&bucket="...), name)
	answer, err := b.send(ctx, call{method: http.MethodGet, url: b.endpoint.String() + string(query)}, "")
	if err != nil {
		return nil, err
	}
	var found services
	if err := json.Unmarshal(answer.Body, &found); err != nil || len(found.Hosts) == 0 {
		return nil, dialect.Foreign("where the bucket is", answer, err)
	}
	host := found.Hosts[0]
	at := &place{region: host.Region, ends: time.Now().Add(max(time.Duration(host.TTL)*time.Second, shortestPlace))}
	for service, list := range map[*string]domains{&at.up: host.Up, &at.rs: host.RS, &at.rsf: host.RSF, &at.download: host.Source} {
		if len(list.Domains) > 0 {
			*service = b.endpoint.Scheme + "://" + list.Domains[0]
		}
	}
	if b.domain != nil {
		at.download = b.domain.String()
	}
	switch {
	case at.up == "" || at.rs == "" || at.rsf == "":
		return nil, dialect.Foreign("where the bucket is", answer, errors.New("a service is missing"))
	case at.download == "":
		return nil, control.Invalid("the bucket has no source domain to download from: set the option domain")
	}
	return at, nil
}
