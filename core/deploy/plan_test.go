package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
)

const templatePath = "../../infra/cloudformation/dth.yaml"

func template(t *testing.T) *deploy.Template {
	t.Helper()
	text, err := os.ReadFile(templatePath)
	if err != nil {
		t.Fatal(err)
	}
	read, err := deploy.ReadTemplate(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// zeros stands for a checksum.
var zeros = strings.Repeat("0", 64)

// request asks for a stack in eu-west-1 with all that must be said, and more settings as
// NAME=VALUE.
func request(t *testing.T, source, destination string, more ...string) deploy.Request {
	t.Helper()
	in := job.Input{Flags: map[string]job.Value{}}
	for _, pair := range append([]string{"stack=photos", "email=me@example.com", "vpc=vpc-1", "subnets=subnet-1,subnet-2", "asset-bucket=assets"}, more...) {
		name, value, _ := strings.Cut(pair, "=")
		in.Flags[name] = job.Value{Text: value, Origin: job.Origin{Where: "--" + name, Usage: true}}
	}
	resolved, err := in.Sync(source, destination)
	if err != nil {
		t.Fatal(err)
	}
	return deploy.Request{
		Job: resolved, Template: template(t), Region: "eu-west-1", Own: map[string]string{},
		Assets: deploy.Assets{Prefix: "dth/1/", Programs: zeros, Function: zeros},
	}
}

// Nothing that a job says is lost in silence.
func TestDrawRefusesWhatAFleetCannotCarry(t *testing.T) {
	t.Parallel()
	const from, to = "s3://from", "s3://to"
	for name, c := range map[string]struct {
		source, destination string
		settings            []string
		want                []string
	}{
		"env":                {from + "?credentials=env:SRC", to, nil, []string{"source", "of the kind env are of this machine", "--source-credentials secret:NAME"}},
		"file":               {from, to + "?credentials=file:/etc/keys", nil, []string{"destination", "of the kind file", "--destination-credentials secret:NAME"}},
		"profile":            {from + "?credentials=profile:cn", to, nil, []string{"of the kind profile", "--source-credentials= takes them away"}},
		"exec":               {from + "?credentials=exec:x", to, nil, []string{"of the kind exec"}},
		"ARN of a secret":    {from + "?credentials=secret:arn:aws:secretsmanager:x", to, nil, []string{"by their names", "secret:NAME"}},
		"keyless OSS":        {"oss://from", to, nil, []string{"no keys for plugin oss", "secret:NAME"}},
		"keyless S3 store":   {"s3compat://from?endpoint=https://x.example.com", to, nil, []string{"no keys for plugin s3compat"}},
		"anonymous Kodo":     {"kodo://from?credentials=anonymous", to, nil, []string{"a fleet cannot use credentials of the kind anonymous here"}},
		"anonymous role":     {from + "?credentials=anonymous&role-arn=arn:aws:iam::444455556666:role/r", to, nil, []string{"anonymous"}},
		"federation":         {from + "?web-identity-role=arn:aws-cn:iam::444455556666:role/r", to, nil, []string{"no token of another partition", "--source-credentials secret:NAME"}},
		"blank option":       {"s3compat://from?profile=a b&credentials=secret:x", to, nil, []string{"option profile holds a character that the stack's form cannot"}},
		"class of COS":       {from, "cos://to-1?credentials=secret:x", []string{"storage-class=STANDARD_IA"}, []string{"--storage-class: the stack writes storage classes to Amazon S3 alone"}},
		"foreign endpoint":   {from + "?endpoint=https://x.example.com", to, nil, []string{"not of AWS", "s3compat://"}},
		"key by alias":       {from, to, []string{"sse=aws:kms=alias/mine"}, []string{"--sse: ", "by its alias", "--kms-keys"}},
		"double encryption":  {from, to, []string{"sse=aws:kms:dsse"}, []string{`cannot encrypt by "aws:kms:dsse"`}},
		"class of source":    {from, to, []string{"storage-class=source"}, []string{"--storage-class: the stack writes one storage class", "STANDARD_IA"}},
		"archive":            {from, to, []string{"storage-class=GLACIER"}, []string{`--storage-class: "GLACIER" cannot be parameter destStorageClass`, "write one of STANDARD"}},
		"delete":             {from, to, []string{"delete=true"}, []string{"--delete: a fleet deletes nothing", "--events CreateAndDelete"}},
		"tags":               {from, to, []string{"tags=true"}, []string{"--tags: the stack has no field for tags"}},
		"compare":            {from, to, []string{"compare=size"}, []string{"--compare: "}},
		"unmappable":         {from, to, []string{"unmappable=encode"}, []string{"--unmappable: "}},
		"server-side":        {from, to, []string{"server-side=never"}, []string{"--server-side: "}},
		"memory":             {from, to, []string{"memory=64MiB"}, []string{"--memory: "}},
		"attempts":           {from, to, []string{"attempts=3"}, []string{"--attempts: "}},
		"lease":              {from, to, []string{"lease=1m"}, []string{"--lease: "}},
		"transfers":          {from, to, []string{"transfers=17"}, []string{"--transfers: ", "write 32"}},
		"giants":             {from, to, []string{"giant-threshold=6000000"}, []string{"--giant-threshold: ", "write 6MiB"}},
		"share":              {from, to, []string{"max-delete=20%"}, []string{"--max-delete: ", "by the hour"}},
		"events elsewhere":   {from + "?region=us-east-1", to, []string{"events=Create"}, []string{"--events: bucket from is in us-east-1", "the stack is to be in eu-west-1", "--stack-region us-east-1"}},
		"events of a store":  {"s3compat://from?endpoint=https://x.example.com&credentials=secret:x", to, []string{"events=Create"}, []string{"--events: ", "--events none"}},
		"one subnet":         {from, to, []string{"subnets=subnet-1"}, []string{"--subnets: one subnet is not enough"}},
		"e-mail":             {from, to, []string{"email=me"}, []string{`--email: "me" cannot be parameter alarmEmail of the stack: write an e-mail address`}},
		"more than e-mail":   {from, to, []string{"email=to me@example.com"}, []string{"--email: "}},
		"workers":            {from, to, []string{"min-workers=5"}, []string{"1 workers to begin with, of 5 at least and 20 at most"}},
		"no workers":         {from, to, []string{"max-workers=0"}, []string{"--max-workers: ", "write 1 or more"}},
		"not a number":       {from, to, []string{"max-workers=many"}, []string{"write a number"}},
		"name":               {from, to, []string{"stack=my_stack"}, []string{`--stack: "my_stack" cannot name a stack`}},
		"three types":        {from, to, []string{"instance-types=a.b,a.c"}, []string{"--instance-types: ", "write four types with commas between them"}},
		"everything at once": {"oss://from", to, []string{"delete=true", "email=x"}, []string{"plugin oss", "--delete", "--email"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := deploy.Draw(request(t, c.source, c.destination, c.settings...))
			if err == nil {
				t.Fatalf("a stack is made of it: %v", plan.Parameters)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
		})
	}
}

func TestDrawRefusesLists(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, list, want string }{
		"with a prefix":    {"s3://from/a/", "s3://from/list.txt", "a list takes the place of the source's prefix"},
		"of another store": {"s3://from", "oss://lists/list.txt", "stands in another store"},
		"with options":     {"s3://from", "s3://lists/list.txt?region=us-east-1", "leave its options and credentials out"},
	} {
		r := request(t, c.source, "s3://to")
		var err error
		if r.PrefixesFrom, err = job.ParseObject(c.list); err != nil {
			t.Fatal(err)
		}
		if _, err := deploy.Draw(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is given by the template's own names counts most, and is checked as well.
func TestDrawTakesParameters(t *testing.T) {
	t.Parallel()
	r := request(t, "s3://from", "s3://to", "spot=50%")
	r.Own = map[string]string{"spotPercent": "75", "destStorageClass": "STANDARD_IA"}
	plan, err := deploy.Draw(r)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Value("spotPercent") != "75" || plan.Value("destStorageClass") != "STANDARD_IA" || plan.Value("minCapacity") != "1" || plan.Value("nothing") != "" {
		t.Errorf("%v", plan.Parameters)
	}
	for name, want := range map[string]string{"workerNumber": "write 64 or less", "assetSha256": "worked out from the assets", "spotpercent": `did you mean "spotPercent"?`} {
		r.Own = map[string]string{name: "65"}
		if _, err := deploy.Draw(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys of AWS KMS are allowed to the roles, those of the job and those of the flag alike.
func TestDrawAllowsKeys(t *testing.T) {
	t.Parallel()
	const own, other = "arn:aws:kms:eu-west-1:111122223333:key/1", "arn:aws:kms:eu-west-1:111122223333:key/2"
	for name, c := range map[string]struct {
		settings []string
		want     string
	}{
		"of the job":  {[]string{"sse=aws:kms=" + own}, own},
		"of the flag": {[]string{"kms-keys=" + other}, other},
		"of both":     {[]string{"sse=aws:kms=" + own, "kms-keys=" + other}, own + "," + other},
		"by id":       {[]string{"sse=aws:kms=1"}, ""},
	} {
		plan, err := deploy.Draw(request(t, "s3://from", "s3://to", c.settings...))
		if err != nil || plan.Value("kmsKeyArns") != c.want {
			t.Errorf("%s: %v, %v", name, plan, err)
		}
	}
}

func TestDrawNotes(t *testing.T) {
	t.Parallel()
	plan, err := deploy.Draw(request(t, "oss://from?credentials=secret:x", "s3://to?acl=private", "events=Create"))
	if err != nil || len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "notifications of oss://from") {
		t.Errorf("%v, %v", plan, err)
	}
}

func TestReadTemplateRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"{": "no template in YAML or JSON", "a: b": "takes no parameters", "- a": "no mapping", "": "--template"} {
		if _, err := deploy.ReadTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReadAssets(t *testing.T) {
	t.Parallel()
	const programs, lambda = "dth_linux_arm64.tar.gz", "dth_lambda_linux_arm64.zip"
	sums := "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae  " + programs + "\nfcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9  " + lambda + "\n"
	write := func(files map[string]string) string {
		dir := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	good, err := deploy.ReadAssets(write(map[string]string{programs: "foo", lambda: "bar", "SHA256SUMS": sums}), "1.2.3+a b")
	if err != nil || !strings.HasPrefix(good.Prefix, "dth/1.2.3-a-b-") || len(good.Prefix) != len("dth/1.2.3-a-b-0123456789ab/") || good.Programs != sums[:64] {
		t.Errorf("%+v, %v", good, err)
	}
	for want, files := range map[string]map[string]string{
		"there are no assets in":                     {programs: "foo", lambda: "bar"},
		"does not name " + lambda:                    {programs: "foo", lambda: "bar", "SHA256SUMS": sums[:90]},
		"no such file":                               {programs: "foo", "SHA256SUMS": sums},
		"it was changed or half written: run \"make": {programs: "food", lambda: "bar", "SHA256SUMS": sums},
	} {
		if _, err := deploy.ReadAssets(write(files), "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestDashboardURL(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1":     "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/photos-eu-west-1",
		"cn-north-1":    "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#dashboards/dashboard/photos-cn-north-1",
		"us-gov-west-1": "https://console.amazonaws-us-gov.com/cloudwatch/home?region=us-gov-west-1#dashboards/dashboard/photos-us-gov-west-1",
	} {
		if got := deploy.DashboardURL(region, "photos-"+region); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
}
