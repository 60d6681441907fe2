// Command nullaws serves the stand-ins of SQS and DynamoDB (tests/cloud/standin), in a
// process of its own, so that a benchmark on one machine measures their clients.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/dth-dev/dth/tests/cloud/standin"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nullaws:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: standin.New(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with the process

	// The process that started the server holds its standard input open: the
	// server ends with it, however that process ends.
	_, _ = io.Copy(io.Discard, os.Stdin)
}
