package cloudformation

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/tests/cloud"
)

// smallest is a stack with nothing set that has a default.
var smallest = Stack{Name: "small", Region: "us-east-1", Partition: "aws", Parameters: map[string]string{
	"srcBucket": "from", "destBucket": "to", "alarmEmail": "me@example.com", "ec2VpcId": "vpc-1", "ec2Subnets": "subnet-1,subnet-2", "assetBucket": "assets",
}}

// configured boots and returns the job that dth then finds, and all that the boot wrote
// for the process.
func configured(t *testing.T, role string, stack Stack) (resolved job.Job, written string) {
	t.Helper()
	archive, sum := release(t, nil)
	b := boot(t, role, stack.with("assetSha256", sum), archive)
	if b.err != nil {
		t.Fatalf("%v: %s", b.err, b.said)
	}
	text := b.file(t, "etc/dth/dth.yaml")
	file, err := job.ParseFile("dth.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	resolved, err = job.Input{Files: []*job.File{file}}.Named("transfer")
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return resolved, text + b.file(t, "etc/dth/env") + b.file(t, "etc/systemd/system/dth-"+role+".service")
}

// What dth reads is what the form says, in the words of dth.
func TestJobIsWhatTheFormSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stack                    Stack
		source, destination      string
		class, events, maxDelete string
	}{
		"smallest": {smallest, "s3://from?credentials=anonymous", "s3://to?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "none", "10000"},
		"fullest": {
			fullest, "s3://from?endpoint=https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com&external-id=id-1&region=eu-west-1" +
				"&requester-pays=true&role-arn=arn:aws-cn:iam::444455556666:role/reader",
			"cos://to-125/below/?credentials=secret:keys/destination&endpoint=https://cos.example.com&region=ap-guangzhou", "", "CreateAndDelete", "77",
		},
		"folder": {smallest.with("srcPrefix", "a/b/", "srcInCurrentAccount", "true", "destPrefix", "c"), "s3://from/a/b/",
			"s3://to/c/a/b/?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "none", "10000"},
		"folder alone": {smallest.with("srcPrefix", "a/b/", "srcInCurrentAccount", "true", "destPrefix", "c", "keepSrcPrefix", "false"), "s3://from/a/b/",
			"s3://to/c/?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "none", "10000"},
		"beginning": {smallest.with("srcPrefix", "it's/2%*", "srcInCurrentAccount", "true", "srcEvent", "Create"), "s3://from/it's/2%25%2A*",
			"s3://to/it's/?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "Create", "10000"},
		"encrypted": {smallest.with("srcType", "Aliyun_OSS", "srcCredentials", "oss", "srcRegion", "cn-hangzhou", "destPutObjectSSEType", "AWS_KMS", "destPutObjectSSEKmsKeyId", "k-1", "destAcl", "private"),
			"oss://from?credentials=secret:oss&region=cn-hangzhou", "s3://to?acl=private&sse=aws:kms&sse-kms-key=k-1", "INTELLIGENT_TIERING", "none", "10000"},
		"by S3 itself": {smallest.with("srcType", "Qiniu_Kodo", "srcCredentials", "kodo", "srcRegion", "z0", "destPutObjectSSEType", "AES256", "destStorageClass", "STANDARD_IA"),
			"kodo://from?credentials=secret:kodo", "s3://to?acl=bucket-owner-full-control&sse=AES256", "STANDARD_IA", "none", "10000"},
		"another store": {smallest.with("srcEndpoint", "https://storage.example.com", "srcCredentials", "x", "srcRegion", "auto"),
			"s3compat://from?credentials=secret:x&endpoint=https://storage.example.com&region=auto", "s3://to?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "none", "10000"},
		"another store to write to, though the form says that Amazon's is ours": {smallest.with("destEndpoint", "https://minio.example.com", "destCredentials", "x"),
			"s3://from?credentials=anonymous", "s3compat://to?credentials=secret:x&endpoint=https://minio.example.com", "", "none", "10000"},
		"a product": {smallest.with("srcEndpoint", "https://minio.example.com", "srcCredentials", "x", "srcPlugin", "s3compat", "srcOptions", "profile=minio&addressing=path"),
			"s3compat://from?credentials=secret:x&addressing=path&endpoint=https://minio.example.com&profile=minio", "s3://to?acl=bucket-owner-full-control", "INTELLIGENT_TIERING", "none", "10000"},
		"a plugin of one's own": {smallest.with("srcInCurrentAccount", "true", "destPlugin", "tiny", "destOptions", "site=north", "destEndpoint", "https://tiny.example.com", "destPrefix", "c"), "s3://from",
			"tiny://to/c/?endpoint=https://tiny.example.com&site=north", "", "none", "10000"},
		"to another account": {smallest.with("srcInCurrentAccount", "true", "destInCurrentAccount", "false", "destRoleArn", "arn:aws:iam::444455556666:role/w"), "s3://from",
			"s3://to?acl=bucket-owner-full-control&role-arn=arn:aws:iam::444455556666:role/w", "INTELLIGENT_TIERING", "none", "10000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := configured(t, "worker", test.stack)
			got.Source.Store, got.Destination.Store = "", ""
			said := []string{got.Source.String(), got.Destination.String(), got.Settings.StorageClass, got.Settings.Fleet.Events, got.Settings.MaxDelete.Written}
			if diff := cmp.Diff([]string{test.source, test.destination, test.class, test.events, test.maxDelete}, said); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// reaches says where in what a process reads each parameter stands, by role; what is not
// here is of the stack alone.
var reaches = map[string]map[string]string{
	"srcType": {"both": "plugin: 's3'"}, "srcBucket": {"both": "source:from"}, "srcRegion": {"both": "region: 'eu-west-1'"}, "srcEndpoint": {"both": "vpce-1"},
	"srcInCurrentAccount": {"both": "  source:\n    plugin: 's3'\n    region"}, // and so no credentials
	"srcRoleArn":          {"both": "role-arn: 'arn:aws-cn:iam::444455556666:role/reader'"}, "srcExternalId": {"both": "external-id: 'id-1'"},
	"srcEvent": {"both": "events: 'CreateAndDelete'"}, "isPayerRequest": {"both": "requester-pays: 'true'"},
	"srcSkipCompare":     {"finder": "finder @transfer --skip-compare --prefixes-from ${DTH_LIST} --stack photos"},
	"srcPrefixsListFile": {"finder": `DTH_LIST="s3://lists/lists/a b%23.txt"`}, "srcPrefixListBucket": {"finder": `DTH_LIST="s3://lists/`},
	"destType": {"both": "plugin: 'cos'"}, "destBucket": {"both": "destination:to-125/"}, "destPrefix": {"both": "to-125/below/'"}, "destRegion": {"both": "ap-guangzhou"},
	"destEndpoint": {"both": "https://cos.example.com"}, "destCredentials": {"both": "secret:keys/destination"}, "destInCurrentAccount": {"both": "secret:keys/destination"},
	"includeMetadata": {"both": "metadata: 'none'"}, "workerNumber": {"worker": "transfers: '128'"}, "giantThresholdMiB": {"both": "giant-threshold: '512MiB'"},
	"maxDelete": {"both": "max-delete: '77'"}, "checkSeconds": {"both": "check-every: '30s'"}, "statusTtlDays": {"both": "status-days: '90'"},
}

// elsewhere are the parameters that other tests follow into the process: a stack with
// fullest's destination has no use for them.
var elsewhere = []string{
	"srcPrefix", "keepSrcPrefix", "srcCredentials", "srcPlugin", "srcOptions", "destPlugin", "destOptions", "destRoleArn", "destExternalId", "destStorageClass", "destAcl", "destPutObjectSSEType", "destPutObjectSSEKmsKeyId",
	"assetBucket", "assetPrefix", "assetSha256",
}

func TestParametersReachTheProcess(t *testing.T) {
	t.Parallel()
	resources := map[string]string{
		"both": "  queue: 'photos-Queue'\n  priority-queue: 'photos-PriorityQueue'\n  dead-letter-queue: 'photos-DeadLetterQueue'\n" +
			"  objects-table: 'photos-ObjectsTable'\n  parts-table: 'photos-PartsTable'\n  state-machine: 'photos-GiantStateMachine'\n",
		"finder": "  worker-group: 'photos-WorkerGroup'\n",
	}
	for _, role := range []string{"worker", "finder"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			_, written := configured(t, role, fullest)
			all := maps.Clone(reaches)
			all["the stack's resources"] = resources
			for parameter, places := range all {
				for _, place := range []string{places["both"], places[role]} {
					if !strings.Contains(written, place) {
						t.Errorf("%s does not reach the %s, which reads no %q:\n%s", parameter, role, place, written)
					}
				}
			}
		})
	}
}

// A parameter that changes nothing is a promise that is not kept.
func TestEveryParameterCounts(t *testing.T) {
	t.Parallel()
	template := read(t)
	ignored := []string{"finderDepth", "finderNumber"} // as their descriptions say
	outside := func(stack Stack) map[string]any {
		resources := template.RenderResources(stack)
		delete(resources["WorkerTemplate"].(map[string]any)["Properties"].(map[string]any)["LaunchTemplateData"].(map[string]any), "UserData")
		delete(resources["FinderTemplate"].(map[string]any)["Properties"].(map[string]any)["LaunchTemplateData"].(map[string]any), "UserData")
		return resources
	}
	for name, parameter := range template.Parameters {
		if slices.Contains(ignored, name) {
			if description := parameter.(map[string]any)["Description"].(string); !strings.Contains(description, "Taken and not used") {
				t.Errorf("%s does not say that it is not used", name)
			}
			continue
		}
		if reaches[name] != nil || slices.Contains(elsewhere, name) {
			continue
		}
		other := fullest.with(name, map[string]string{"finderEc2Memory": "8", "spotPercent": "0", "ec2Subnets": "subnet-3"}[name]+"")
		if other.Parameters[name] == "" {
			other = fullest.with(name, "other,other,other,other")
		}
		if cmp.Equal(outside(fullest), outside(other)) {
			t.Errorf("parameter %s changes nothing", name)
		}
	}
}

// The flags that units give are those of the commands.
func TestUnitsGiveFlagsThatThereAre(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"worker", "finder"} {
		_, written := configured(t, role, fullest)
		help, err := os.ReadFile("../../cmd/dth/testdata/help/dth-" + role + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(written, "ExecStart=")
		line, _, _ = strings.Cut(line, "\n")
		for word := range strings.FieldsSeq(line) {
			if strings.HasPrefix(word, "--") && !strings.Contains(string(help), word) {
				t.Errorf("dth %s has no flag %s", role, word)
			}
		}
	}
}

func TestUnitsAreSound(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("DTH_TEST_DISALLOW_SKIP") == "1" {
			t.Fatal("systemd-analyze is not installed: install the package systemd")
		}
		t.Skip("not run: systemd-analyze is not installed: install the package systemd")
	}
	archive, sum := release(t, nil)
	for _, role := range []string{"worker", "finder"} {
		b := boot(t, role, fullest.with("assetSha256", sum), archive)
		units, err := filepath.Glob(filepath.Join(b.root, "etc/systemd/system/*.service"))
		if err != nil || len(units) == 0 {
			t.Fatalf("units %v: %v", units, err)
		}
		for _, unit := range units { // programs are looked for on this machine
			content, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer("ExecStart=/opt/dth/dth", "ExecStart=/bin/sh", "/usr/bin/aws", "/bin/sh").Replace(string(content))
			if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command(program, append([]string{"verify", "--man=no", "--recursive-errors=no"}, units...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", role, err, out)
		}
	}
}

func TestBootScriptIsClean(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command(cloud.Check(t, "shellcheck"), folder+"boot.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
