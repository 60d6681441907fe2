package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/deploy"
)

// fleets is a configuration with a job of each kind that people have.
const fleets = `stores:
  beijing: {plugin: s3, region: cn-north-1}
  virginia: {plugin: s3, region: us-east-1, credentials: secret:keys/virginia}
  hangzhou: {plugin: oss, region: cn-hangzhou, credentials: secret:keys/oss}
  qiniu: {plugin: kodo, credentials: secret:keys/kodo}
jobs:
  china-to-global:
    source: beijing:photos/2024/
    destination: virginia:photos-copy/from-china/2024/
    events: CreateAndDelete
    max-delete: 500
    storage-class: INTELLIGENT_TIERING
    stack-region: cn-north-1
    spot: 100
    min-workers: 0
    desired-workers: 0
    max-workers: 10
  oss-to-s3:
    source: hangzhou:photos/a*
    destination: s3://photos-copy/oss/?region=eu-central-1
    sse: aws:kms=arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012
    transfers: 128
    giant-threshold: 512MiB
    stack-region: eu-central-1
    stack: oss
    cron: 0 3 * * ? *
  kodo-to-s3:
    source: qiniu:photos
    destination: s3://photos-copy/kodo/
    metadata: none
    events: none
    cron: once
    stack-region: us-east-1
    finder-memory: 16
    instance-types: c6gn.medium,c7gn.medium,m6g.medium,c7g.medium
    permissions-boundary: arn:aws:iam::111122223333:policy/boundary
defaults:
  asset-bucket: my.assets
  email: me@example.com
  vpc: vpc-1
  subnets: subnet-private1,subnet-private2
`

// withAssets fills bin/assets, as "make assets" would.
func (p *program) withAssets() {
	p.t.Helper()
	sums := ""
	for _, name := range []string{"dth_linux_arm64.tar.gz", "dth_lambda_linux_arm64.zip"} {
		p.write("bin/assets/"+name, "content of "+name)
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte("content of "+name)), name)
	}
	p.write("bin/assets/SHA256SUMS", sums)
}

// ofTemplate is what says which template is used, in its key.
var ofTemplate = regexp.MustCompile(`template-[0-9a-f]{12}\.`)

// A dry run needs no account: whoever is asked for anything is written down, and nobody is.
func TestDeployDryRun(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.String() + r.Host
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	for _, name := range []string{"china-to-global", "oss-to-s3", "kodo-to-s3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.env = append(p.env, "HTTPS_PROXY="+server.URL, "HTTP_PROXY="+server.URL)
			p.write("dth.yaml", fleets)
			p.withAssets()
			got := p.run("deploy", "@"+name, "--dry-run", "--out", "plan")
			if got.code != exitDone || got.stderr != "" {
				t.Fatalf("%+v", got)
			}
			stdout, estimate, ok := strings.Cut(got.stdout, "\n\n") // whose goldens are those of core/cost
			if !ok || estimate == "" {
				t.Errorf("it does not say what it costs: %s", got.stdout)
			}
			golden(t, "deploy/"+name+"/stdout.txt", stdout+"\n")
			files, err := os.ReadDir(filepath.Join(p.folder, "plan"))
			if err != nil || len(files) != 2 {
				t.Errorf("it wrote %v, %v", files, err)
			}
			for _, file := range files {
				content, err := os.ReadFile(filepath.Join(p.folder, "plan", file.Name()))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, "deploy/"+name+"/"+file.Name(), ofTemplate.ReplaceAllString(string(content), "template-SHA."))
			}
			select {
			case request := <-asked:
				t.Errorf("it asked for %s", request)
			default:
			}
		})
	}
}

