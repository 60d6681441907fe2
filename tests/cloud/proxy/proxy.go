// Package proxy stands between a program and an emulated AWS: it counts the requests,
// records them, and fails them the ways the real services fail and emulators do not.
package proxy

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Config says where the proxy sends what it is asked.
type Config struct {
	Default  string            // endpoint of every service that Services does not name
	Services map[string]string // endpoints by the service's name in IAM: sqs, dynamodb, states
	Seed     uint64            // of the choice among requests and entries; the same for the same order of requests
	Record   bool              // keep a list of all calls, see [Proxy.Calls]
}

// Proxy is an HTTP handler in front of AWS's JSON services. Safe for concurrent use.
// It reads requests whole, does not check signatures, and passes what it does not
// know through.
type Proxy struct {
	config Config
	client *http.Client

	mu     sync.Mutex
	random *rand.Rand
	faults []*Fault
	counts map[string]Count
	calls  []Call
	queues deliveries
}

// New returns a proxy that forwards everything and counts it.
func New(config Config) *Proxy {
	return &Proxy{
		config: config,
		// Connections are not limited: a long poll must not hold another request up.
		client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}},
		random: rand.New(rand.NewPCG(config.Seed, config.Seed)),
		counts: map[string]Count{},
		queues: deliveries{again: map[string][]message{}, gone: map[string]bool{}},
	}
}

// StartForTest serves a proxy on a free port of loopback until the test ends, and
// returns its endpoint, "http://127.0.0.1:PORT".
func StartForTest(t testing.TB, config Config) (*Proxy, string) {
	t.Helper()
	proxy := New(config)
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		server.CloseClientConnections() // long polls included
		server.Close()
		proxy.Close()
	})
	return proxy, server.URL
}

// Close closes the idle connections to the services.
func (p *Proxy) Close() { p.client.CloseIdleConnections() }

// ServeHTTP answers a request: with a fault, or with what the service says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	call := parse(r, body)
	plan := p.plan(call)
	answer, err := p.perform(r, call, &plan)
	switch {
	case r.Context().Err() != nil:
		answer, plan.lose = reply{}, true // the client is gone
	case err != nil:
		answer = answerError(call.Service, http.StatusBadGateway, "ServiceUnavailable", fmt.Sprintf("the proxy: %v", err))
	}
	p.account(call, plan, answer)
	if plan.lose {
		panic(http.ErrAbortHandler) // net/http closes the connection without a word
	}
	answer.write(w)
}

// perform answers as the plan says.
func (p *Proxy) perform(r *http.Request, call request, plan *plan) (reply, error) {
	if plan.answer != nil {
		return *plan.answer, nil
	}
	if call.operation() == "sqs.ReceiveMessage" {
		if again := p.takeAgain(call); len(again) > 0 {
			plan.fired = true
			return answerMessages(again), nil
		}
	}
	body := call.body
	if plan.batch != nil || plan.delay > 0 {
		body = plan.rewrite(call)
	}
	if body != nil {
		body = p.plain(call, body)
	}
	deletion := p.deletion(call, body)
	if deletion != nil {
		body = deletion.body
	}
	from := answerJSON(http.StatusOK, map[string]any{})
	if body != nil { // an entry is left to forward
		var err error
		if from, err = p.forward(r, call, body); err != nil {
			return reply{}, err
		}
	}
	if deletion != nil {
		from = p.merge(deletion, from)
	}
	if plan.batch != nil && from.status == http.StatusOK {
		from = plan.batch.merge(from)
	}
	if plan.duplicate != nil {
		p.remember(call, from, plan.duplicate)
	}
	return from, nil
}

// forward sends the request on, with another body.
func (p *Proxy) forward(r *http.Request, call request, body []byte) (reply, error) {
	target := p.config.Default
	if other, ok := p.config.Services[call.Service]; ok {
		target = other
	}
	base, err := url.Parse(target)
	if err != nil {
		return reply{}, err
	}
	there := *r.URL
	there.Scheme, there.Host = base.Scheme, base.Host
	request, err := http.NewRequestWithContext(r.Context(), r.Method, there.String(), bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header = r.Header.Clone()
	request.Header.Del("Accept-Encoding") // answers are read here
	request.Header.Del("Content-Length")
	answer, err := p.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{}, err
	}
	return reply{status: answer.StatusCode, header: answer.Header, body: content}, nil
}

// reply is an answer of a service, or of the proxy in its place.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// write sends the reply, with a checksum if the service gave one: clients of DynamoDB
// check it, and the body may be another by now.
func (r reply) write(w http.ResponseWriter) {
	header := w.Header()
	maps.Copy(header, r.header)
	if header.Get(checksum) != "" {
		header.Set(checksum, strconv.FormatUint(uint64(crc32.ChecksumIEEE(r.body)), 10))
	}
	header.Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // a client that is gone wants no answer
}

const checksum = "X-Amz-Crc32"
