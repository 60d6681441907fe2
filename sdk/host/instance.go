package host

import (
	"context"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/dth-dev/dth/sdk/internal/peer"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// The heartbeat: an idle plugin is asked for a sign of life every
// heartbeatInterval and killed when it shows none for heartbeatPatience.
const (
	heartbeatInterval = time.Second
	heartbeatPatience = 10 * time.Second // a busy machine may let a process wait for seconds
)

// instance is one running process of a plugin with the connection to it.
type instance struct {
	process *process
	sockets *socketDir
	tail    *tail
	conn    *grpc.ClientConn
	client  storagepb.StorageServiceClient
	health  grpc_health_v1.HealthClient

	life     context.Context // ends when the process is gone
	dead     chan struct{}   // closed when the process is gone and end is set
	end      string          // how it ended, for people
	hung     atomic.Bool     // it was killed because it did not answer
	answered atomic.Int64    // when it answered last, in nanoseconds
	proven   func()          // called once it has answered a call
}

// launch starts one process of the plugin and waits until it answers. Errors are
// *StartError, or the context's.
func launch(ctx context.Context, p *Plugin) (*instance, error) {
	manifest, options, logger := p.manifest, p.options, p.logger
	if failure := unsuited(manifest); failure != nil {
		return nil, failure
	}
	sockets, err := newSocketDir(options.SocketDir)
	if err != nil {
		return nil, &StartError{Plugin: manifest.Name, Reason: err.Error(), Hint: "set TMPDIR to another folder"}
	}
	env := append(environment(options.Environ, manifest, p.names), wire.LogLevelVariable+"="+logger.GetLevel().String())
	i := &instance{
		process: newProcess(manifest.Name, manifest.Binary, env),
		sockets: sockets,
		tail:    &tail{},
		dead:    make(chan struct{}),
		proven:  sync.OnceFunc(p.proven),
	}
	if err := i.connect(ctx, manifest, options, logger); err != nil {
		i.process.kill()
		i.disconnect()
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	i.life = life
	go i.watch(end)
	go i.heartbeat()
	return i, nil
}

// connect does the handshake, connects and has a first answer, all within the start timeout.
func (i *instance) connect(ctx context.Context, manifest Manifest, options Options, logger hclog.Logger) error {
	limit, cancel := context.WithTimeout(ctx, options.StartTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, i.process.kill)
	defer stop()
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{wire.ProtocolVersion: {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		SkipHostEnv:      true,
		StartTimeout:     options.StartTimeout,
		Stderr:           i.tail,
		Logger:           linesOnly{Logger: hclog.NewNullLogger(), lines: logger},
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: i.sockets.path},
		RunnerFunc: func(_ hclog.Logger, command *exec.Cmd, unused string) (runner.Runner, error) {
			i.process.env = append(i.process.env, command.Env...)
			// Not go-plugin's folder inside of it: socket paths must be short.
			_ = os.Remove(unused)
			i.process.env = append(i.process.env, goplugin.EnvUnixSocketDir+"="+i.sockets.path)
			return i.process, nil
		},
	})
	address, err := client.Start()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return i.diagnose(manifest, options, err)
	}
	if err := i.dial(address, options.Traffic); err != nil {
		return i.diagnose(manifest, options, err)
	}
	_, err = i.health.Check(limit, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName}, grpc.WaitForReady(true))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return i.diagnose(manifest, options, err)
	}
	i.answered.Store(time.Now().UnixNano())
	return nil
}

// dial prepares the connection, which only the process itself may answer.
func (i *instance) dial(address net.Addr, traffic *Traffic) error {
	conn, err := grpc.NewClient("passthrough:///"+i.process.name,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the peer is checked below
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", address.String())
			if err != nil {
				return nil, err
			}
			if err := peer.Check(conn, i.process.pid); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return traffic.count(conn), nil
		}),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(wire.Codec{}), grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage),
		),
		grpc.WithInitialWindowSize(wire.Window),
		grpc.WithInitialConnWindowSize(wire.Window),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return err
	}
	i.conn = conn
	i.client = storagepb.NewStorageServiceClient(conn)
	i.health = grpc_health_v1.NewHealthClient(conn)
	return nil
}

// watch waits for the process to end, then says how and tidies up.
func (i *instance) watch(end context.CancelFunc) {
	<-i.process.exited
	i.awaitLastWords()
	i.end = i.process.ending(i.tail)
	if i.hung.Load() {
		i.end = "it did not answer for " + heartbeatPatience.String() + " and was killed"
	}
	end()
	i.disconnect()
	close(i.dead)
}

// awaitLastWords waits until what the dead process printed has been read.
func (i *instance) awaitLastWords() {
	timer := time.NewTimer(2 * drainGrace)
	defer timer.Stop()
	select {
	case <-i.process.drained:
	case <-timer.C:
	}
}

// disconnect gives the connection and the socket's folder up.
func (i *instance) disconnect() {
	if i.conn != nil {
		_ = i.conn.Close()
	}
	i.sockets.remove()
}

// heartbeat kills a process that has stopped answering. Any answer is a sign of
// life, so a busy plugin is not asked and a slow one is not killed.
func (i *instance) heartbeat() {
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-i.life.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		if asked.UnixNano()-i.answered.Load() < int64(heartbeatInterval) {
			continue
		}
		ctx, cancel := context.WithTimeout(i.life, heartbeatPatience)
		_, err := i.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
		timedOut := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
			i.answered.Store(time.Now().UnixNano())
		case timedOut && i.life.Err() == nil && i.answered.Load() < asked.UnixNano():
			i.hung.Store(true)
			i.process.kill()
		}
	}
}

// proved notes that the process has answered a call.
func (i *instance) proved() {
	i.answered.Store(time.Now().UnixNano())
	i.proven()
}

// isDead says whether the process is known to be gone.
func (i *instance) isDead() bool {
	select {
	case <-i.dead:
		return true
	default:
		return false
	}
}

// bury makes sure that the process is gone after the connection to it broke, and
// waits until it is known how it ended. It is bounded by the process's grace periods.
func (i *instance) bury() {
	if !i.process.within(drainGrace) {
		i.process.kill() // alive without a connection is of no use
	}
	timer := time.NewTimer(2 * drainGrace)
	defer timer.Stop()
	select {
	case <-i.dead:
	case <-timer.C:
	}
}

// stop ends the process in good order.
func (i *instance) stop() {
	i.process.stop()
	timer := time.NewTimer(2 * drainGrace)
	defer timer.Stop()
	select {
	case <-i.dead:
	case <-timer.C:
	}
}

// linesOnly silences go-plugin's own remarks and passes on the plugin's lines, for
// which go-plugin asks with Named.
type linesOnly struct {
	hclog.Logger
	lines hclog.Logger
}

// Named returns the logger of the plugin's lines.
func (l linesOnly) Named(string) hclog.Logger { return l.lines }