// Mistakes are told before anything is asked of AWS, with what to do about them.
func TestDeployRefuses(t *testing.T) {
	t.Parallel()
	all := []string{"--stack", "x", "--email", "me@example.com", "--vpc", "vpc-1", "--subnets", "subnet-1,subnet-2", "--asset-bucket", "assets", "--stack-region", "eu-west-1"}
	for name, c := range map[string]struct {
		args   []string
		stderr []string
		code   int
	}{
		"nothing":        {[]string{"s3://a", "s3://b", "--stack-region", "eu-west-1"}, []string{"the stack needs --stack, --email, --vpc, --subnets, --asset-bucket", "DTH_EMAIL"}, exitUsage},
		"no region":      {append(all[:10:10], "s3://a", "s3://b"), []string{"no region is named", "--stack-region", "AWS_REGION"}, exitUsage},
		"no assets":      {append(all, "s3://a", "s3://b", "--assets", "nowhere"), []string{"there are no assets in nowhere", "make assets"}, exitSetup},
		"option":         {append(all, "mem://a?colour=red", "s3://b"), []string{`unknown option "colour" of plugin mem`}, exitUsage},
		"profile":        {append(all, "s3://a", "s3://b", "--source-credentials", "profile:cn"), []string{"--source-credentials", "profile", "secret:NAME"}, exitUsage},
		"parameter":      {append(all, "s3://a", "s3://b", "--parameter", "finderMemory=8"), []string{`unknown parameter "finderMemory"`, "finderEc2Memory"}, exitUsage},
		"no value":       {append(all, "s3://a", "s3://b", "--parameter", "finderEc2Memory"), []string{`"finderEc2Memory" is not NAME=VALUE`}, exitUsage},
		"wrong value":    {append(all, "s3://a", "s3://b", "--spot", "30"), []string{`--spot: "30" cannot be parameter spotPercent of the stack: write one of 0, 25, 50, 75, 100`}, exitUsage},
		"wrong template": {append(all, "s3://a", "s3://b", "--template", "dth.yaml"), []string{"--template", "takes no parameters"}, exitUsage},
		"local list":     {append(all, "s3://a", "s3://b", "--prefixes-from", "list.txt"), []string{"--prefixes-from", "upload it"}, exitUsage},
		"two mistakes":   {append(all, "s3://a", "s3://b", "--transfers", "10", "--cron", "hourly"), []string{"--transfers: ", "write 16", "--cron: "}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.write("dth.yaml", "defaults: {compare: auto}\n")
			p.withAssets()
			got := p.run(append([]string{"deploy", "--dry-run"}, c.args...)...)
			for _, text := range c.stderr {
				if !strings.Contains(got.stderr, text) {
					t.Errorf("it does not say %q", text)
				}
			}
			if got.code != c.code || t.Failed() {
				t.Errorf("%+v", got)
			}
			if left, _ := filepath.Glob(filepath.Join(p.folder, "*.json")); len(left) > 0 {
				t.Errorf("it wrote %v", left)
			}
		})
	}
}

func TestDeployAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "no, yes": false} {
		var out strings.Builder
		got, err := askOn(t.Context(), strings.NewReader(answer), &out, "Go on?")
		if got != want || err != nil || out.String() != "Go on? [y/N] " {
			t.Errorf("answer %q: %v, %v, %q", answer, got, err, &out)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, _ := io.Pipe()
	if got, err := askOn(ctx, silent, io.Discard, "Go on?"); got || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, %v", got, err)
	}
}

