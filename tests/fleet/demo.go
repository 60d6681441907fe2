package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/tests/servers"
)

// What the demo copies.
const (
	demoObjects = 2000
	demoWorkers = 3
	demoGiant   = 40 << 20
)

// demo shows a finder and three workers copy a bucket on what up started, or starts for
// the time being.
func demo(ctx context.Context, dir string, out io.Writer) (err error) {
	root, err := servers.Root()
	if err != nil {
		return err
	}
	standing, err := load(dir)
	if err != nil || !standing.runs() {
		fmt.Fprintln(out, "==> starting an emulated AWS and two S3 servers on loopback")
		if standing, err = raise(ctx, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, down(context.WithoutCancel(ctx), dir, io.Discard)) }()
	}
	fmt.Fprintf(out, "==> filling the source with %d objects and one of %d MiB\n", demoObjects, demoGiant>>20)
	if err := fill(ctx, standing.Source); err != nil {
		return err
	}
	p := player{dth: filepath.Join(root, "bin", "dth"), stage: standing, out: out}
	fmt.Fprintf(out, "==> starting %d workers: dth worker SOURCE DESTINATION\n", demoWorkers)
	for range demoWorkers {
		worker, err := p.start("worker", "--log-level=warn")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stopWorker(worker)) }()
	}
	for _, step := range []struct{ about, command, flag string }{
		{"dth finder --wait: compares, fills the queues, and reports when the workers are done", "finder", "--wait"},
		{"dth verify --read: comparing the bytes of both ends", "verify", "--read"},
		{"dth finder again: nothing is left to do", "finder", "--wait"},
	} {
		fmt.Fprintln(out, "==> "+step.about)
		if err := p.run(ctx, step.command, step.flag); err != nil {
			return err
		}
	}
	return nil
}

// player runs dth on a stage.
type player struct {
	dth   string
	stage *stage
	out   io.Writer
}

func (p player) command(ctx context.Context, name string, flags ...string) *exec.Cmd {
	arguments := append([]string{name, p.stage.Source.location("SOURCE"), p.stage.Destination.location("DESTINATION")}, flags...)
	command := exec.CommandContext(ctx, p.dth, arguments...)
	command.Env = append(os.Environ(), p.stage.environment()...)
	command.Stdout, command.Stderr = p.out, p.out
	return command
}

// fleetFlags lower the sizes, so that the demo's giant is one.
var fleetFlags = []string{"--giant-threshold=16MiB", "--part-size=8MiB"}

func (p player) run(ctx context.Context, name string, flags ...string) error {
	if name == "finder" {
		flags = append(flags, fleetFlags...)
	}
	if err := p.command(ctx, name, flags...).Run(); err != nil {
		return fmt.Errorf("dth %s: %w", name, err)
	}
	return nil
}

func (p player) start(name string, flags ...string) (*exec.Cmd, error) {
	command := p.command(context.Background(), name, append(flags, fleetFlags...)...)
	command.Stdout, command.Stderr = io.Discard, &bytes.Buffer{}
	return command, command.Start()
}

// stopWorker has a worker drain.
func stopWorker(worker *exec.Cmd) error {
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := worker.Wait(); err != nil {
		return fmt.Errorf("a worker ended badly: %w: %s", err, worker.Stderr)
	}
	return nil
}

// fill puts the objects.
func fill(ctx context.Context, to bucket) error {
	server := servers.Server{Endpoint: to.Endpoint, Region: "us-east-1", AccessKey: to.AccessKey, SecretKey: to.SecretKey}
	client := server.Client()
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(16)
	put := func(key string, size int) {
		group.Go(func() error {
			_, err := client.PutObject(groupContext, &s3.PutObjectInput{Bucket: &to.Name, Key: &key, Body: bytes.NewReader(bytesOf(key, size))})
			if err != nil {
				return fmt.Errorf("put %q: %w", key, err)
			}
			return nil
		})
	}
	for i := range demoObjects {
		put(fmt.Sprintf("objects/%02d/%04d.bin", i%20, i), i*13%8192)
	}
	put("giant.bin", demoGiant)
	return group.Wait()
}

// bytesOf returns content that no other key has.
func bytesOf(key string, size int) []byte {
	sum := sha256.Sum256([]byte(key))
	return bytes.Repeat(sum[:], size/len(sum)+1)[:size]
}
