package cloudformation

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// account is an emulated one with a stack in it.
type account struct {
	config  aws.Config
	stacks  *cloudformation.Client
	buckets *s3.Client
	groups  *autoscaling.Client
	foreign []s3types.QueueConfiguration // of the source, by somebody else
}

const (
	stackName    = "dth-test"
	assetBucket  = "assets"
	sourceBucket = "photos"
)

// openAccount starts MiniStack with the two buckets that a stack wants to find: that of
// programs with the function, and the source with somebody else's notification.
func openAccount(t *testing.T) *account {
	t.Helper()
	server := cloud.StartForTest(t, cloud.MiniStack)
	config := server.Config()
	a := &account{
		config: config, stacks: cloudformation.NewFromConfig(config), groups: autoscaling.NewFromConfig(config),
		buckets: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	for _, name := range []string{assetBucket, sourceBucket, "copies"} {
		if _, err := a.buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := a.buckets.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(assetBucket), Key: aws.String("v1/dth_lambda_linux_arm64.zip"), Body: bytes.NewReader(function(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	audit, err := sqs.NewFromConfig(config).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("audit")})
	if err != nil {
		t.Fatal(err)
	}
	a.foreign = []s3types.QueueConfiguration{{
		Id: aws.String("audit"), Events: []s3types.Event{"s3:ObjectRemoved:*"},
		QueueArn: aws.String("arn:aws:sqs:us-east-1:000000000000:" + (*audit.QueueUrl)[strings.LastIndexByte(*audit.QueueUrl, '/')+1:]),
	}}
	_, err = a.buckets.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(sourceBucket), NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: a.foreign},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// function builds the function for this machine and packs it as AWS Lambda wants it.
func function(t *testing.T) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", program, "../../infra/cloudformation/lambda")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	file, err := archive.CreateHeader(header)
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// ground is what a stack of ours stands on: a network, and the name of an image.
const ground = `{"Resources": {
  "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
  "One": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"}},
  "Two": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "us-east-1b"}},
  "Ways": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Network"}}},
  "Image": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/images/al2023", "Type": "String", "Value": "ami-0123456789abcdef0"}}},
 "Outputs": {"ec2VpcId": {"Value": {"Ref": "Network"}}, "ec2Subnets": {"Value": {"Fn::Join": [",", [{"Ref": "One"}, {"Ref": "Two"}]]}}, "imageId": {"Value": "/images/al2023"}, "vpcRouteTableIds": {"Value": {"Ref": "Ways"}}}}`

// settle waits until a stack is no longer in progress and returns it.
func (a *account) settle(t *testing.T, id string) types.Stack {
	t.Helper()
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		described, err := a.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &id})
		if err != nil {
			t.Fatal(err)
		}
		if stack := described.Stacks[0]; !strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") {
			return stack
		}
		select {
		case <-t.Context().Done():
			t.Fatal(context.Cause(t.Context()))
		case <-tick.C:
		}
	}
}

// events says what went wrong with a stack.
func (a *account) events(t *testing.T, id string) string {
	t.Helper()
	told, err := a.stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, event := range told.StackEvents {
		if aws.ToString(event.ResourceStatusReason) != "" {
			lines = append(lines, fmt.Sprintf("%s %s: %s", aws.ToString(event.LogicalResourceId), event.ResourceStatus, *event.ResourceStatusReason))
		}
	}
	return strings.Join(lines, "\n")
}

// upload puts a template where CloudFormation reads it: inline it takes 50 KiB alone.
func (a *account) upload(t *testing.T, template string) *string {
	t.Helper()
	_, err := a.buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(assetBucket), Key: aws.String("template.json"), Body: strings.NewReader(template)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.String(*a.config.BaseEndpoint + "/" + assetBucket + "/template.json")
}

func (a *account) create(t *testing.T, name, template string, parameters []types.Parameter) types.Stack {
	t.Helper()
	created, err := a.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateURL: a.upload(t, template), Parameters: parameters, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	if err != nil {
		t.Fatal(err)
	}
	stack := a.settle(t, *created.StackId)
	if stack.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("stack %s is %s:\n%s", name, stack.StackStatus, a.events(t, *created.StackId))
	}
	return stack
}

func (a *account) update(t *testing.T, id, template string, parameters []types.Parameter) {
	t.Helper()
	_, err := a.stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: &id, TemplateURL: a.upload(t, template), Parameters: parameters, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	if err != nil {
		t.Fatal(err)
	}
	if stack := a.settle(t, id); stack.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("stack is %s:\n%s", stack.StackStatus, a.events(t, id))
	}
}

// notified returns the source's notifications: the queue, the prefix and the events of each.
func (a *account) notified(t *testing.T) []string {
	t.Helper()
	is, err := a.buckets.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String(sourceBucket)})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range is.QueueConfigurations {
		line := aws.ToString(c.Id)
		if c.Filter != nil && c.Filter.Key != nil && len(c.Filter.Key.FilterRules) > 0 {
			line += " " + aws.ToString(c.Filter.Key.FilterRules[0].Value)
		}
		for _, event := range c.Events {
			line += " " + string(event)
		}
		found = append(found, line)
	}
	slices.Sort(found)
	return found
}

