package control

import (
	"io"
	"net/http"
	"time"
)

const (
	// callDeadline bounds a whole control call. Completing an upload of many
	// parts is the slowest: the store may work on it for minutes.
	callDeadline = 10 * time.Minute
	// maxAnswer bounds what is read of an answer: the largest is a listing page, and a
	// thousand keys of 1,024 bytes, escaped, stay below 4 MiB.
	maxAnswer = 16 << 20
)

// NewClient returns the client of a driver's own calls: it gives up a call after ten
// minutes, shows the clock every answer, and never follows a redirect, because a
// signature is good for one host only. Redirects are answers like others.
func NewClient(transport http.RoundTripper, clock *Clock) *http.Client {
	return &http.Client{
		Transport:     observer{next: transport, clock: clock},
		Timeout:       callDeadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Answer is a whole answer, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a request and reads the answer, at most 16 MiB of its body. What fails is
// a [NetworkFailure]; an answer that is no success is no failure here.
func Send(client *http.Client, request *http.Request) (Answer, error) {
	reply, err := client.Do(request)
	if err != nil {
		return Answer{}, NetworkFailure(err, request.URL.Host)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	if err != nil {
		return Answer{}, NetworkFailure(err, request.URL.Host)
	}
	return Answer{reply.StatusCode, reply.Header, body}, nil
}
