// Package trial runs a fleet of one finder and one worker between two null stores, with
// stand-ins of SQS and DynamoDB, and tells what each object took of everything.
package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/standin"
	"github.com/dth-dev/dth/tests/usage"
)

// Config says what is run.
type Config struct {
	Bin     string // folder of dth and its plugins
	Tools   string // folder into which Build built
	Objects int
	Size    int64 // bytes of each
}

// Result is what one trial took.
type Result struct {
	Finder usage.Usage
	Worker usage.Usage
	Sent   standin.Counts // when the finder was done
	Done   standin.Counts // when the worker was done, its own and the finder's
	Copied int            // objects that the destination has
}

// Build compiles the null store and the stand-ins into a folder.
func Build(ctx context.Context, root, into string) error {
	for _, name := range []string{"nullstore", "nullaws"} {
		command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(into, name), "./tests/bench/"+name)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		command.Stderr = os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}

// bucket is the name of both buckets.
const bucket = "filled"

// Run makes one trial. The finder runs first and alone; then the worker empties the queue.
func Run(ctx context.Context, config Config) (Result, error) {
	var stops []func()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	start := func(program string, arguments ...string) (address string, err error) {
		server, err := usage.StartServer(ctx, filepath.Join(config.Tools, program), arguments...)
		if err != nil {
			return "", err
		}
		stops = append(stops, server.Stop)
		return server.Address, nil
	}
	source, err := start("nullstore", "-bucket", fmt.Sprintf("%s=%dx%d", bucket, config.Objects, config.Size))
	if err != nil {
		return Result{}, err
	}
	destination, err := start("nullstore", "-bucket", bucket+"=0x0")
	if err != nil {
		return Result{}, err
	}
	aws, err := start("nullaws")
	if err != nil {
		return Result{}, err
	}
	t := trial{config: config, source: source, destination: destination, aws: "http://" + aws}
	return t.run(ctx)
}

// trial is one running trial.
type trial struct {
	config              Config
	source, destination string // addresses
	aws                 string // endpoint
}

func (t *trial) run(ctx context.Context) (result Result, err error) {
	if result.Finder, err = usage.Observe(ctx, t.dth("finder", "--json")); err != nil {
		return result, fmt.Errorf("finder: %w", err)
	}
	if result.Sent, err = t.counts(ctx); err != nil {
		return result, err
	}
	if result.Sent.Left() == 0 {
		return result, errors.New("the finder sent nothing")
	}
	// Whoever had a message before cannot write any more: there is one worker.
	result.Worker, err = usage.ObserveUntil(ctx, t.dth("worker", "--look-again=5s"), func() (bool, error) {
		now, err := t.counts(ctx)
		return now.Left() == 0, err
	})
	if err != nil {
		return result, fmt.Errorf("worker: %w", err)
	}
	if result.Done, err = t.counts(ctx); err != nil {
		return result, err
	}
	result.Copied, err = t.copied(ctx)
	return result, err
}

func (t *trial) dth(command string, arguments ...string) *exec.Cmd {
	location := func(address, credentials string) string {
		return "s3compat://" + bucket + "?endpoint=http://" + address + "&profile=versitygw&region=us-east-1&credentials=env:" + credentials
	}
	arguments = append([]string{command, location(t.source, "SRC"), location(t.destination, "DST")}, arguments...)
	dth := exec.Command(filepath.Join(t.config.Bin, "dth"), arguments...)
	dth.Env = append(append(os.Environ(), cloud.EnvironmentAt(t.aws)...), standin.Variables(t.aws)...)
	dth.Env = append(dth.Env, "SRC_ACCESS_KEY_ID=source", "SRC_SECRET_ACCESS_KEY=source", // no secrets: nothing is checked
		"DST_ACCESS_KEY_ID=destination", "DST_SECRET_ACCESS_KEY=destination")
	return dth
}

func (t *trial) counts(ctx context.Context) (standin.Counts, error) {
	var counts standin.Counts
	err := fetch(ctx, t.aws, func(response *http.Response) error { return json.NewDecoder(response.Body).Decode(&counts) })
	return counts, err
}

func fetch(ctx context.Context, address string, read func(*http.Response) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	return read(response)
}
