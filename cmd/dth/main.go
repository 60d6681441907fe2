// Command dth copies buckets between object stores and keeps them in step.
package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/dth-dev/dth/core/job"
)

// version is set when a release is built.
var version = "0.0.0-dev"

func main() {
	ctx, stop := withSignals(context.Background(), os.Stderr, func() { os.Exit(exitInterrupted) })
	code := run(ctx, process{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), args: os.Args[1:]})
	stop()
	os.Exit(code)
}

// commandLine is what the user may write.
type commandLine struct {
	Sync   syncCommand   `cmd:"" help:"Copy what is missing or different from SOURCE to DESTINATION."`
	Copy   copyCommand   `cmd:"" help:"Copy one object; needs no right to list."`
	Plan   planCommand   `cmd:"" help:"Compare both sides and say what sync would do; write nothing."`
	Finder finderCommand `cmd:"" help:"Find work for a fleet: compare both sides and fill its queues."`
	Worker workerCommand `cmd:"" help:"Work on what a fleet's queues hold, until told to stop."`
	Verify verifyCommand `cmd:"" help:"Compare both sides and list each difference."`
	Status statusCommand `cmd:"" help:"Show the runs of a state folder, of all, or of a fleet."`
	Retry  retryCommand  `cmd:"" help:"Take the objects of a run again that failed or were skipped."`
	DLQ    struct {
		List    dlqListCommand    `cmd:"" help:"List what is in the dead-letter queue."`
		Show    dlqShowCommand    `cmd:"" help:"Show one letter with its history."`
		Redrive dlqRedriveCommand `cmd:"" help:"Send letters back to be worked on, with no attempt counted."`
		Purge   dlqPurgeCommand   `cmd:"" help:"Remove letters for good."`
	} `cmd:"" name:"dlq" help:"Look at what a fleet could not work on, and decide about it."`
	Deploy struct {
		Up     deployCommand       `cmd:"" default:"withargs" help:"Create or update the stack of a job (may be left out)."`
		Status deployStatusCommand `cmd:"" help:"Show how a stack is: its state, machines, queues and outputs."`
		Logs   deployLogsCommand   `cmd:"" help:"Show the logs of a stack's finder and workers."`
		Delete deployDeleteCommand `cmd:"" help:"Delete a stack; buckets stay as they are."`
	} `cmd:"" help:"Make a fleet in AWS by CloudFormation, and look after it."`
	Plugin struct {
		List pluginListCommand `cmd:"" help:"List the plugins that dth finds."`
	} `cmd:"" help:"Look at plugins."`
	Config struct {
		Show configShowCommand `cmd:"" help:"Show every setting and where it comes from."`
	} `cmd:"" help:"Look at the configuration."`
	Version versionCommand `cmd:"" help:"Print the version."`

	processFlags
}

// processFlags are the flags of every command.
type processFlags struct {
	Config    string `placeholder:"FILE" help:"Configuration to use instead of ./dth.yaml."`
	PluginDir string `placeholder:"DIRS" help:"Folders with plugins (default: \"plugins\" beside this program)."`
	LogLevel  string `placeholder:"LEVEL" help:"trace, debug, info, warn or error (default: info)."`
}

const description = `Copy buckets between object stores and keep them in step.

A location is SCHEME://BUCKET[/PREFIX][?NAME=VALUE&...], where SCHEME names a plugin,
or NAME:BUCKET[/PREFIX] for a store named in dth.yaml. A prefix ends in "/" (everything
below it) or in "*" (every key that starts with it).

Each flag can also be set as a variable (--max-delete as DTH_MAX_DELETE) or in dth.yaml;
options of locations as DTH_SOURCE_NAME and DTH_DESTINATION_NAME.

Exit codes:
  0  all done
  1  finished, but objects failed or were skipped (each is listed)
  2  usage
  3  configuration, credentials, plugin, or a store that cannot be used
  4  interrupted; the same command resumes
  5  differences found, or objects that cannot be compared (verify, plan --exit-code)
  6  already running
  7  stopped by a guard before the first deletion`

// process is what commands know of the process they run in.
type process struct {
	stdout, stderr io.Writer
	environ        []string
	args           []string
	console        *console             // stderr for the logger, around progress bars
	flags          map[string]job.Value // those that were given
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, p process) int {
	p.console = &console{output: p.stderr}
	var line commandLine
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("dth"), kong.Description(description), kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return p.fail(err)
	}
	parsed, err := parser.Parse(p.args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return p.fail(&job.Error{What: err.Error(), Do: "see dth --help", Usage: true})
	}
	p.flags = givenFlags(parsed)
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&p)
	if exitCode(err) == exitSetup && ctx.Err() != nil {
		err = ctx.Err() // whatever it looked like, it was the interruption
	}
	if err != nil {
		return p.fail(err)
	}
	return exitDone
}

// getenv returns a variable of the process.
func (p *process) getenv(name string) string {
	value := ""
	for _, pair := range p.environ {
		if found, ok := strings.CutPrefix(pair, name+"="); ok {
			value = found
		}
	}
	return value
}