// asRendered is the test's stack, whose function does all that one can do.
var asRendered = Stack{Name: stackName, Region: "us-east-1", Partition: "aws", Parameters: map[string]string{"srcBucket": sourceBucket, "srcEvent": "Create"}}

// parametersOf adds to the ground's outputs, which are parameters of the stack.
func parametersOf(ground types.Stack, more map[string]string) []types.Parameter {
	values := map[string]string{
		"srcBucket": sourceBucket, "destBucket": "copies", "srcInCurrentAccount": "true", "alarmEmail": "me@example.com", "assetBucket": assetBucket, "assetPrefix": "v1/",
		"assetSha256": strings.Repeat("0", 64), "minCapacity": "0", "desiredCapacity": "0", "srcEvent": "Create", "vpcEndpoints": "All",
	}
	for _, output := range ground.Outputs {
		values[*output.OutputKey] = *output.OutputValue
	}
	for name, value := range more {
		values[name] = value
	}
	var parameters []types.Parameter
	for name, value := range values {
		parameters = append(parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
	}
	return parameters
}

// The whole life of a stack, but for its instances: EC2 is emulated by name alone.
func TestStackComesAndGoes(t *testing.T) {
	t.Parallel()
	a := openAccount(t)
	door, endpoint := proxy.StartForTest(t, proxy.Config{Default: *a.config.BaseEndpoint, Seed: 1, Record: true}) // of the function
	template, err := read(t).ForEmulator(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	before := a.inventory(t)
	ground := a.create(t, "ground", ground, nil)
	stack := a.create(t, stackName, template, parametersOf(ground, nil))
	a.holdsAll(t, before)
	outputs := map[string]string{}
	for _, output := range stack.Outputs {
		outputs[*output.OutputKey] = *output.OutputValue
	}
	for name := range read(t).Outputs {
		if outputs[name] == "" {
			t.Errorf("output %s is empty", name)
		}
	}
	if address, err := url.Parse(outputs["QueueUrl"]); err != nil || !strings.HasSuffix(address.Path, outputs["QueueName"]) {
		t.Errorf("QueueUrl is %q, QueueName %q", outputs["QueueUrl"], outputs["QueueName"])
	}

	own := "dth-" + stackName
	check := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, a.notified(t)); diff != "" {
			t.Fatalf("notifications of the source %s (-want +got):\n%s", when, diff)
		}
	}
	const others = "audit s3:ObjectRemoved:*"
	check("after create", others, own+" s3:ObjectCreated:* s3:ObjectRestore:Completed")
	a.update(t, *stack.StackId, template, parametersOf(ground, map[string]string{"srcPrefix": "2024/"}))
	check("after an update", others, own+" 2024/ s3:ObjectCreated:* s3:ObjectRestore:Completed")
	a.update(t, *stack.StackId, template, parametersOf(ground, map[string]string{"srcPrefix": "2025/", "srcEvent": "CreateAndDelete"}))
	check("after two", others, own+" 2025/ s3:ObjectCreated:* s3:ObjectRestore:Completed s3:ObjectRemoved:* s3:LifecycleExpiration:*")

	a.finderStarts(t, outputs["FinderASGName"])
	a.remove(t, *stack.StackId)
	check("after delete", others)
	holds(t, read(t).Grants(asRendered, "FunctionRole"), needsOf(door.Calls(), outputs["FinderASGName"]),
		map[string]string{"Logs": "AWS Lambda writes the function's log itself"})
	a.remove(t, *ground.StackId)
	if diff := cmp.Diff(before, a.inventory(t)); diff != "" {
		t.Errorf("the stack leaves something behind (-before +after):\n%s", diff)
	}
}

// holdsAll looks whether there is more of everything than before: what is listed nowhere
// would not be missed when it stays.
func (a *account) holdsAll(t *testing.T, before map[string][]string) {
	t.Helper()
	for kind, names := range a.inventory(t) {
		if len(names) <= len(before[kind]) {
			t.Errorf("the stack makes no %s", kind)
		}
	}
}

// finderStarts takes the finder's instance away and waits until the schedule has the
// function start another one.
func (a *account) finderStarts(t *testing.T, group string) {
	t.Helper()
	capacity := func() int32 {
		described, err := a.groups.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{group}})
		if err != nil || len(described.AutoScalingGroups) != 1 {
			t.Fatalf("group %s: %v, %v", group, described, err)
		}
		return aws.ToInt32(described.AutoScalingGroups[0].DesiredCapacity)
	}
	if got := capacity(); got != 1 {
		t.Errorf("a new stack has %d finders", got)
	}
	if _, err := a.groups.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &group, DesiredCapacity: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(time.Second); capacity() != 1; {
		select {
		case <-t.Context().Done():
			t.Fatal("the schedule starts no finder")
		case <-tick.C:
		}
	}
}

func (a *account) remove(t *testing.T, id string) {
	t.Helper()
	if _, err := a.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	if stack := a.settle(t, id); stack.StackStatus != types.StackStatusDeleteComplete {
		t.Fatalf("stack is %s:\n%s", stack.StackStatus, a.events(t, id))
	}
}
