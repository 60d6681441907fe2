// Command nullstore is an S3 server that costs next to nothing, so that a
// benchmark on one machine measures its clients: it checks no signature, serves
// synthetic objects from one pattern in memory and forgets the bytes it is sent,
// but answers with true checksums of them.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	stats := &counters{}
	store := newStore()
	flag.Func("bucket", "bucket to fill, NAME=COUNTxBYTES; may be repeated", store.fill)
	flag.Parse()

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nullstore:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go tellTime()
	go serve(listener, store, stats)

	// The process that started the server holds its standard input open: the
	// server ends with it, however that process ends.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serve(listener net.Listener, store *store, stats *counters) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			s := session{store: store, stats: stats, conn: connection, in: bufio.NewReaderSize(connection, 64<<10)}
			for s.exchange() {
			}
		}()
	}
}
