// Package web serves the health and the metrics of a process over HTTP.
package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dth-dev/dth/core/observe"
)

// Address is where a process listens unless it is told otherwise: on this machine only,
// since nobody is asked who he is.
const Address = "127.0.0.1:9464"

// Options say what is served.
type Options struct {
	Address string // "host:port"; empty for [Address], port 0 for any that is free
	// Health returns nil while the process makes progress, else why it does not; the
	// reason is shown and must hold no secret. It may be called at any time, by many at
	// once.
	Health     func() error
	Process    *observe.Process
	Congestion string // congestion control of TCP, empty where it is not known
	Logger     hclog.Logger
}

// Server serves GET /healthz, with 200 or with 503 and the reason, and GET /metrics for
// Prometheus.
type Server struct {
	listener net.Listener
	server   *http.Server
	ended    chan struct{}
}

// Listen serves until Close. The error is that of an address which cannot be listened on.
func Listen(options Options) (*Server, error) {
	if options.Address == "" {
		options.Address = Address
	}
	registry := prometheus.NewRegistry()
	for _, collector := range []prometheus.Collector{
		NewCollector(options.Process, options.Congestion),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("serve health and metrics: %w", err)
	}
	const patience = 10 * time.Second // with a client, so that none holds the process up
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, options.Health()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s := &Server{
		listener: listener,
		server: &http.Server{
			Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute,
			ErrorLog: options.Logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
		},
		ended: make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			options.Logger.Error("health and metrics are not served any more", "error", err)
		}
	}()
	return s, nil
}

// answer says how the process is.
func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Address returns where it listens, "host:port".
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close lets the requests that are being answered finish until ctx ends, and returns
// when nothing is served any more.
func (s *Server) Close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	<-s.ended
	return err
}
