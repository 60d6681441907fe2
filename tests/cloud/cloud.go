// Package cloud starts emulators of AWS on loopback for tests and the fleet's demo,
// makes the fleet's queues and tables in them, and ends them.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/core/awsconfig"
	"github.com/dth-dev/dth/tests/servers"
)

// Kind is an emulator. README.md says what each is right and wrong about.
type Kind string

// The emulators that can be started.
const (
	MiniStack Kind = "ministack" // SQS, DynamoDB and Step Functions together
	Moto      Kind = "moto"      // the same with heartbeats; one request at a time, or it loses updates
	FauxQS    Kind = "fauxqs"    // SQS, strict
)

// Config says which emulator to start.
type Config struct {
	Kind     Kind
	Dir      string // working directory of the emulator; it must exist
	Address  string // "127.0.0.1:PORT"; empty picks a free port
	Log      string // path of a file for what the emulator prints; empty discards it
	Detached bool   // the emulator outlives this process and the context

	// Policies makes IAM and STS keep to policies, such as those of roles. MiniStack
	// alone has it.
	Policies bool

	// WaitScale multiplies the seconds of a state machine's Wait states, so 0.01
	// makes a minute 0.6 s; 0 means 1. MiniStack alone has it.
	WaitScale float64
}

// Server is a running emulator. It ends with Stop, and unless it is detached with
// the context given to [Start] or with this process.
type Server struct {
	Kind      Kind
	Endpoint  string // "http://127.0.0.1:PORT", of every service it has
	Region    string
	AccessKey string // any pair is accepted; this one is used by the clients below
	SecretKey string
	PID       int

	process *servers.Process
}

// Start starts an emulator, empty, and waits until it answers. The caller stops it.
func Start(ctx context.Context, config Config) (*Server, error) {
	if err := Missing(config.Kind); err != nil {
		return nil, err
	}
	// The free port may be taken between finding and binding it: then the
	// emulator exits at once and another port is tried.
	var server *Server
	var err error
	for range 3 {
		server, err = start(ctx, config)
		if err == nil || config.Address != "" || !errors.Is(err, servers.ErrExited) {
			break
		}
	}
	return server, err
}

func start(ctx context.Context, config Config) (*Server, error) {
	if config.Address == "" {
		free, err := servers.FreeAddress()
		if err != nil {
			return nil, err
		}
		config.Address = free
	}
	program, err := programOf(config)
	if err != nil {
		return nil, err
	}
	process, err := servers.Run(ctx, program)
	if err != nil {
		return nil, err
	}
	server := &Server{
		Kind: config.Kind, Endpoint: "http://" + config.Address, Region: "us-east-1",
		AccessKey: "tester", SecretKey: "tester-secret", PID: process.PID, process: process,
	}
	if config.Kind == Moto {
		if err := interpret(ctx, server.Endpoint); err != nil {
			server.Stop()
			return nil, err
		}
	}
	return server, nil
}

// Stop ends the emulator and waits until it is gone. Stopping twice is harmless.
func (s *Server) Stop() { s.process.Stop() }

// StartForTest is [Start] for a test, which the emulator ends with. Where the
// emulator cannot run on this machine the test is not run, see [Require].
func StartForTest(t testing.TB, kind Kind) *Server {
	t.Helper()
	return StartConfigured(t, Config{Kind: kind})
}

// StartConfigured is [StartForTest] with more than the kind: the directory and the log
// default to the test's own.
func StartConfigured(t testing.TB, config Config) *Server {
	t.Helper()
	Require(t, config.Kind)
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Log == "" {
		config.Log = filepath.Join(t.TempDir(), "emulator.log")
	}
	server, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// Config returns what a client of any service needs to reach the emulator: no
// profile, file or variable of the machine has a say. Services try once: a test
// sees every failure, and sets Retryer where it wants more.
func (s *Server) Config() aws.Config { return ConfigAt(s.Endpoint) }

// ConfigAt is [Server.Config] for another endpoint, such as a proxy's.
func ConfigAt(endpoint string) aws.Config {
	return aws.Config{
		BaseEndpoint: aws.String(endpoint),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("tester", "tester-secret", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient:   awsconfig.PlainBodies(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}),
	}
}

// SQS returns a client of the emulated SQS.
func (s *Server) SQS() *sqs.Client { return sqs.NewFromConfig(s.Config()) }

// DynamoDB returns a client of the emulated DynamoDB.
func (s *Server) DynamoDB() *dynamodb.Client { return dynamodb.NewFromConfig(s.Config()) }

// StepFunctions returns a client of the emulated Step Functions.
func (s *Server) StepFunctions() *sfn.Client { return sfn.NewFromConfig(s.Config()) }

// Environment returns the variables that let any program with an AWS SDK reach the
// emulator, as "NAME=value".
func (s *Server) Environment() []string { return EnvironmentAt(s.Endpoint) }

// EnvironmentAt is [Server.Environment] for another endpoint, such as a proxy's.
func EnvironmentAt(endpoint string) []string {
	config := ConfigAt(endpoint)
	keys, err := config.Credentials.Retrieve(context.Background())
	if err != nil {
		panic(fmt.Sprintf("static credentials: %v", err)) // they cannot fail
	}
	return []string{
		"AWS_ENDPOINT_URL_SQS=" + endpoint, "AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "AWS_ENDPOINT_URL_SFN=" + endpoint,
		"AWS_REGION=" + config.Region, "AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}
