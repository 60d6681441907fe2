package cloudformation

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/deploy"
)

// The whole life of a fleet by the command line alone.
func TestDeploy(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	before := o.account.inventory(t)

	o.deploy("--yes").wants(t, 3, "there is no bucket programs", "--create-asset-bucket", "nothing was written")
	o.deploy("--create-asset-bucket").wants(t, 2, "--yes")
	checked := o.deploy("--check", "--create-asset-bucket")
	checked.wants(t, 0, "bucket programs is to be made in us-east-1", stackName+" is to be made", "a TB copied")
	if _, err := os.Stat(filepath.Join(o.folder, "parameters.json")); err == nil {
		t.Error("a check writes files")
	}
	o.deploy("--check", "--dry-run").wants(t, 3, "there is no bucket programs")
	o.deploy("--check", "--dry-run", "--create-asset-bucket").wants(t, 0, "ok", "wrote changeset.json")
	if _, err := o.account.buckets.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("programs")}); err == nil {
		t.Error("a check makes a bucket")
	}
	if stacks := o.stacks(); slices.Contains(stacks, stackName) {
		t.Fatalf("there are stacks %v though nothing was to be written", stacks)
	}
	made := o.deploy("--yes", "--create-asset-bucket")
	made.wants(t, 0, "uploaded s3://programs/dth/", "Add ", "AWS::SQS::Queue", "a TB copied", "stack "+stackName+" is CREATE_COMPLETE", `"status":"CREATE_COMPLETE"`,
		"https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/"+stackName+"-us-east-1", "dth deploy logs "+stackName, "me@example.com")
	o.closed("programs")

	shown := o.dth("deploy", "status", stackName, "--json")
	shown.wants(t, 0)
	var status deploy.Status
	if err := json.Unmarshal([]byte(shown.stdout), &status); err != nil {
		t.Fatal(err)
	}
	if status.State != "CREATE_COMPLETE" || len(status.Groups) != 2 || status.Groups[1].Desired != 1 || len(status.Queues) != 3 || status.Outputs["QueueUrl"] == "" {
		t.Errorf("status %+v", status)
	}
	o.dth("deploy", "status", stackName).wants(t, 0, "is CREATE_COMPLETE", "workers", "0 in service, 0 wanted (0 to 20)", "dead letters", "about 0 messages")
	o.logs(status)

	same := o.deploy("--yes")
	same.wants(t, 0, "nothing to change")
	if strings.Contains(same.stdout, "uploaded") {
		t.Errorf("what is there is uploaded again:\n%s", same.stdout)
	}
	changed := o.deploy("--yes", "--events", "CreateAndDelete")
	changed.wants(t, 0, "Modify", "is UPDATE_COMPLETE")
	if strings.Contains(changed.stdout, "uploaded") || strings.Contains(changed.stdout, "Add ") {
		t.Errorf("more than a setting changes:\n%s", changed.stdout)
	}

	o.queue(status)
	o.dth("deploy", "delete", stackName).wants(t, 2, "--yes")
	gone := o.dth("deploy", "delete", stackName, "--yes")
	gone.wants(t, 0, "messages are queued or with workers", "stack "+stackName+" is gone", "bucket "+sourceBucket, "bucket copies", `bucket programs, prefix "dth/`, "which other stacks may use")
	if diff := cmp.Diff(before, o.account.inventory(t)); diff != "" {
		t.Errorf("the stack leaves something behind (-before +after):\n%s", diff)
	}
	o.dth("deploy", "status", stackName).wants(t, 3, "there is no stack "+stackName+" in us-east-1")
}

// MiniStack refuses alarms over metric math, which dth's own template has: a stack that
// fails is undone, says why, and must be deleted before it is tried again.
func TestDeployFails(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	before := o.account.inventory(t)
	original, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"--yes", "--create-asset-bucket", "--template", original}
	failed := o.deploy(own...)
	failed.wants(t, 3, "stack "+stackName+" is ROLLBACK_COMPLETE: ", "(AWS::CloudWatch::Alarm) failed first: ", `"status":"CREATE_FAILED"`, "dth deploy delete "+stackName)
	o.deploy(own...).wants(t, 3, "failed", stackName+" is ROLLBACK_COMPLETE, which cannot be updated", "nothing was written")
	o.dth("deploy", "delete", stackName, "--yes").wants(t, 0, "stack "+stackName+" is gone")
	if diff := cmp.Diff(before, o.account.inventory(t)); diff != "" {
		t.Errorf("the stack leaves something behind (-before +after):\n%s", diff)
	}
}

// A proposal that is not wanted leaves nothing behind, not even an empty stack.
func TestDeployWithdraws(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	text, err := os.ReadFile(filepath.Join(o.folder, "template.json"))
	if err != nil {
		t.Fatal(err)
	}
	request := deploy.Request{Region: "us-east-1", Own: map[string]string{"imageId": "/images/al2023"}}
	var err1, err2, err3 error
	request.Template, err1 = deploy.ReadTemplate(string(text))
	request.Assets, err2 = deploy.ReadAssets(filepath.Join(o.folder, "assets"), "1")
	request.Job, err3 = flagged(map[string]string{"vpc": o.outputs["ec2VpcId"], "subnets": o.outputs["ec2Subnets"]}).Sync("s3://"+sourceBucket, "s3://copies")
	plan, err := deploy.Draw(request)
	if err := errors.Join(err1, err2, err3, err); err != nil {
		t.Fatal(err)
	}
	cloud := deploy.New(o.account.config)
	if _, err := cloud.Upload(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	before := o.stacks()
	proposal, err := cloud.Propose(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if !proposal.Creates || !slices.ContainsFunc(proposal.Changes, func(c deploy.Change) bool {
		return c == deploy.Change{Action: "Add", Resource: "Queue", Type: "AWS::SQS::Queue"}
	}) {
		t.Errorf("%+v", proposal)
	}
	if slices.Equal(before, o.stacks()) {
		t.Error("no stack waits for the answer: the test does not show that it goes")
	}
	if err := cloud.Withdraw(t.Context(), proposal); err != nil {
		t.Fatal(err)
	}
	o.account.settle(t, proposal.Stack)
	if diff := cmp.Diff(before, o.stacks()); diff != "" {
		t.Errorf("stacks (-before +after):\n%s", diff)
	}
}
