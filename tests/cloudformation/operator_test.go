package cloudformation

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/deploy"
)

// open is a network with a way out, which the doctor looks for.
const open = `{"Resources": {
  "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
  "One": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a", "MapPublicIpOnLaunch": true}},
  "Two": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "us-east-1b", "MapPublicIpOnLaunch": true}},
  "Gateway": {"Type": "AWS::EC2::InternetGateway"},
  "Attachment": {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": {"VpcId": {"Ref": "Network"}, "InternetGatewayId": {"Ref": "Gateway"}}},
  "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Network"}}},
  "Out": {"Type": "AWS::EC2::Route", "DependsOn": "Attachment", "Properties": {"RouteTableId": {"Ref": "Table"}, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": {"Ref": "Gateway"}}},
  "FirstLeads": {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": {"SubnetId": {"Ref": "One"}, "RouteTableId": {"Ref": "Table"}}},
  "SecondLeads": {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": {"SubnetId": {"Ref": "Two"}, "RouteTableId": {"Ref": "Table"}}},
  "Image": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/images/al2023", "Type": "String", "Value": "ami-0123456789abcdef0"}}},
 "Outputs": {"ec2VpcId": {"Value": {"Ref": "Network"}}, "ec2Subnets": {"Value": {"Fn::Join": [",", [{"Ref": "One"}, {"Ref": "Two"}]]}}}}`

// operator is somebody with dth, some assets and an account.
type operator struct {
	t       *testing.T
	program string
	folder  string
	account *account
	outputs map[string]string // of the ground
	address string            // of the account
}

