package exchange

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/dth-dev/dth/sdk/driver"
)

func tlsConfig(transport driver.Transport) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if transport.CA != "" {
		pem, err := os.ReadFile(transport.CA)
		if err != nil {
			return nil, fmt.Errorf("option ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("option ca: %s holds no certificate in PEM form", transport.CA)
		}
	}
	if transport.ClientCert != "" {
		certificate, err := tls.LoadX509KeyPair(transport.ClientCert, transport.ClientCert)
		if err != nil {
			return nil, fmt.Errorf("option client-cert: %w", err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}

// proxyFunc returns how to choose a proxy: the environment's, none, or the given
// one, but none for what the resolver sends to an address of its own.
func proxyFunc(proxy string, resolver driver.Resolver) (func(*http.Request) (*url.URL, error), error) {
	choose := http.ProxyFromEnvironment
	switch proxy {
	case "":
	case "none":
		return nil, nil
	default:
		address, err := url.Parse(proxy)
		if err != nil || address.Host == "" {
			return nil, errors.New(`option proxy: want a URL such as http://proxy.example:3128, or "none"`)
		}
		choose = http.ProxyURL(address)
	}
	return func(request *http.Request) (*url.URL, error) {
		if resolver.Covers(request.URL) {
			return nil, nil
		}
		return choose(request)
	}, nil
}
