package cloudformation

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// holds compares what was asked as a role with what it may do. Statements that nobody came
// to are explained, by Sid.
func holds(t *testing.T, grants []Grant, needs []proxy.Need, explained map[string]string) {
	t.Helper()
	used, granted := map[string]bool{}, map[string]bool{}
	for _, need := range needs {
		allowed := false
		for _, g := range grants {
			if g.Allows(need.Action, need.Resource) && !g.Conditional {
				used[g.Sid+" "+g.Action], allowed = true, true
			}
		}
		if !allowed {
			t.Errorf("%s on %s is asked for and not allowed", need.Action, need.Resource)
		}
	}
	for _, g := range grants {
		granted[g.Sid+" "+g.Action] = true
		if !used[g.Sid+" "+g.Action] && explained[g.Sid] == "" {
			t.Errorf("%s %s is allowed, which nobody asks for and nobody explains", g.Sid, g.Action)
		}
	}
	if len(needs) == 0 || len(granted) == 0 {
		t.Errorf("%d calls, %d actions", len(needs), len(granted))
	}
}

// awsCommands are the actions that commands of the AWS CLI need.
var awsCommands = map[string]string{
	"s3 cp": "s3:GetObject", "autoscaling terminate-instance-in-auto-scaling-group": "autoscaling:TerminateInstanceInAutoScalingGroup",
}

// What an instance asks of AWS before dth runs, and after it, is what its role allows; the
// rest of the role is dth's, see TestFleetKeepsToItsRoles. cfn-signal shows whose instance it
// is, and needs no role: CloudFormation user guide, cfn-signal, "credentials".
func TestInstancesKeepToTheirRoles(t *testing.T) {
	t.Parallel()
	archive := archived(t, "dth")
	for role, resource := range map[string]string{"worker": "WorkerRole", "finder": "FinderRole"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			stack := fullest.with("assetSha256", fmt.Sprintf("%x", sha256.Sum256(archive)))
			b := boot(t, role, stack, archive)
			if b.err != nil {
				t.Fatalf("%v: %s", b.err, b.said)
			}
			text := b.calls
			units, err := filepath.Glob(filepath.Join(b.root, "etc/systemd/system/*.service"))
			if err != nil {
				t.Fatal(err)
			}
			for _, unit := range units {
				text += b.file(t, strings.TrimPrefix(unit, b.root))
			}
			var needs []proxy.Need
			for _, call := range regexp.MustCompile(`(?m)(?:^|/)aws (\S+ \S+)(.*)$`).FindAllStringSubmatch(text, -1) {
				action, known := awsCommands[call[1]]
				if !known {
					t.Errorf("somebody calls aws %s, which this test knows nothing about", call[1])
				}
				about := "arn:aws-cn:autoscaling:cn-north-1:" + Account + ":autoScalingGroup:0a:autoScalingGroupName/photos-FinderGroup-1A" // the instance's own
				if object := regexp.MustCompile(`s3://(\S+)`).FindStringSubmatch(call[2]); object != nil {
					about = "arn:aws-cn:s3:::" + object[1]
				}
				needs = append(needs, proxy.Need{Action: action, Resource: about})
			}
			var grants []Grant
			for _, g := range read(t).Grants(stack, resource) {
				if g.Sid == "Programs" || g.Sid == "EndItself" {
					grants = append(grants, g)
				}
			}
			holds(t, grants, needs, nil)
		})
	}
}

// The log of an instance goes by the agent of CloudWatch, which makes its stream and writes
// to it, and no group (amazon-cloudwatch-agent, plugins/outputs/cloudwatchlogs/internal/pusher).
func TestAgentKeepsToItsRole(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"Worker", "Finder"} {
		for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
			allows := func(g Grant) bool { return g.Allows(action, "photos-"+role+"LogGroup.Arn") }
			if !slices.ContainsFunc(read(t).Grants(fullest, role+"Role"), allows) {
				t.Errorf("the agent of a %s may not %s", role, action)
			}
		}
		if settings := userData(t, read(t), strings.ToLower(role), fullest); strings.Contains(settings, "retention_in_days") {
			t.Errorf("the agent of a %s would set how long its group keeps logs, which it may not", role)
		}
	}
}

// The state machine asks for what its definition says, and may do nothing else.
func TestStateMachineKeepsToItsRole(t *testing.T) {
	t.Parallel()
	machine := rendered(t, smallest, "GiantStateMachine")
	text := machine["DefinitionString"].(string)
	for name, value := range machine["DefinitionSubstitutions"].(map[string]any) {
		text = strings.ReplaceAll(text, "${"+name+"}", value.(string))
	}
	var definition struct {
		States map[string]struct {
			Resource   string
			Parameters struct {
				TableName string
				QueueURL  string `json:"QueueUrl"`
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &definition); err != nil {
		t.Fatal(err)
	}
	needs := map[proxy.Need]bool{}
	for name, state := range definition.States {
		service, ok := strings.CutPrefix(state.Resource, "arn:aws:states:::")
		if !ok {
			if state.Resource != "" {
				t.Errorf("state %s asks for %s", name, state.Resource)
			}
			continue
		}
		action := map[string]string{
			"dynamodb:updateItem": "dynamodb:UpdateItem", "sqs:sendMessage": "sqs:SendMessage", "sqs:sendMessage.waitForTaskToken": "sqs:SendMessage",
		}[service]
		needs[proxy.Need{Action: action, Resource: state.Parameters.TableName + state.Parameters.QueueURL + ".Arn"}] = true
	}
	granted := map[proxy.Need]bool{}
	for _, g := range read(t).Grants(smallest, "GiantRole") {
		granted[proxy.Need{Action: g.Action, Resource: g.Resource}] = true
	}
	if diff := cmp.Diff(needs, granted); diff != "" {
		t.Errorf("(-asked for +allowed):\n%s", diff)
	}
}

// needsOf returns what calls of the function need, each once, in the words of the template's
// policies: the emulator names the group otherwise.
func needsOf(calls []proxy.Call, group string) []proxy.Need {
	all := map[proxy.Need]bool{}
	for _, call := range calls {
		for _, need := range call.Needs {
			all[proxy.Need{Action: need.Action, Resource: "arn:aws:s3:::" + need.Resource}] = true
		}
		if call.Service != "autoscaling" {
			continue
		}
		about := "*"
		if len(call.Resources) > 0 {
			name := strings.ReplaceAll(call.Resources[0], group, stackName+"-FinderGroup")
			about = "arn:aws:autoscaling:us-east-1:" + Account + ":autoScalingGroup:0a:autoScalingGroupName/" + name
		}
		all[proxy.Need{Action: "autoscaling:" + call.Operation, Resource: about}] = true
	}
	return slices.Collect(maps.Keys(all))
}
