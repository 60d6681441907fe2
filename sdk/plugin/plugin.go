// Package plugin turns a driver into a plugin: a process of its own that dth
// starts, speaks to over a private unix socket, and ends. A plugin's whole main
// function is
//
//	func main() { plugin.Serve(mydriver.New()) }
//
// Linux, macOS and the BSDs are supported.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// Memory settings that keep a plugin small: the collector runs when the heap
// has grown by half and works harder near the limit. GOGC and
// GOMEMLIMIT override them.
const (
	memoryLimit = 40 << 20
	gcPercent   = 300
)

// Serve serves the driver to the host that started this process and returns when the
// host has closed it. The process exits at once, with everything it started, when
// the host dies. Run by hand it explains itself and exits with status 2.
//
// A panic in a driver call becomes a KindFatal error of that call. Anything
// printed to os.Stdout or os.Stderr while serving reaches the host's log.
func Serve(d driver.Driver) {
	name := filepath.Base(os.Args[0])
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		fmt.Fprintf(os.Stderr, "%s is a plugin of dth and does nothing by itself.\n"+
			"dth starts it when a location needs it; \"dth plugin list\" shows the plugins that dth finds.\n", name)
		os.Exit(2)
	}
	limitResources()
	watchHost()
	logger := NewLogger()
	stderr := os.Stderr
	host := os.Getppid()
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: wire.ProtocolVersion, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{
			wire.ProtocolVersion: {wire.ServiceName: &dispenser{service: newService(d, logger)}},
		},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server { return newServer(options, host, logger, stderr) },
		Logger:     logger,
	})
}

// NewLogger returns a logger whose lines the host re-emits at their level.
func NewLogger() hclog.Logger {
	level := hclog.LevelFromString(os.Getenv(wire.LogLevelVariable))
	if level == hclog.NoLevel {
		level = hclog.Info
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: os.Stderr, JSONFormat: true})
}

// limitResources makes the settings that the environment does not make. Half of the
// processors are left to the host and the plugin at the other end of the copy:
// with more, waking and parking threads costs more than signing does.
func limitResources() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}

// dispenser registers the service with go-plugin's server.
type dispenser struct {
	goplugin.NetRPCUnsupportedPlugin
	service *service
}

// GRPCClient is for hosts.
func (d *dispenser) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.ErrUnsupported
}

// GRPCServer registers the service.
func (d *dispenser) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	storagepb.RegisterStorageServiceServer(server, d.service)
	return nil
}
