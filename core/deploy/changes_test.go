package deploy_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
)

func done(operation string) answer {
	return answer{body: "<" + operation + "Response><" + operation + "Result/></" + operation + "Response>"}
}

// A stack is deleted where it is one of dth right before, and no other ever.
func TestDelete(t *testing.T) {
	t.Parallel()
	deleted := history([3]string{"DELETE_COMPLETE", "photos", ""}, old)
	for name, c := range map[string]struct {
		is    answer
		want  string // of the error
		asked []string
	}{
		"ours":       {marked("UPDATE_COMPLETE"), "", []string{"DescribeStacks", "DescribeStackEvents", "DeleteStack", "DescribeStackEvents"}},
		"empty":      {stack("REVIEW_IN_PROGRESS"), "", []string{"DescribeStacks", "DescribeStackEvents", "DeleteStack", "DescribeStackEvents"}},
		"no source":  {stack("UPDATE_COMPLETE", "assetSha256="+zeros), "stack photos is not one of dth", []string{"DescribeStacks"}},
		"no program": {stack("UPDATE_COMPLETE", "srcBucket=from"), "stack photos is not one of dth", []string{"DescribeStacks"}},
		"gone":       {marked("DELETE_COMPLETE"), "", []string{"DescribeStacks"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := &account{first: map[string][]answer{"DescribeStackEvents": {history(old)}}}
			cloud := served.serve(t, map[string]answer{"DescribeStacks": c.is, "DeleteStack": done("DeleteStack"), "DescribeStackEvents": deleted})
			err := cloud.Delete(t.Context(), deploy.Status{Stack: "photos", ID: id}, func(deploy.Event) {})
			var mistake *job.Error
			if errors.As(err, &mistake) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if diff := cmp.Diff(c.asked, served.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	created = "<CreateChangeSetResponse><CreateChangeSetResult><Id>arn:set</Id><StackId>" + id + "</StackId></CreateChangeSetResult></CreateChangeSetResponse>"
	ready   = "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status></DescribeChangeSetResult></DescribeChangeSetResponse>"
)

// propose has a stack proposed that is not there, and forgets what was asked for that.
func propose(t *testing.T, served *account, answers map[string]answer) (*deploy.Cloud, *deploy.Proposal) {
	t.Helper()
	plan, err := deploy.Draw(request(t, "s3://from", "s3://to"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]answer{"CreateChangeSet": {body: created}, "DescribeChangeSet": {body: ready}}
	maps.Copy(all, answers)
	if served.first == nil {
		served.first = map[string][]answer{}
	}
	served.first["DescribeStacks"] = []answer{healthy()["DescribeStacks"]}
	cloud := served.serve(t, all)
	proposal, err := cloud.Propose(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	served.asked = nil
	return cloud, proposal
}

// What is withdrawn takes the empty stack with it, and never one that came to life meanwhile.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	kept, gone := []string{"DeleteChangeSet", "DescribeStacks"}, []string{"DeleteChangeSet", "DescribeStacks", "DeleteStack"}
	for name, c := range map[string]struct {
		is    answer
		set   answer // to the removal of the change set
		asked []string
		err   string
	}{
		"empty":           {stack("REVIEW_IN_PROGRESS"), done("DeleteChangeSet"), gone, ""},
		"alive":           {marked("CREATE_COMPLETE"), done("DeleteChangeSet"), kept, ""},
		"being made":      {marked("CREATE_IN_PROGRESS"), done("DeleteChangeSet"), kept, ""},
		"removed already": {healthy()["DescribeStacks"], done("DeleteChangeSet"), kept, ""},
		"set stays":       {stack("REVIEW_IN_PROGRESS"), refusedQuery("InvalidChangeSetStatus", "is being worked out"), gone, ""},
		"set of another":  {marked("CREATE_COMPLETE"), refusedQuery("InvalidChangeSetStatus", "was carried out"), kept, "InvalidChangeSetStatus"},
		"not seen":        {refusedQuery("AccessDenied", "you may not"), done("DeleteChangeSet"), kept, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := &account{}
			cloud, proposal := propose(t, served, map[string]answer{"DescribeStacks": c.is, "DeleteChangeSet": c.set, "DeleteStack": done("DeleteStack")})
			err := cloud.Withdraw(t.Context(), proposal)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.asked, served.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// What remains is named, without a command that would remove more than it.
func TestRemains(t *testing.T) {
	t.Parallel()
	const key = "the key of the alarms, for 7 days, as AWS KMS has it"
	for name, c := range map[string]struct {
		parameters map[string]string
		want       []string
	}{
		"all": {map[string]string{"srcBucket": "from", "destBucket": "to", "assetBucket": "assets", "assetPrefix": "dth/1/", "srcCredentials": "keys", "destCredentials": "keys"}, []string{
			"the source, bucket from, with all its objects", "the destination, bucket to, with all its objects",
			`the programs in bucket assets, prefix "dth/1/", which other stacks may use`, "secret keys in eu-west-1", key,
		}},
		"no prefix": {map[string]string{"assetBucket": "assets"}, []string{`the programs in bucket assets, prefix "", which other stacks may use`, key}},
		"unknown":   {nil, []string{key}},
	} {
		if diff := cmp.Diff(c.want, deploy.Status{Region: "eu-west-1", Parameters: c.parameters}.Remains()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Who interrupts while the change set is being made leaves no empty stack behind.
func TestProposeInterrupted(t *testing.T) {
	t.Parallel()
	review, working := stack("REVIEW_IN_PROGRESS"), answer{body: strings.Replace(ready, "CREATE_COMPLETE", "CREATE_IN_PROGRESS", 1)}
	busy := refusedQuery("InvalidChangeSetStatus", "is being worked out")
	for name, c := range map[string]struct {
		there bool   // the stack, before
		at    string // the request whose answer is lost
		asked []string
	}{
		"asking":            {false, "CreateChangeSet", []string{"DescribeStacks", "CreateChangeSet", "DescribeStacks", "DeleteStack"}},
		"waiting":           {false, "DescribeChangeSet", []string{"DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "DeleteChangeSet", "DescribeStacks", "DeleteStack"}},
		"asking in review":  {true, "CreateChangeSet", []string{"DescribeStacks", "CreateChangeSet"}},
		"waiting in review": {true, "DescribeChangeSet", []string{"DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "DeleteChangeSet"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := deploy.Draw(request(t, "s3://from", "s3://to"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			served := &account{first: map[string][]answer{}, tell: func(operation string, r *http.Request) {
				if operation == c.at {
					cancel()
					<-r.Context().Done() // who asked is away before there is an answer
				}
			}}
			if !c.there {
				served.first["DescribeStacks"] = []answer{healthy()["DescribeStacks"]}
			}
			cloud := served.serve(t, map[string]answer{"DescribeStacks": review, "CreateChangeSet": {body: created}, "DescribeChangeSet": working, "DeleteChangeSet": busy, "DeleteStack": done("DeleteStack")})
			if _, err := cloud.Propose(ctx, plan); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff(c.asked, served.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// What does not begin is withdrawn, and is told from what goes on by itself.
func TestCarryWithdrawsWhatDidNotBegin(t *testing.T) {
	t.Parallel()
	refused := refusedQuery("AccessDenied", "you may not")
	for name, c := range map[string]struct {
		answers map[string]answer
		asked   []string
	}{
		"unseen":  {map[string]answer{"DescribeStackEvents": refused}, []string{"DescribeStackEvents", "DeleteChangeSet", "DescribeStacks", "DeleteStack"}},
		"refused": {map[string]answer{"ExecuteChangeSet": refused}, []string{"DescribeStackEvents", "ExecuteChangeSet", "DeleteChangeSet", "DescribeStacks", "DeleteStack"}},
		"perhaps begun": {map[string]answer{"ExecuteChangeSet": refused, "DeleteChangeSet": refusedQuery("InvalidChangeSetStatus", "is being carried out")},
			[]string{"DescribeStackEvents", "ExecuteChangeSet", "DeleteChangeSet"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]answer{"DescribeStackEvents": history(old), "DescribeStacks": stack("REVIEW_IN_PROGRESS"), "DeleteChangeSet": done("DeleteChangeSet"), "DeleteStack": done("DeleteStack")}
			maps.Copy(answers, c.answers)
			served := &account{}
			cloud, proposal := propose(t, served, answers)
			err := cloud.Carry(t.Context(), proposal, func(deploy.Event) {})
			var left *deploy.LeftError
			if err == nil || errors.As(err, &left) || !strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff(c.asked, served.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
