package exchange_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// BenchmarkSmallObject is a GET and a PUT of 4 KiB, of which the host makes a pair for each
// object. The store does as little as it can.
func BenchmarkSmallObject(b *testing.B) {
	const size = 4 << 10
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	found := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nX-Store-Id: i\r\nETag: \"e\"\r\nContent-Length: %d\r\n\r\n%s", size, make([]byte, size))
	stored := []byte("HTTP/1.1 200 OK\r\nX-Store-Id: i\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n")
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		reader := bufio.NewReader(conn)
		for {
			request, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			answer := found
			if request.Method == http.MethodPut {
				answer = stored
			}
			_, _ = conn.Write(answer)
		}
	}()
	client, err := exchange.NewClient(driver.Transport{Proxy: "none"})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	buffer, body := make([]byte, size), bytes.NewReader(nil)
	url := "http://" + listener.Addr().String() + "/key"
	b.ReportAllocs()
	for b.Loop() {
		answer, err := client.Do(b.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
		if err != nil {
			b.Fatal(err)
		}
		if err := answer.Exactly(size); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(answer.Body, buffer); err != nil {
			b.Fatal(err)
		}
		_ = answer.Body.Close()
		body.Reset(buffer)
		if _, err := client.Do(b.Context(), driver.Exchange{Method: "PUT", URL: url, Reply: reply}, exchange.Request{Body: body, Size: size}); err != nil {
			b.Fatal(err)
		}
	}
}