// graviton serves the emulator with one thing set right: it says of every type of instance
// that its processor is not of ARM, as if there were no other.
func graviton(t *testing.T, emulator string) string {
	t.Helper()
	target, err := url.Parse(emulator)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(answer *http.Response) error {
			body, err := io.ReadAll(answer.Body)
			if bytes.Contains(body, []byte("<DescribeInstanceTypesResponse")) {
				body = bytes.ReplaceAll(body, []byte("x86_64"), []byte("arm64"))
				answer.ContentLength = int64(len(body))
				answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
			}
			answer.Body = io.NopCloser(bytes.NewReader(body))
			return err
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// said is how a command ended.
type said struct {
	code           int
	stdout, stderr string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{t: t, folder: t.TempDir(), account: openAccount(t), outputs: map[string]string{}}
	o.address = graviton(t, *o.account.config.BaseEndpoint)
	o.program = filepath.Join(o.folder, "dth")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", o.program, "../../cmd/dth")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	programs, _ := release(t, nil)
	o.assets(programs)
	template, err := read(t).ForEmulator(*o.account.config.BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	o.write("template.json", []byte(template))
	for _, output := range o.account.create(t, "ground", open, nil).Outputs {
		o.outputs[*output.OutputKey] = *output.OutputValue
	}
	return o
}

// assets fills the folder beside the program, as "make assets" would.
func (o *operator) assets(programs []byte) {
	o.t.Helper()
	sums := ""
	for name, content := range map[string][]byte{"dth_linux_arm64.tar.gz": programs, "dth_lambda_linux_arm64.zip": function(o.t)} {
		o.write("assets/"+name, content)
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name)
	}
	o.write("assets/SHA256SUMS", []byte(sums))
}

func (o *operator) write(name string, content []byte) {
	o.t.Helper()
	path := filepath.Join(o.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
		o.t.Fatal(err)
	}
}

// command prepares a run of dth.
func (o *operator) command(arguments ...string) *exec.Cmd {
	command := exec.CommandContext(o.t.Context(), o.program, arguments...)
	command.Dir = o.folder
	command.Env = []string{
		"HOME=" + o.folder, "PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=" + o.address, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=tester", "AWS_SECRET_ACCESS_KEY=tester-secret", "AWS_EC2_METADATA_DISABLED=true",
	}
	return command
}

// dth runs dth to its end, without a terminal.
func (o *operator) dth(arguments ...string) said {
	o.t.Helper()
	command := o.command(arguments...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatal(err)
	}
	return said{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// deploy deploys with more arguments.
func (o *operator) deploy(more ...string) said {
	o.t.Helper()
	return o.dth(append([]string{
		"deploy", "s3://" + sourceBucket, "s3://copies", "--stack", stackName, "--asset-bucket", "programs", "--email", "me@example.com",
		"--vpc", o.outputs["ec2VpcId"], "--subnets", o.outputs["ec2Subnets"], "--min-workers", "0", "--desired-workers", "0", "--events", "Create",
		"--template", "template.json", "--parameter", "imageId=/images/al2023",
	}, more...)...)
}

// wants fails unless a command ended with the code and said all of the texts.
func (s said) wants(t *testing.T, code int, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.stdout+s.stderr, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if s.code != code || t.Failed() {
		t.Fatalf("exit code %d, want %d:\n%s\n%s", s.code, code, s.stdout, s.stderr)
	}
}

func (o *operator) stacks() []string {
	o.t.Helper()
	listed, err := o.account.stacks.DescribeStacks(o.t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		o.t.Fatal(err)
	}
	var names []string
	for _, stack := range listed.Stacks {
		names = append(names, *stack.StackName)
	}
	return names
}

// closed checks that a bucket is not for the public.
func (o *operator) closed(bucket string) {
	o.t.Helper()
	block, err := o.account.buckets.GetPublicAccessBlock(o.t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &bucket})
	if err != nil || !aws.ToBool(block.PublicAccessBlockConfiguration.BlockPublicPolicy) || !aws.ToBool(block.PublicAccessBlockConfiguration.IgnorePublicAcls) {
		o.t.Errorf("bucket %s is open: %v, %v", bucket, block, err)
	}
	if _, err := o.account.buckets.GetBucketEncryption(o.t.Context(), &s3.GetBucketEncryptionInput{Bucket: &bucket}); err != nil {
		o.t.Errorf("bucket %s is not encrypted: %v", bucket, err)
	}
}

// logs writes lines as machines do and reads them back in the order of time.
func (o *operator) logs(status deploy.Status) {
	o.t.Helper()
	worker, at := status.Outputs["WorkerLogGroupName"], time.Now().UnixMilli()
	for i, group := range []string{worker, status.Outputs["FinderLogGroupName"], worker} {
		o.put(group, i, at+int64(i))
	}
	all := o.dth("deploy", "logs", stackName)
	all.wants(o.t, 0)
	var texts []string
	for line := range strings.Lines(all.stdout) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		texts = append(texts, rest)
	}
	if diff := cmp.Diff([]string{"machine-0 line 0", "machine-1 line 1", "machine-2 line 2"}, texts); diff != "" {
		o.t.Errorf("logs (-want +got):\n%s", diff)
	}
	if finder := o.dth("deploy", "logs", stackName, "--finder"); strings.Contains(finder.stdout, "line 0") || !strings.Contains(finder.stdout, "line 1") {
		o.t.Errorf("logs of the finder:\n%s%s", finder.stdout, finder.stderr)
	}
	o.follows(worker)
}

// follows reads what there is, then what comes, until it is interrupted.
func (o *operator) follows(group string) {
	o.t.Helper()
	command := o.command("deploy", "logs", stackName, "--worker", "--follow")
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"line 0", "line 2", "line 3"} {
		if want == "line 3" {
			o.put(group, 3, time.Now().UnixMilli())
		}
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			o.t.Errorf("it says %q, want %q", lines.Text(), want)
		}
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		o.t.Error(err)
	}
	if err := command.Wait(); err != nil {
		o.t.Errorf("interrupted, it ends with %v", err)
	}
}

// put writes a line as a machine does.
func (o *operator) put(group string, number int, at int64) {
	o.t.Helper()
	client, stream := cloudwatchlogs.NewFromConfig(o.account.config), fmt.Sprintf("machine-%d", number)
	_, err1 := client.CreateLogStream(o.t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	_, err2 := client.PutLogEvents(o.t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: []types.InputLogEvent{
		{Message: aws.String(fmt.Sprintf("line %d", number)), Timestamp: &at},
	}})
	if err := errors.Join(err1, err2); err != nil {
		o.t.Fatal(err)
	}
}

// queue leaves a message in the queue of objects.
func (o *operator) queue(status deploy.Status) {
	o.t.Helper()
	_, err := sqs.NewFromConfig(o.account.config).SendMessage(o.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(status.Outputs["QueueUrl"]), MessageBody: aws.String("{}")})
	if err != nil {
		o.t.Fatal(err)
	}
}
