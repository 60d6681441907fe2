package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/dth-dev/dth/sdk/driver"
)

// NetworkFailure returns the error of a request that was not answered, in words that
// say what to look at. It is KindUnavailable and shows no URL, whose query may carry
// a signature. host names the store.
func NetworkFailure(err error, host string) *driver.Error {
	message, cause := describeFailure(err, host)
	return &driver.Error{Kind: driver.KindUnavailable, Message: message, Err: cause}
}

// describeFailure says in words what kept a request from being answered.
// Neither it nor the cause that it returns holds the URL, whose query may carry
// a signature.
func describeFailure(err error, host string) (string, error) {
	cause := err
	var urlError *url.Error
	if errors.As(err, &urlError) {
		cause = urlError.Err
	}
	var operation *net.OpError
	if errors.As(cause, &operation) && operation.Op == "proxyconnect" {
		text, _ := describeCause(operation.Err, "the proxy")
		return text, cause
	}
	return describeCause(cause, host)
}

func describeCause(cause error, host string) (string, error) {
	var (
		lookup    *net.DNSError
		timeout   net.Error
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		operation *net.OpError
	)
	text := cause.Error()
	switch {
	case errors.Is(cause, context.Canceled):
		return "the request was cancelled", cause
	case errors.As(cause, &lookup) && lookup.IsNotFound:
		return fmt.Sprintf("unknown host %s: check the endpoint and the bucket's name", lookup.Name), cause
	case errors.As(cause, &lookup):
		return fmt.Sprintf("host %s could not be looked up: the name server does not answer", lookup.Name), cause
	case errors.Is(cause, syscall.ECONNREFUSED):
		return fmt.Sprintf("%s refused the connection: check host and port, and that the store runs", host), cause
	case errors.As(cause, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("TLS mismatch: %s speaks plain http: write http:// in the endpoint", host), cause
	case strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return fmt.Sprintf("TLS mismatch: %s speaks https: write https:// in the endpoint", host), cause
	case errors.As(cause, &authority):
		return fmt.Sprintf("the certificate of %s is signed by an unknown authority: give its CA with the option ca", host), cause
	case errors.As(cause, &hostname), errors.As(cause, &invalid), errors.As(cause, &verify):
		return fmt.Sprintf("the certificate of %s is not good for it: %v", host, cause), cause
	case errors.As(cause, &operation) && operation.Op == "remote error": // an alert of TLS
		return fmt.Sprintf("%s refused the TLS handshake (%v): it may want a client certificate, given with the option client-cert", host, operation.Err), cause
	case errors.As(cause, &timeout) && timeout.Timeout(), errors.Is(cause, context.DeadlineExceeded):
		return fmt.Sprintf("%s timed out: it did not answer in time", host), cause
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE), errors.Is(cause, net.ErrClosed):
		return fmt.Sprintf("%s broke the connection: check that the endpoint has the right port and the right one of http and https", host), cause
	}
	return fmt.Sprintf("%s cannot be reached: %v", host, cause), cause
}
