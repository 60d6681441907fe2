package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	dialDeadline   = 10 * time.Second
	headerDeadline = 50 * time.Second // less than the host's deadline, so that it hears who is slow
)

// NewTransport returns a transport that honours CA, client certificate, proxy and
// resolve the way the host does. Its errors name the option and are
// KindInvalidArgument.
func NewTransport(options driver.Transport) (*http.Transport, error) {
	transport, err := newTransport(options)
	if err != nil {
		return nil, &driver.Error{Op: "Open", Kind: driver.KindInvalidArgument, Message: err.Error(), Err: err}
	}
	return transport, nil
}

func newTransport(options driver.Transport) (*http.Transport, error) {
	resolver, err := driver.ParseResolve(options.Resolve)
	if err != nil {
		return nil, fmt.Errorf("option resolve: %w", err)
	}
	choose, err := proxyFunc(options.Proxy)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialDeadline, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy: func(request *http.Request) (*url.URL, error) {
			if resolver.Covers(request.URL) {
				return nil, nil
			}
			return choose(request)
		},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if resolved, ok := resolver.Address(address); ok {
				address = resolved
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout:   dialDeadline,
		ResponseHeaderTimeout: headerDeadline,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true, // a compressed answer loses ETag and length on some stores
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
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

// proxyFunc returns how a proxy is chosen: by the environment, none, or the given one.
func proxyFunc(proxy string) (func(*http.Request) (*url.URL, error), error) {
	switch proxy {
	case "":
		return http.ProxyFromEnvironment, nil
	case "none":
		return http.ProxyURL(nil), nil
	}
	address, err := url.Parse(proxy)
	if err != nil || address.Host == "" {
		return nil, errors.New("option proxy: not a URL: write http://HOST:PORT or none")
	}
	return http.ProxyURL(address), nil
}
