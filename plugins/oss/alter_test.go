package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestSignaturesHold sends 10,000 random exchanges to the emulator, which checks
// signatures by its own reading of the documentation, and then each of a sample with
// one thing altered.
func TestSignaturesHold(t *testing.T) {
	const token = "token/+= of a role"
	t.Setenv("STS_ACCESS_KEY_ID", accessKey)
	t.Setenv("STS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("STS_SESSION_TOKEN", token)
	cases := map[string]struct {
		credentials string
		virtual     bool // the bucket stands in the host
		flags       []string
	}{
		"path":                   {"env:GOOD", false, nil},
		"virtual host and token": {"env:STS", true, []string{"-strict-host", "-sts-token", token}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			endpoint := startEmulator(t, test.flags...).Endpoint
			client := clientOf(t, endpoint)
			if test.virtual {
				_, port, _ := strings.Cut(strings.TrimPrefix(endpoint, "http://"), ":")
				endpoint = "http://oss-" + region + ".aliyuncs.com:" + port
			}
			b := opened(t, at(suite, test.credentials, endpoint, nil))
			var senders sync.WaitGroup
			for i := range 5 {
				senders.Go(func() {
					random := rand.New(rand.NewPCG(uint64(i), 7))
					for j := range 1000 {
						tryOne(t, b, client, random, j%40 == 0)
						if t.Failed() {
							return
						}
					}
				})
			}
			senders.Wait()
		})
	}
}

// clientOf returns a client whose every connection leads to the emulator.
func clientOf(t *testing.T, endpoint string) *http.Client {
	t.Helper()
	address := strings.TrimPrefix(endpoint, "http://")
	transport := &http.Transport{MaxIdleConnsPerHost: 8, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// tryOne signs one random request, sees it accepted, and refused once altered.
func tryOne(t *testing.T, b *bucket, client *http.Client, random *rand.Rand, alter bool) {
	exchange, body, err := randomExchange(t.Context(), b, random)
	if err != nil {
		t.Error(err)
		return
	}
	if answer := send(t, client, exchange, body); !accepted(answer) {
		t.Errorf("%s %s %v is refused: %d %s", exchange.Method, exchange.URL, exchange.Header, answer.Status, answer.Body)
	}
	if !alter {
		return
	}
	for what, altered := range alterations(exchange, body) {
		answer := send(t, client, altered.exchange, altered.body)
		if code := dialect.ReadRefusal(answer).Code; code != "SignatureDoesNotMatch" && code != "InvalidArgument" && code != "AccessDenied" {
			t.Errorf("%s %s with another %s is not refused: %d %s", altered.exchange.Method, altered.exchange.URL, what, answer.Status, answer.Body)
		}
	}
}

// accepted says that the signature held, whatever became of the request.
func accepted(answer control.Answer) bool {
	code := dialect.ReadRefusal(answer).Code
	return answer.Status == http.StatusOK || code == "NoSuchKey" || code == "NoSuchVersion" || code == "NoSuchUpload"
}

func randomExchange(ctx context.Context, b *bucket, random *rand.Rand) (driver.Exchange, []byte, error) {
	key := "k" + text(random, 1+random.IntN(40))
	observed := time.Now().Add(time.Duration(random.IntN(26)-13) * time.Minute)
	body := []byte(text(random, random.IntN(50)))
	switch random.IntN(3) {
	case 0:
		exchange, err := b.SignGet(ctx, driver.GetRequest{Key: key, Now: observed})
		return exchange, nil, err
	case 1:
		request := driver.PartRequest{
			Upload: driver.UploadRef{Key: key, ID: "id" + text(random, 20)}, Number: 1 + random.IntN(999), Size: int64(len(body)), Now: observed,
		}
		exchange, err := b.SignPart(ctx, request)
		return exchange, body, err
	}
	attributes := driver.Attributes{
		ContentType: "text/" + visible(random), ContentLanguage: visible(random), CacheControl: visible(random),
		Metadata: []driver.Metadata{{Name: "name-" + fmt.Sprint(random.IntN(9)), Value: visible(random)}},
		Tags:     []driver.Tag{{Key: "k+-=._:/ ", Value: fmt.Sprint(random.IntN(99))}},
	}
	exchange, err := b.SignPut(ctx, driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes, Now: observed})
	return exchange, body, err
}

// visible returns text that a header holds.
func visible(random *rand.Rand) string {
	kept := strings.Map(func(r rune) rune {
		if r > '~' {
			return 'x'
		}
		return r
	}, text(random, 10))
	return "v" + kept + "v"
}

type alteration struct {
	exchange driver.Exchange
	body     []byte
}

// alterations returns the exchange with each one thing that is bound altered.
func alterations(exchange driver.Exchange, body []byte) map[string]alteration {
	altered := map[string]alteration{}
	with := func(what string, change func(*driver.Exchange)) {
		changed := exchange
		changed.Header = slices.Clone(exchange.Header)
		change(&changed)
		altered[what] = alteration{changed, body}
	}
	target, query, _ := strings.Cut(exchange.URL, "?")
	with("method", func(e *driver.Exchange) { e.Method = map[string]string{"GET": "DELETE", "PUT": "POST"}[e.Method] })
	with("key", func(e *driver.Exchange) { e.URL = target + "x?" + query })
	with("bucket", func(e *driver.Exchange) { e.URL = strings.Replace(e.URL, suite, other, 1) })
	if number, rest, found := strings.Cut(query, "&uploadId="); found {
		with("part number", func(e *driver.Exchange) { e.URL = target + "?" + number + "0&uploadId=" + rest })
		with("upload id", func(e *driver.Exchange) { e.URL = target + "?" + number + "&uploadId=x" + rest })
	}
	with("life", func(e *driver.Exchange) { e.URL = strings.Replace(e.URL, "x-oss-expires=", "x-oss-expires=1", 1) })
	with("subresource", func(e *driver.Exchange) { e.URL += "&acl" })
	for i, field := range exchange.Header {
		with("header "+field.Name, func(e *driver.Exchange) { e.Header[i].Value = "a" + field.Value + "0" })
		with("header gone: "+field.Name, func(e *driver.Exchange) { e.Header = slices.Delete(e.Header, i, i+1) })
	}
	with("header added", func(e *driver.Exchange) {
		e.Header = append(e.Header, driver.Header{Name: "x-oss-object-acl", Value: "public-read"})
	})
	if exchange.Method == "PUT" {
		altered["length"] = alteration{exchange, append(slices.Clone(body), 'x')}
	}
	return altered
}
