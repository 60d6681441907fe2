package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dth-dev/dth/core/cost"
	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/infra/cloudformation"
)

// deployCommand makes or updates the stack of a fleet.
type deployCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml."`
	Destination string `arg:"" optional:"" help:"Location to write."`

	DryRun            bool     `help:"Write parameters.json (aws cloudformation create-stack --parameters file://...) and changeset.json (the request: create-change-set --cli-input-json file://...; what would change only AWS can tell) and end. AWS is asked for nothing, unless --check is given too."`
	Check             bool     `help:"Look in AWS at all that the stack needs, say what is missing, write nothing there, and end."`
	Out               string   `placeholder:"DIR" default:"." help:"Folder of both (default: the current one)."`
	Yes               bool     `help:"Carry the changes out without asking. Without a terminal it must be given."`
	CreateAssetBucket bool     `help:"Make the asset bucket where there is none: closed to the public, encrypted."`
	Template          string   `placeholder:"FILE" help:"Template to use in place of dth's own, such as a changed copy of infra/cloudformation/dth.yaml."`
	Parameter         []string `sep:"none" placeholder:"NAME=VALUE" help:"Any parameter of the template, by its name there (repeatable). It counts more than a flag."`
	SkipCompare       bool     `help:"Do not list the destination: send every source object."`
	Prices            string   `placeholder:"FILE" help:"Prices of your own for the estimate of the cost, in the form of core/cost/prices.yaml; they count more than those of dth."`
	PrefixesFrom      string   `placeholder:"LOCATION" help:"Compare only the prefixes in this object, one a line, in the source's bucket or in one of Amazon S3 in the stack's account."`

	stackFlags
	fleetSizeFlags
	locationFlags
	deployedFlags
}

// stackFlags say which stack is meant.
type stackFlags struct {
	StackRegion string `placeholder:"REGION" help:"Region of the stack (default: that of the environment, such as AWS_REGION)."`
}

// fleetSizeFlags say where the machines of a fleet stand, and how many.
type fleetSizeFlags struct {
	Stack               string `placeholder:"NAME" help:"Name of the stack (default: dth-NAME for a job of dth.yaml)."`
	AssetBucket         string `placeholder:"BUCKET" help:"Bucket of yours in the stack's region for the programs and the template."`
	Assets              string `placeholder:"DIR" help:"Folder that \"make assets\" filled (default: assets beside this program, else bin/assets)."`
	Email               string `placeholder:"ADDRESS" help:"Who is told when something is wrong."`
	VPC                 string `name:"vpc" placeholder:"ID" help:"Network of the machines."`
	Subnets             string `placeholder:"ID,ID" help:"Two subnets of it or more, in different zones, with a way to both stores."`
	InstanceTypes       string `placeholder:"TYPES" help:"Four types of ARM instances for workers, with commas between them, dearest to you first."`
	Spot                string `placeholder:"PERCENT" help:"Share of Spot instances among workers: 0, 25, 50, 75 or 100."`
	MinWorkers          string `placeholder:"N" help:"Fewest workers; 0 costs nothing while there is nothing to do."`
	MaxWorkers          string `placeholder:"N" help:"Most workers."`
	DesiredWorkers      string `placeholder:"N" help:"Workers to begin with."`
	FinderMemory        string `placeholder:"GIB" help:"Memory of the finder's machine."`
	Cron                string `placeholder:"FIELDS|once" help:"When to compare, in the six fields of AWS and UTC, such as \"0 3 * * ? *\"."`
	PermissionsBoundary string `placeholder:"ARN" help:"Boundary of every role that is made."`
	KMSKeys             string `name:"kms-keys" placeholder:"ARNS" help:"Keys of AWS KMS that the roles may use, as those of encrypted buckets, with commas between them."`
}

// deployedFlags are what a job says and a stack can carry.
type deployedFlags struct {
	Events         string `placeholder:"MODE" help:"What to do about notifications of the source: none, Create or CreateAndDelete; the stack connects a bucket of Amazon S3 in its account and region (default: none)."`
	MaxDelete      string `placeholder:"N" help:"Most objects that events may delete in an hour (default: 10000)."`
	Transfers      string `placeholder:"N" help:"Objects and parts that a worker has in flight: a multiple of 16 (default: 64)."`
	GiantThreshold string `placeholder:"SIZE" help:"Size from which an object is copied by many workers (default: 1GiB)."`
	StorageClass   string `placeholder:"NAME" help:"Storage class to write: STANDARD, STANDARD_IA, ONEZONE_IA or INTELLIGENT_TIERING (Amazon S3 alone; default: STANDARD)."`
	ACL            string `name:"acl" placeholder:"NAME" help:"Canned access rule of what is written (Amazon S3 alone; default: bucket-owner-full-control)."`
	SSE            string `name:"sse" placeholder:"HOW[=KEY]" help:"How Amazon S3 encrypts what is written: none, AES256, aws:kms or aws:kms=KEY (default: as the bucket has it)."`
	Metadata       string `placeholder:"WHAT" help:"all, or none for bytes alone (default: all)."`
}

// Help says what the flags have no room for.
func (deployCommand) Help() string {
	return `A fleet keeps its own queues, tables and roles: those that dth.yaml names are not used. Credentials
of a bucket of Amazon S3 in the stack's account are left out; others are secret:NAME of AWS
Secrets Manager. What a stack cannot carry is an error, never dropped. Every setting but
--dry-run, --check, --out, --yes, --create-asset-bucket, --template, --parameter, --prices,
--skip-compare and --prefixes-from may also stand in dth.yaml or as a variable.`
}