func TestDeployTellsEvents(t *testing.T) {
	t.Parallel()
	for want, event := range map[string]deploy.Event{
		"CREATE_COMPLETE              Queue":                  {Status: "CREATE_COMPLETE", Resource: "Queue"},
		"CREATE_FAILED                Queue: no  right to it": {Status: "CREATE_FAILED", Resource: "Queue", Reason: "no\x1b right to it"},
	} {
		if got := eventLine(event); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDeployShowsChecks(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	checks := []deploy.Check{{Name: "credentials", State: deploy.Fine, Detail: "you"}, {Name: "Spot quota", State: deploy.Unknown, Detail: "AccessDenied", Do: "allow it"}}
	if err := showChecks(&out, checks); err != nil {
		t.Errorf("what is unknown stops the deployment: %v", err)
	}
	checks = append(checks, deploy.Check{Name: "subnets", State: deploy.Failed, Detail: "one zone", Do: "name two"})
	err := showChecks(&out, checks)
	if err == nil || !strings.Contains(err.Error(), "1 of 3 checks failed, and nothing was written") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "failed   subnets      one zone\n                      -> name two\n") {
		t.Errorf("%s", &out)
	}
}

// A job for one machine is deployed as it stands: what a fleet cannot carry is taken back.
func TestDeployTakesBack(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("dth.yaml", "stores:\n  cn: {plugin: s3, credentials: profile:cn}\njobs:\n  photos: {source: 'cn:a', destination: 's3://b', delete: true, compare: size}\n"+fleets[strings.Index(fleets, "defaults:"):])
	p.withAssets()
	arguments := []string{"deploy", "@photos", "--dry-run", "--stack-region", "us-east-1"}
	refused := p.run(arguments...)
	for _, want := range []string{"DTH_DELETE=false", "DTH_COMPARE=auto", "--source-credentials= takes them away"} {
		if !strings.Contains(refused.stderr, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	p.env = append(p.env, "DTH_DELETE=false", "DTH_COMPARE=auto")
	if got := p.run(append(arguments, "--source-credentials=")...); refused.code != exitSetup || got.code != exitDone {
		t.Errorf("%+v, then %+v", refused, got)
	}
}

// Prices are the user's where the user has some; a fleet is deployed where there are none.
func TestDeployTellsCost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"known":     {nil, "a TB copied", exitDone},
		"unknown":   {[]string{"--stack-region", "xx-north-9"}, "no estimate of the cost: ", exitDone},
		"no file":   {[]string{"--prices", "nowhere.yaml"}, "--prices: open nowhere.yaml", exitUsage},
		"no prices": {[]string{"--prices", "dth.yaml"}, "--prices: ", exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.write("dth.yaml", fleets)
			p.withAssets()
			got := p.run(append([]string{"deploy", "@kodo-to-s3", "--dry-run"}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.want) {
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

// What to do next depends on what became of the stack.
func TestDeployExplains(t *testing.T) {
	t.Parallel()
	const look = "dth deploy status photos --stack-region eu-west-1"
	for want, err := range map[string]error{
		"goes on by itself: " + look:                                                                                                                 fmt.Errorf("read: %w", &deploy.LeftError{Err: context.Canceled}),
		"nothing is known to have begun in the stack: " + look:                                                                                       fmt.Errorf("carry out: %w", context.Canceled),
		"mend that, then: dth deploy delete photos --stack-region eu-west-1, and deploy again":                                                       &deploy.FailedError{Status: "ROLLBACK_COMPLETE"},
		"the stack is as it was before: mend that, and deploy again; " + look:                                                                        &deploy.FailedError{Status: "UPDATE_ROLLBACK_COMPLETE"},
		"parts of the stack are left: mend that, then: dth deploy delete photos --stack-region eu-west-1":                                            &deploy.FailedError{Status: "ROLLBACK_FAILED"},
		"neither as it was nor as it should be: mend that, then: aws cloudformation continue-update-rollback --region eu-west-1 --stack-name photos": &deploy.FailedError{Status: "UPDATE_ROLLBACK_FAILED"},
		"see how the stack is: " + look:                                                                                                              &deploy.FailedError{Status: "UPDATE_FAILED"},
		"delete it again; " + look:                                                                                                                   &deploy.FailedError{Status: "DELETE_FAILED"},
	} {
		var stderr strings.Builder
		p := &process{stderr: &stderr}
		if got := p.explain(err, "eu-west-1", "photos"); !errors.Is(got, err) || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: %v, %s", err, got, &stderr)
		}
	}
	if got := exitCode(context.Canceled); got != exitInterrupted {
		t.Errorf("interrupted, it ends with %d", got)
	}
}

// A stack of others is not deleted, whatever was answered.
func TestDeployDeleteRefusesOthers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if action := r.FormValue("Action"); action != "DescribeStacks" {
			t.Errorf("it asked for %s", action)
		}
		fmt.Fprint(w, "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>web</StackName><StackId>i</StackId><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>")
	}))
	t.Cleanup(server.Close)
	p := newProgram(t)
	p.env = append(p.env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=eu-west-1")
	got := p.run("deploy", "delete", "web", "--yes")
	if got.code != exitSetup || !strings.Contains(got.stderr, "stack web is not one of dth") || got.stdout != "" {
		t.Errorf("%+v", got)
	}
}
