// Command demo shows dth's main job on real servers: it fills one S3 server,
// copies it to another through two plugin processes, verifies the copy, and shows
// that a second run has nothing to do. It exits with 1 when any of that does not hold.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/servers"
)

// secondRunShare is how many of the first run's requests, listings left out,
// the second run may make.
const secondRunShare = 0.01

func main() {
	dth := flag.String("dth", filepath.Join("bin", "dth"), "the `program` to show, with its plugins beside it")
	picture := flag.String("picture", "", "also draw what is printed into this SVG `image`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	shown := &transcript{}
	err := run(ctx, *dth, shown)
	if err == nil && *picture != "" {
		err = os.WriteFile(*picture, shown.svg(), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// stage is what the demo plays on.
type stage struct {
	dth                 string // absolute
	dir                 string // holds everything, and is where dth runs
	source, destination *servers.Server
	*transcript
}

func run(ctx context.Context, dth string, shown *transcript) error {
	dth, err := filepath.Abs(dth)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dth-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stage{dth: dth, dir: dir, transcript: shown}
	s.step("starting two S3 servers (versitygw) on loopback, each with its own credentials")
	for name, server := range map[string]**servers.Server{"source": &s.source, "destination": &s.destination} {
		if *server, err = start(ctx, filepath.Join(dir, name), name); err != nil {
			return err
		}
		defer (*server).Stop()
		s.note("%-11s %s", name, (*server).Endpoint)
	}
	s.step("filling the source bucket")
	began := time.Now()
	filled, err := fill(ctx, s.source)
	if err != nil {
		return err
	}
	s.note("%d objects, %d MiB, in %.1f s: empty ones, one of 300 MiB, keys with spaces, +, %%, ?, #, &, quotes and emoji",
		filled.objects, filled.bytes>>20, time.Since(began).Seconds())
	return s.play(ctx, filled)
}

func start(ctx context.Context, dir, name string) (*servers.Server, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	server, err := servers.Start(ctx, servers.Config{
		Product: servers.VersityGW, AccessKey: "demo-" + name, SecretKey: "secret-of-" + name, Dir: dir,
	})
	if err != nil {
		return nil, err
	}
	if err := server.CreateBucket(ctx, "demo"); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

// play runs dth four times and checks what it says.
func (s *stage) play(ctx context.Context, filled load) error {
	s.step("dth plan: what would be done")
	if _, err := s.show(ctx, "plan"); err != nil {
		return err
	}
	s.step("dth sync: copying through the plugins dth-plugin-s3compat, one process a side")
	first, err := s.sync(ctx)
	if err != nil {
		return err
	}
	if first.Objects.Copied != filled.objects || first.Bytes.Copied != filled.bytes {
		return fmt.Errorf("the first sync copied %d objects of %d bytes, want %d of %d",
			first.Objects.Copied, first.Bytes.Copied, filled.objects, filled.bytes)
	}
	s.step("dth verify: comparing both ends")
	if _, err := s.show(ctx, "verify"); err != nil {
		return err
	}
	s.step("dth sync again: nothing is left to do")
	second, err := s.sync(ctx)
	if err != nil {
		return err
	}
	share := float64(requests(second)) / float64(requests(first))
	if second.Objects.Copied != 0 || share > secondRunShare {
		return fmt.Errorf("the second sync copied %d objects with %.1f %% of the first one's requests", second.Objects.Copied, 100*share)
	}
	s.note("0 objects copied; %d requests beside listings, the first run made %d", requests(second), requests(first))
	s.step("all done: %d objects, %d bytes, %d with evidence from both ends", first.Objects.Copied, first.Bytes.Copied, first.Evidence.BothEnds)
	return nil
}

// requests counts what a run asked of both sides, listings left out.
func requests(report *observe.Report) int64 {
	var sum int64
	for _, side := range []map[string]int64{report.Requests.Source, report.Requests.Destination} {
		for name, n := range side {
			if name != observe.List.String() {
				sum += n
			}
		}
	}
	return sum
}

// sync runs dth sync for its JSON report and shows the lines for people, which
// dth status keeps.
func (s *stage) sync(ctx context.Context) (*observe.Report, error) {
	output, err := s.execute(ctx, "sync", s.location(s.source, "SOURCE"), s.location(s.destination, "DESTINATION"), "--state", "state", "--json")
	if err != nil {
		return nil, err
	}
	report := &observe.Report{}
	if err := json.Unmarshal(output, report); err != nil {
		return nil, fmt.Errorf("dth sync --json: %w", err)
	}
	_, err = s.print(ctx, "status", report.Run, "--state", "state")
	return report, err
}

func (s *stage) show(ctx context.Context, command string) ([]byte, error) {
	return s.print(ctx, command, s.location(s.source, "SOURCE"), s.location(s.destination, "DESTINATION"), "--state", "state")
}

func (s *stage) location(server *servers.Server, prefix string) string {
	return "s3compat://demo?endpoint=" + server.Endpoint + "&profile=versitygw&credentials=env:" + prefix
}

// print runs dth and shows what it prints.
func (s *stage) print(ctx context.Context, arguments ...string) ([]byte, error) {
	output, err := s.execute(ctx, arguments...)
	for line := range strings.Lines(string(output)) {
		s.note("%s", strings.TrimRight(line, "\n"))
	}
	return output, err
}

func (s *stage) execute(ctx context.Context, arguments ...string) ([]byte, error) {
	s.note("$ dth %s", strings.Join(arguments, " "))
	command := exec.CommandContext(ctx, s.dth, arguments...)
	command.Dir = s.dir
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.Env = append(os.Environ(),
		"SOURCE_ACCESS_KEY_ID="+s.source.AccessKey, "SOURCE_SECRET_ACCESS_KEY="+s.source.SecretKey,
		"DESTINATION_ACCESS_KEY_ID="+s.destination.AccessKey, "DESTINATION_SECRET_ACCESS_KEY="+s.destination.SecretKey)
	command.Stderr = os.Stderr
	var output bytes.Buffer
	command.Stdout = &output
	err := command.Run()
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		return output.Bytes(), fmt.Errorf("dth %s ended with exit code %d", arguments[0], exited.ExitCode())
	}
	return output.Bytes(), err
}
