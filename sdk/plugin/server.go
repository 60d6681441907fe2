package plugin

import (
	"context"
	"fmt"
	"net"
	"os"
	"path"
	"runtime/debug"
	"sync"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/peer"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// newServer returns the gRPC server that only the host may talk to.
func newServer(options []grpc.ServerOption, host int, logger hclog.Logger, stderr *os.File) *grpc.Server {
	guard := guard{logger: logger}
	return grpc.NewServer(append(options,
		grpc.Creds(&entrance{TransportCredentials: peer.Server(host), stderr: stderr}),
		grpc.ForceServerCodecV2(wire.Codec{}),
		grpc.MaxRecvMsgSize(wire.MaxMessage),
		grpc.MaxSendMsgSize(wire.MaxMessage),
		grpc.InitialWindowSize(wire.Window),
		grpc.InitialConnWindowSize(wire.Window),
		grpc.UnaryInterceptor(guard.unary),
		grpc.StreamInterceptor(guard.stream),
	)...)
}

// entrance checks who connects. The first connection also proves that the handshake on
// stdout is over, and go-plugin has by then put pipes in the place of os.Stdout and
// os.Stderr that nobody reads: whoever prints much would block. From here on both
// lead to the process's own stderr, which the host reads to its end.
type entrance struct {
	credentials.TransportCredentials
	stderr *os.File
	once   sync.Once
}

// ServerHandshake lets the host in.
func (e *entrance) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	e.once.Do(func() { os.Stdout, os.Stderr = e.stderr, e.stderr })
	return e.TransportCredentials.ServerHandshake(conn)
}

// Clone returns the same entrance: it opens once.
func (e *entrance) Clone() credentials.TransportCredentials { return e }

// guard turns a panic in a driver call into the error of that call, so that
// one bad object does not end every call of the process.
type guard struct{ logger hclog.Logger }

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = wire.FromCall(g.caught(path.Base(info.FullMethod), "", cause))
		}
	}()
	return handle(ctx, request)
}

func (g guard) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = wire.FromCall(g.caught(path.Base(info.FullMethod), "", cause))
		}
	}()
	return handle(service, stream)
}

// caught logs the stack and returns what the caller gets to see.
func (g guard) caught(op, key string, cause any) error {
	text := wire.Redact(fmt.Sprint(cause))
	g.logger.Error("panic in a driver call", "op", op, "cause", text, "stack", string(debug.Stack()))
	return &driver.Error{
		Op: op, Key: key, Kind: driver.KindFatal, Code: "PluginPanic", Message: "the plugin panicked: " + text,
	}
}
