package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/dth-dev/dth/tests/usage"
)

// sourceBucket is filled in the source, and for a comparison in the destination.
const sourceBucket = "filled"

// emptyBucket holds nothing, in any store.
const emptyBucket = "empty"

// stores are two null stores, each a process of its own.
type stores struct {
	source, destination string // addresses
	stops               []func()
}

func (b *bench) startStores(ctx context.Context, w workload) (*stores, error) {
	filled := fmt.Sprintf("%s=%dx%d", sourceBucket, w.count, w.size)
	pair := &stores{}
	var err error
	if pair.source, err = pair.start(ctx, b.dir, filled); err != nil {
		return nil, err
	}
	if !w.compare {
		filled = sourceBucket + "=0x0"
	}
	if pair.destination, err = pair.start(ctx, b.dir, filled); err != nil {
		pair.stop()
		return nil, err
	}
	return pair, nil
}

// start runs a store.
func (s *stores) start(ctx context.Context, dir, filled string) (string, error) {
	server, err := usage.StartServer(ctx, filepath.Join(dir, "nullstore"), "-bucket", filled)
	if err != nil {
		return "", err
	}
	s.stops = append(s.stops, server.Stop)
	return server.Address, nil
}

func (s *stores) stop() {
	for _, stop := range s.stops {
		stop()
	}
}

// requests are counts of what the stores served.
type requests struct {
	List   int64 `xml:"list,attr"`
	Get    int64 `xml:"get,attr"`
	Head   int64 `xml:"head,attr"`
	Put    int64 `xml:"put,attr"`
	Upload int64 `xml:"upload,attr"`
}

func (r requests) total() int64  { return r.List + r.Get + r.Head + r.Put + r.Upload }
func (r requests) copied() int64 { return r.Put + r.Upload }

func (s *stores) requests(ctx context.Context) (requests, error) {
	var sum requests
	for _, address := range []string{s.source, s.destination} {
		var r requests
		if err := fetchXML(ctx, "http://"+address+"/", &r); err != nil {
			return sum, err
		}
		sum.List += r.List
		sum.Get += r.Get
		sum.Head += r.Head
		sum.Put += r.Put
		sum.Upload += r.Upload
	}
	return sum, nil
}

// check lists the destination: a benchmark of copies that were not made would
// be fast. copied is the number of writes that the run made.
func (s *stores) check(ctx context.Context, w workload, bucket string, copied int64) error {
	if w.compare {
		if copied != 0 {
			return fmt.Errorf("%d writes, but the buckets were equal", copied)
		}
		return nil
	}
	count := 0
	for token := ""; ; {
		var page struct {
			Contents []struct {
				Key  string
				Size int64
			}
			Next string `xml:"NextContinuationToken"`
		}
		address := fmt.Sprintf("http://%s/%s?list-type=2&continuation-token=%s", s.destination, bucket, url.QueryEscape(token))
		if err := fetchXML(ctx, address, &page); err != nil {
			return err
		}
		for _, object := range page.Contents {
			if object.Size != w.size {
				return fmt.Errorf("%s has %d bytes at the destination, not %d", object.Key, object.Size, w.size)
			}
		}
		count += len(page.Contents)
		if token = page.Next; token == "" {
			break
		}
	}
	if count != w.count {
		return fmt.Errorf("the destination has %d objects, not %d", count, w.count)
	}
	return nil
}

// fetchXML decodes one document of a store.
func fetchXML(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}
