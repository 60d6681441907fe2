package exchange

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

var pacedReply = &driver.Reply{
	Accept: []int{200, 206}, RequestID: []string{"X-Id"}, Capture: []driver.Capture{{Field: driver.FieldETag, Name: "ETag"}},
	Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message"},
}

// piped returns a client whose every connection leads to serve, without a buffer between
// them: what one end writes the other reads. It is for a bubble of synctest.
func piped(t *testing.T, transport driver.Transport, serve func(conn net.Conn)) *Client {
	t.Helper()
	client, err := NewClient(transport)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	client.sender.pool.connect = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		running.Go(func() {
			defer theirs.Close()
			serve(theirs)
		})
		return ours, nil
	}
	t.Cleanup(client.Close)
	return client
}

var direct = driver.Transport{Proxy: "none"}

// pause lets the bubble's time pass.
func pause(d time.Duration) { <-time.After(d) }

// dripped writes n bytes to the connection, step bytes every so often.
func dripped(conn net.Conn, n, step int, every time.Duration) {
	for n > 0 {
		pause(every)
		count, err := conn.Write(make([]byte, min(step, n)))
		if err != nil {
			return
		}
		n -= count
	}
}

// TestPaceOfDownloads: a body may take as long as it likes, as long as it moves.
func TestPaceOfDownloads(t *testing.T) {
	t.Parallel()
	const size = 50_000
	tests := map[string]struct {
		first time.Duration // until the head
		step  int
		every time.Duration
		pause time.Duration // of the reader after each 1000 bytes
		want  *PaceError
	}{
		"600 bytes a second":           {0, 600, time.Second, 0, nil},
		"a lump each minute":           {0, 20_000, time.Minute, 0, nil},
		"a head that takes long":       {119 * time.Second, 600, time.Second, 0, nil},
		"a reader that takes its time": {0, size, 0, time.Hour, nil},
		"a byte a minute":              {0, 1, time.Minute, 0, &PaceError{Time: 2 * time.Minute, Rate: 128}},
		"a byte a second":              {0, 1, time.Second, 0, &PaceError{Time: 2 * time.Minute, Rate: 128}},
		"nothing after the head":       {0, 1, time.Hour, 0, &PaceError{Time: 2 * time.Minute}},
		"no head":                      {time.Hour, 1, 0, 0, &PaceError{Time: 2 * time.Minute}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := piped(t, direct, func(conn net.Conn) {
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
						return
					}
					pause(test.first)
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Id: i\r\nContent-Length: %d\r\n\r\n", size)
					dripped(conn, size, test.step, test.every)
				})
				answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: "http://store.invalid/", Reply: pacedReply}, Request{})
				for err == nil {
					if _, err = io.CopyN(io.Discard, answer.Body, 1000); err != nil {
						_ = answer.Body.Close()
					}
					pause(test.pause)
				}
				checkPace(t, err, test.want)
			})
		})
	}
}

// checkPace compares how an exchange ended; io.EOF is how one ends that went well.
func checkPace(t *testing.T, err error, want *PaceError) {
	t.Helper()
	var got *PaceError
	errors.As(err, &got)
	if got != nil {
		got.Moved, got.Time = 0, got.Time.Truncate(time.Minute) // a byte may come with the end
	}
	if difference := cmp.Diff(want, got); difference != "" || want == nil && err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v: %s", err, difference)
	}
}

