// Command relay copies a bucket with net/http alone: list, then one GET into
// one PUT for each object, nothing signed, compared, verified or remembered. It
// is the floor that benchmarks compare with.
package main

import (
	"context"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/sync/errgroup"
)

func main() {
	workers := flag.Int("workers", 64, "objects in flight")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: relay [-workers N] http://HOST/SOURCE http://HOST/DESTINATION")
		os.Exit(2)
	}
	if err := copyBucket(context.Background(), flag.Arg(0), flag.Arg(1), *workers); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func copyBucket(ctx context.Context, source, destination string, workers int) error {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 2 * workers,
		DisableCompression:  true,
		ReadBufferSize:      64 << 10,
		WriteBufferSize:     64 << 10,
	}}
	keys := make(chan string, 1000)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(keys)
		return list(ctx, client, source, keys)
	})
	for range workers {
		group.Go(func() error {
			for key := range keys {
				if err := copyObject(ctx, client, source+"/"+key, destination+"/"+key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func list(ctx context.Context, client *http.Client, bucket string, keys chan<- string) error {
	for token := ""; ; {
		response, err := send(ctx, client, "GET", bucket+"?list-type=2&continuation-token="+url.QueryEscape(token), nil, 0)
		if err != nil {
			return err
		}
		var page struct {
			Contents []struct{ Key string }
			Next     string `xml:"NextContinuationToken"`
		}
		err = xml.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil {
			return fmt.Errorf("list %s: %w", bucket, err)
		}
		for _, object := range page.Contents {
			select {
			case keys <- object.Key:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if token = page.Next; token == "" {
			return nil
		}
	}
}

func copyObject(ctx context.Context, client *http.Client, from, to string) error {
	get, err := send(ctx, client, "GET", from, nil, 0)
	if err != nil {
		return err
	}
	defer get.Body.Close()
	put, err := send(ctx, client, "PUT", to, get.Body, get.ContentLength)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, put.Body)
	put.Body.Close()
	return err
}

// send returns the answer to a request if it is a success.
func send(ctx context.Context, client *http.Client, method, address string, body io.Reader, length int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	request.ContentLength = length
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, address, response.Status)
	}
	return response, nil
}
