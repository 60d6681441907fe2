package s3driver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	dialDeadline   = 10 * time.Second
	headerDeadline = 50 * time.Second // less than the host's deadline, so that it hears who is slow
	// callDeadline bounds a whole control call. Completing an upload of many
	// parts is the slowest: the store may work on it for minutes.
	callDeadline = 10 * time.Minute
)

// newTransport honours ca, client certificate and proxy the way the host does.
func newTransport(options driver.Transport) (*http.Transport, error) {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialDeadline, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialDeadline,
		ResponseHeaderTimeout: headerDeadline,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true, // a compressed answer loses ETag and length on some stores
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	switch options.Proxy {
	case "":
	case "none":
		transport.Proxy = nil
	default:
		proxy, err := url.Parse(options.Proxy)
		if err != nil || proxy.Host == "" {
			return nil, errors.New("option proxy: not a URL: write http://HOST:PORT or none")
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	if options.CA != "" {
		bundle, err := os.ReadFile(options.CA)
		if err != nil {
			return nil, fmt.Errorf("option ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(bundle) {
			return nil, fmt.Errorf("option ca: %s holds no PEM certificate", options.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if options.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(options.ClientCert, options.ClientCert)
		if err != nil {
			return nil, fmt.Errorf("option client-cert: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return transport, nil
}

// clock is the store's clock as far as it is known. It is safe for concurrent use.
type clock struct {
	offset atomic.Int64 // nanoseconds to add to this machine's time
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// observe learns from the date of a refusal. Stores refuse a signature that is
// fifteen minutes off; a smaller error is left alone, answers may be late.
func (c *clock) observe(reply *http.Response) {
	if reply.StatusCode != http.StatusForbidden && reply.StatusCode != http.StatusBadRequest {
		return
	}
	date, err := http.ParseTime(reply.Header.Get("Date"))
	if err != nil {
		return
	}
	if off := date.Sub(c.now()); off.Abs() > 5*time.Minute {
		c.offset.Store(int64(time.Until(date)))
	}
}

// observer lets the clock see every answer.
type observer struct {
	next  http.RoundTripper
	clock *clock
}

func (o observer) RoundTrip(request *http.Request) (*http.Response, error) {
	reply, err := o.next.RoundTrip(request)
	if err == nil {
		o.clock.observe(reply)
	}
	return reply, err
}

// newClient never follows a redirect: a signature is good for one host only.
func newClient(transport http.RoundTripper, clock *clock) *http.Client {
	return &http.Client{
		Transport:     observer{next: transport, clock: clock},
		Timeout:       callDeadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
