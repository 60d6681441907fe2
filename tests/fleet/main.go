// Command fleet starts what a fleet of dth needs on this machine, an emulated AWS and
// two S3 servers on loopback, leaves them running, shows a fleet at work, and ends them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/dth-dev/dth/tests/servers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out io.Writer) error {
	tools, err := servers.Tools()
	if err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(tools), "run", "fleet")
	commands := map[string]func(ctx context.Context, dir string, out io.Writer) error{"up": up, "down": down, "demo": demo}
	if len(arguments) == 1 && commands[arguments[0]] != nil {
		return commands[arguments[0]](ctx, dir, out)
	}
	return errors.New("say what to do: go run ./tests/fleet up|demo|down")
}

// up starts the servers and says how to reach them.
func up(ctx context.Context, dir string, out io.Writer) error {
	standing, err := load(dir)
	if err == nil && standing.runs() {
		fmt.Fprintln(out, "# the servers are up already")
		return standing.show(out)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	raised, err := raise(ctx, dir)
	if err != nil {
		return err
	}
	return raised.show(out)
}

// down ends the servers, by their process ids, and removes what they kept.
func down(ctx context.Context, dir string, out io.Writer) error {
	standing, err := load(dir)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(out, "nothing is up")
		return nil
	}
	if err != nil {
		return err
	}
	for _, server := range standing.Servers {
		ended, err := end(ctx, server)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-12s %s\n", server.Name, ended)
	}
	return clear(dir)
}

// clear removes what up made, and nothing else that may be in the folder.
func clear(dir string) error {
	var failed error
	for _, name := range kept {
		failed = errors.Join(failed, os.RemoveAll(filepath.Join(dir, name)))
		if err := os.Remove(filepath.Join(dir, name+".log")); !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	if failed = errors.Join(failed, os.Remove(filepath.Join(dir, stageFile))); failed != nil {
		return failed
	}
	_ = syscall.Rmdir(dir) // which fails where something else is in it
	return nil
}