// TestPaceOfUploads: bytes that the store takes put the end off, however few it takes at a
// time, and too few of them end it.
func TestPaceOfUploads(t *testing.T) {
	t.Parallel()
	const size = 300_000
	tests := map[string]struct {
		step  int
		every time.Duration
		wait  time.Duration // before the answer
		want  *PaceError
	}{
		"600 bytes a second":           {600, time.Second, 0, nil},
		"a store that then takes long": {size, time.Second, 119 * time.Second, nil},
		"a byte a minute":              {1, time.Minute, 0, &PaceError{Time: 2 * time.Minute, Rate: 128}},
		"nothing":                      {1, time.Hour, 0, &PaceError{Time: 2 * time.Minute}},
		"no answer":                    {size, time.Second, time.Hour, &PaceError{Time: 2 * time.Minute}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := piped(t, direct, func(conn net.Conn) {
					slow := &slowReader{conn, test.step, test.every}
					request, err := http.ReadRequest(bufio.NewReaderSize(slow, 16))
					if err != nil {
						return
					}
					if n, err := io.Copy(io.Discard, request.Body); n != size || err != nil {
						return
					}
					pause(test.wait)
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Id: i\r\nETag: e\r\nContent-Length: 0\r\n\r\n")
				})
				_, err := client.Do(t.Context(), driver.Exchange{Method: "PUT", URL: "http://store.invalid/", Reply: pacedReply},
					Request{Body: bytes.NewReader(make([]byte, size)), Size: size})
				checkPace(t, err, test.want)
			})
		})
	}
}

// TestWhatTheSystemTookIsNotSent: the system takes a whole body at once and sends it for
// minutes; that is progress, or too little of it, until the other end has everything.
func TestWhatTheSystemTookIsNotSent(t *testing.T) {
	t.Parallel()
	const size = 300_000
	for name, test := range map[string]struct {
		step  int
		every time.Duration
		want  *PaceError
	}{
		"600 bytes a second": {600, time.Second, nil},
		"a byte a second":    {1, time.Second, &PaceError{Time: 2 * time.Minute, Rate: 128}},
		"nothing":            {1, time.Hour, &PaceError{Time: 2 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := piped(t, direct, func(conn net.Conn) {
					request, err := http.ReadRequest(bufio.NewReaderSize(&slowReader{conn, test.step, test.every}, 16))
					if err != nil {
						return
					}
					if n, err := io.Copy(io.Discard, request.Body); n == size && err == nil {
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Id: i\r\nETag: e\r\nContent-Length: 0\r\n\r\n")
					}
				})
				connect := client.sender.pool.connect
				client.sender.pool.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := connect(ctx, network, address)
					return newBuffered(conn, test.step), err
				}
				client.sender.pool.unsent = func(conn net.Conn) int64 { return conn.(*buffered).waiting.Load() }
				_, err := client.Do(t.Context(), driver.Exchange{Method: "PUT", URL: "http://store.invalid/", Reply: pacedReply},
					Request{Body: bytes.NewReader(make([]byte, size)), Size: size})
				checkPace(t, err, test.want)
			})
		})
	}
}

// buffered takes all that is written at once, as a system does.
type buffered struct {
	net.Conn
	taken   chan []byte
	waiting atomic.Int64
	once    sync.Once
}

func newBuffered(conn net.Conn, step int) *buffered {
	b := &buffered{Conn: conn, taken: make(chan []byte, 1000)}
	go func() {
		for bytes := range b.taken {
			for len(bytes) > 0 {
				n, err := conn.Write(bytes[:min(len(bytes), step)])
				if err != nil {
					return
				}
				bytes = bytes[n:]
				b.waiting.Add(-int64(n))
			}
		}
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	b.waiting.Add(int64(len(p)))
	b.taken <- bytes.Clone(p)
	return len(p), nil
}

func (b *buffered) SetWriteDeadline(time.Time) error { return nil }

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.taken) })
	return b.Conn.Close()
}

// slowReader reads a few bytes every so often.
type slowReader struct {
	net.Conn
	step  int
	every time.Duration
}

func (r *slowReader) Read(b []byte) (int, error) {
	pause(r.every)
	return r.Conn.Read(b[:min(len(b), r.step)])
}

// TestLowestRateIsASetting: what is too slow by default may be enough.
func TestLowestRateIsASetting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := piped(t, direct, func(conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
				dripped(conn, 1000, 2, time.Second)
			}
		})
		client.Limit(Limits{Rate: 1})
		answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: "http://store.invalid/", Reply: pacedReply}, Request{})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, answer.Body); n != 1000 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}