// Run checks, shows, asks, and carries out.
func (c *deployCommand) Run(ctx context.Context, p *process) error {
	resolved, err := p.resolveFleet(c.locationFlags, c.Source, c.Destination)
	if err != nil {
		return err
	}
	if err := asking(p, c.Yes || c.DryRun || c.Check); err != nil {
		return err
	}
	cloud, err := deploy.Open(ctx, resolved.Settings.Deploy.StackRegion)
	if err != nil {
		return err
	}
	plan, err := c.plan(p, resolved, cloud.Region)
	if err != nil {
		return err
	}
	if err := p.checkOptions(ctx, resolved); err != nil {
		return err
	}
	prices, err := c.readPrices()
	if err != nil {
		return err
	}
	for _, note := range plan.Notes {
		fmt.Fprintln(p.stdout, "note: "+note)
	}
	if c.Check || !c.DryRun {
		if err := p.examine(ctx, cloud, plan, c.CreateAssetBucket); err != nil {
			return err
		}
	}
	switch {
	case c.DryRun:
		return c.write(ctx, p, cloud, plan, prices)
	case c.Check:
		return showCost(p.stdout, prices, plan)
	}
	return c.deploy(ctx, p, cloud, plan, prices)
}

// plan works out the stack.
func (c *deployCommand) plan(p *process, resolved job.Job, region string) (*deploy.Plan, error) {
	if resolved.Settings.Deploy.Stack == "" && resolved.Name != "" {
		resolved.Settings.Deploy.Stack = "dth-" + strings.ReplaceAll(resolved.Name, "_", "-")
	}
	request := deploy.Request{Job: resolved, Region: region, SkipCompare: c.SkipCompare, Own: map[string]string{}}
	for _, pair := range c.Parameter {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &job.Error{Where: "--parameter", What: fmt.Sprintf("%q is not NAME=VALUE", pair), Do: "write --parameter finderEc2Memory=16", Usage: true}
		}
		request.Own[name] = value
	}
	text := cloudformation.Template()
	if c.Template != "" {
		content, err := os.ReadFile(c.Template)
		if err != nil {
			return nil, &job.Error{Where: "--template", What: err.Error(), Usage: true}
		}
		text = string(content)
	}
	var err error
	if request.Template, err = deploy.ReadTemplate(text); err != nil {
		return nil, err
	}
	if request.PrefixesFrom, err = c.list(p); err != nil {
		return nil, err
	}
	if request.Assets, err = deploy.ReadAssets(assetFolder(resolved.Settings.Deploy.Assets), version); err != nil {
		return nil, err
	}
	return deploy.Draw(request)
}

// list returns where the prefixes to compare stand.
func (c *deployCommand) list(p *process) (job.Location, error) {
	if c.PrefixesFrom == "" {
		return job.Location{}, nil
	}
	if !strings.Contains(c.PrefixesFrom, ":") {
		return job.Location{}, &job.Error{Where: "--prefixes-from", What: "a fleet reads the list from a bucket", Do: "upload it, and write such as s3://BUCKET/list.txt", Usage: true}
	}
	in, err := p.input(locationFlags{})
	if err != nil {
		return job.Location{}, err
	}
	return in.Object("prefixes", c.PrefixesFrom)
}

// assetFolder returns where "make assets" put its files.
func assetFolder(given string) string {
	if given != "" {
		return given
	}
	if program, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(program), "assets")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return filepath.Join("bin", "assets")
}

// write writes what a stack would be made of.
func (c *deployCommand) write(ctx context.Context, p *process, cloud *deploy.Cloud, plan *deploy.Plan, prices cost.Prices) error {
	input, err := cloud.Input(ctx, plan, "CREATE")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content any
	}{{"parameters.json", plan.Parameters}, {"changeset.json", input}} {
		path := filepath.Join(c.Out, file.name)
		err := writeFile(path, func(w io.Writer) error { return writeJSON(w, file.content) })
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, "wrote "+path)
	}
	fmt.Fprintf(p.stdout, "changeset.json makes stack %s; where it is there already, its ChangeSetType is UPDATE\n", plan.Stack)
	return showCost(p.stdout, prices, plan)
}

// writeFile writes a file anew.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// deploy uploads, proposes, asks, and carries out.
func (c *deployCommand) deploy(ctx context.Context, p *process, cloud *deploy.Cloud, plan *deploy.Plan, prices cost.Prices) error {
	if c.CreateAssetBucket {
		if err := cloud.CreateAssetBucket(ctx, plan); err != nil {
			return err
		}
	}
	written, err := cloud.Upload(ctx, plan)
	for _, key := range written {
		fmt.Fprintf(p.stdout, "uploaded s3://%s/%s\n", plan.Value("assetBucket"), key)
	}
	if err != nil {
		return err
	}
	proposal, err := cloud.Propose(ctx, plan)
	if err != nil {
		return err
	}
	if proposal == nil {
		fmt.Fprintf(p.stdout, "stack %s is as it should be: nothing to change\n", plan.Stack)
		return p.afterwards(ctx, cloud, plan.Stack)
	}
	showChanges(p.stdout, proposal)
	if err := showCost(p.stdout, prices, plan); err != nil {
		return err
	}
	if !c.Yes {
		carry, err := p.ask(ctx, fmt.Sprintf("Carry this out in stack %s, %s?", plan.Stack, cloud.Region))
		if err != nil || !carry {
			fmt.Fprintln(p.stdout, "the stack was not changed; what was uploaded stays for the next time")
			return errors.Join(err, cloud.Withdraw(context.WithoutCancel(ctx), proposal))
		}
	}
	err = cloud.Carry(ctx, proposal, p.tellEvent())
	if err != nil {
		return p.explain(err, cloud.Region, plan.Stack)
	}
	return p.afterwards(ctx, cloud, plan.Stack)
}
