// Package serve is what the emulators of all vendors have in common as commands:
// flags, listeners, the ready line, a clock, and the control API through which
// tests inject faults and count requests.
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Config is what every emulator is told on its command line.
type Config struct {
	Address    string // loopback HOST:PORT of the vendor's services
	Control    string // loopback HOST:PORT of the control API; empty: none
	Buckets    []string
	AccessKey  string
	SecretKey  string
	Region     string
	Data       string // folder that keeps the buckets; empty: a temporary one
	StrictHost bool   // refuse the addressing styles that the vendor refuses
}

// Parse reads a command line. region is the default of -region; more, if not nil,
// adds an emulator's own flags. Errors of usage were told on stderr already.
func Parse(name, region string, arguments []string, more func(*flag.FlagSet)) (*Config, error) {
	c := &Config{}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&c.Address, "addr", "127.0.0.1:0", "loopback address to listen on")
	flags.StringVar(&c.Control, "control", "", "loopback address of the control API: faults, counts, the clock")
	flags.Func("bucket", "bucket to keep; several by commas, or by repeating the flag", func(value string) error {
		for bucket := range strings.SplitSeq(value, ",") {
			if bucket == "" || slices.Contains(c.Buckets, bucket) {
				return fmt.Errorf("a bucket must be named, and once: %q", value)
			}
			c.Buckets = append(c.Buckets, bucket)
		}
		return nil
	})
	flags.StringVar(&c.AccessKey, "access-key", "", "access key that requests are signed with")
	flags.StringVar(&c.SecretKey, "secret-key", "", "its secret")
	flags.StringVar(&c.Region, "region", region, "region of the buckets")
	flags.StringVar(&c.Data, "data", "", "folder to keep the buckets in; without it they end with the command")
	flags.BoolVar(&c.StrictHost, "strict-host", false, "refuse the host names and styles that the vendor refuses")
	if more != nil {
		more(flags)
	}
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%s takes flags only, not %q", name, flags.Args())
	}
	for flagName, value := range map[string]string{
		"bucket": strings.Join(c.Buckets, ","), "access-key": c.AccessKey, "secret-key": c.SecretKey, "region": c.Region,
	} {
		if value == "" {
			return nil, fmt.Errorf("%s needs -%s", name, flagName)
		}
	}
	return c, nil
}

// Emulator is a vendor's services.
type Emulator interface {
	http.Handler
	OpenUploads() []OpenUpload // for the control API
	Close() error              // called once no request is under way
}

// OpenUpload is an upload that was neither completed nor aborted.
type OpenUpload struct {
	Bucket  string    `json:"bucket"`
	Key     string    `json:"key"`
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Parts   int       `json:"parts"`
}

// Main runs an emulator until it is told to end by SIGINT or SIGTERM, and returns
// the command's exit status.
func Main(run func(ctx context.Context, arguments []string, stdout io.Writer) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout); {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 2
	default:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
}

// closeWithin bounds the wait for requests that are under way at the end.
const closeWithin = 5 * time.Second

// Run serves until ctx is done and then closes the emulator. It writes "ready
// http://HOST:PORT" as the first line of stdout, and "control http://HOST:PORT"
// as the second one if there is a control API, once both answer.
func Run(ctx context.Context, c *Config, desk *Desk, emulator Emulator, stdout io.Writer) (err error) {
	defer func() { err = errors.Join(err, emulator.Close()) }()
	listener, err := listen(c.Address)
	if err != nil {
		return err
	}
	servers := []*http.Server{newServer(emulator)}
	listeners := []net.Listener{listener}
	ready := fmt.Sprintf("ready http://%s\n", listener.Addr())
	if c.Control != "" {
		control, err := listen(c.Control)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		servers = append(servers, newServer(desk.control(emulator.OpenUploads)))
		listeners = append(listeners, control)
		ready += fmt.Sprintf("control http://%s\n", control.Addr())
	}
	ended := make(chan error, len(servers))
	for i, server := range servers {
		go func() { ended <- server.Serve(listeners[i]) }()
	}
	if _, err := io.WriteString(stdout, ready); err != nil {
		return errors.Join(err, shutdown(servers))
	}
	select {
	case <-ctx.Done():
		return shutdown(servers)
	case err := <-ended:
		return errors.Join(err, shutdown(servers))
	}
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, IdleTimeout: 10 * time.Minute}
}

func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, server.Close()) // whoever still hangs on is cut off
		} else {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// listen listens on a loopback address and refuses any other: emulators keep
// nothing safe.
func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w: give HOST:PORT", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: an emulator is for this machine only: give a loopback address, such as 127.0.0.1:0", address)
	}
	return net.Listen("tcp", address)
}
