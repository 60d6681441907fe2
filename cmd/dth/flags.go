package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/dth-dev/dth/core/job"
)

// locationFlags say more about the two locations.
type locationFlags struct {
	SourceOption           []string `sep:"none" placeholder:"NAME=VALUE" help:"Option of the source's plugin (repeatable; see dth plugin list -v)."`
	DestinationOption      []string `sep:"none" placeholder:"NAME=VALUE" help:"Option of the destination's plugin (repeatable)."`
	SourceCredentials      string   `placeholder:"REF" help:"Where the source's plugin finds credentials: env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous."`
	DestinationCredentials string   `placeholder:"REF" help:"The same for the destination."`
	RequesterPays          bool     `negatable:"" help:"Pay for the requests to the source, in a bucket that wants it so (its option requester-pays)."`
}

// syncFlags are the settings of a sync.
type syncFlags struct {
	locationFlags
	deleteFlags
	compareFlags
	transferFlags
	serverSideFlags
	fitFlags
	stateFlags
	reportFlags
}

// deleteFlags say what happens to objects that only the destination has.
type deleteFlags struct {
	Delete           bool   `negatable:"" help:"Remove objects that only the destination has."`
	MaxDelete        string `placeholder:"N|N%" help:"Most objects to remove, as a number or a share of the destination's keys (default: 10%)."`
	IgnoreErrors     bool   `negatable:"" help:"Remove extra objects even though others failed or were skipped."`
	AllowEmptySource bool   `negatable:"" help:"Remove extra objects even though the source has none."`
}

// stateFlags say where the state is kept.
type stateFlags struct {
	State string `placeholder:"DIR" help:"Folder of the state (default: one per pair of locations under $$XDG_STATE_HOME/dth)."`
}

// compareFlags say what is equal.
type compareFlags struct {
	Compare string `placeholder:"HOW" help:"auto, size, etag, checksum or mtime (default: auto)."`
}

// transferFlags say how to move bytes.
type transferFlags struct {
	Transfers          string `placeholder:"N" help:"Objects and parts in flight (default: automatic)."`
	Memory             string `placeholder:"SIZE" help:"Budget for buffers, such as 64MiB (default: automatic)."`
	PartSize           string `placeholder:"SIZE" help:"Size of parts (default: automatic)."`
	MultipartThreshold string `placeholder:"SIZE" help:"Size from which objects go in parts (default: automatic)."`
	MinRate            string `placeholder:"SIZE" help:"Bytes a second that each connection must move, measured over two minutes; a slower one is given up and tried again (default: automatic, 128B)."`
}

// serverSideFlags say who copies between two buckets of one store.
type serverSideFlags struct {
	ServerSide string `placeholder:"WHEN" help:"auto: a store that holds both buckets copies by itself, where the credentials reach both; never (default: auto)."`
}

// fitFlags say how objects are written to a store with other rules.
type fitFlags struct {
	unmappableFlags
	StorageClass string `placeholder:"NAME|source" help:"Storage class to write: one of the destination's, or source for the tier that each object has there (default: the destination bucket's default)."`
	ACL          string `name:"acl" placeholder:"NAME" help:"Canned access rule of what is written, in the destination's words, such as bucket-owner-full-control (its option acl; default: the bucket's own)."`
	SSE          string `name:"sse" placeholder:"HOW[=KEY]" help:"How the destination encrypts what is written, in its own words: none, AES256, or aws:kms, which may name a key (its options sse and sse-kms-key; default: as the bucket has it)."`
	Metadata     string `placeholder:"WHAT" help:"all: content headers and user metadata travel with each object; none: neither they nor tags do (default: all)."`
	Tags         bool   `negatable:"" help:"Copy tags too, which costs a request to the source for each object."`
}

// unmappableFlags say what becomes of what a store cannot hold.
type unmappableFlags struct {
	Unmappable string `placeholder:"HOW" help:"What to do with keys, metadata, headers, tags and classes that the destination cannot hold. fail: the object fails; drop: leave them out, and skip an object whose key it is; encode: write keys and metadata in a form that can be read back (default: fail)."`
}

// reportFlags say how to report.
type reportFlags struct {
	AllowSkipped bool `negatable:"" help:"Exit with 0 though objects were skipped."`
	JSON         bool `name:"json" help:"Print the final report as JSON."`
}

// givenFlags returns the flags of the command line by name, as text.
func givenFlags(parsed *kong.Context) map[string]job.Value {
	given := map[string]job.Value{}
	for _, element := range parsed.Path {
		if element.Flag != nil {
			given[element.Flag.Name] = job.Value{
				Text:   fmt.Sprint(element.Flag.Target.Interface()),
				Origin: job.Origin{Where: "--" + element.Flag.Name, Usage: true},
			}
		}
	}
	return given
}

// input gathers everything that may say something about a job.
func (p *process) input(flags locationFlags) (job.Input, error) {
	in := job.Input{Flags: p.flags, Environ: job.Environ(p.environ)}
	var err error
	if in.SourceOptions, err = p.sideOptions("source", flags.SourceOption); err != nil {
		return job.Input{}, err
	}
	if in.DestinationOptions, err = p.sideOptions("destination", flags.DestinationOption); err != nil {
		return job.Input{}, err
	}
	explicit, ok := p.flags["config"]
	if !ok {
		explicit = job.Value{Text: in.Environ[job.Variable("config")], Origin: job.Origin{Where: job.Variable("config")}}
	}
	in.Files, err = job.Load(explicit, p.getenv)
	return in, err
}

// sideOptions returns the options of one side that flags set.
func (p *process) sideOptions(side string, pairs []string) (map[string]string, error) {
	options := map[string]string{}
	flag := "--" + side + "-option"
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &job.Error{Where: flag, What: "this is not NAME=VALUE", Do: fmt.Sprintf("write %s region=eu-west-1", flag), Usage: true}
		}
		if _, ok := options[name]; ok {
			return nil, &job.Error{Where: flag, What: fmt.Sprintf("option %s is given twice", name), Usage: true}
		}
		options[name] = value
	}
	if reference, ok := p.flags[side+"-credentials"]; ok {
		options["credentials"] = reference.Text
	}
	return options, nil
}
