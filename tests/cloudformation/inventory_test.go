package cloudformation

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// inventory lists what costs money or holds a name.
func (a *account) inventory(t *testing.T) map[string][]string {
	t.Helper()
	queues, err1 := sqs.NewFromConfig(a.config).ListQueues(t.Context(), &sqs.ListQueuesInput{})
	tables, err2 := dynamodb.NewFromConfig(a.config).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	machines, err3 := sfn.NewFromConfig(a.config).ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{})
	groups, err4 := a.groups.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
	logs, err5 := cloudwatchlogs.NewFromConfig(a.config).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found := map[string][]string{"queues": queues.QueueUrls, "tables": tables.TableNames}
	for _, machine := range machines.StateMachines {
		found["state machines"] = append(found["state machines"], *machine.Name)
	}
	for _, group := range groups.AutoScalingGroups {
		found["groups"] = append(found["groups"], *group.AutoScalingGroupName)
	}
	for _, group := range logs.LogGroups {
		found["log groups"] = append(found["log groups"], *group.LogGroupName)
	}
	for _, list := range []struct{ service, action string }{
		{"ec2", "DescribeSecurityGroups"}, {"ec2", "DescribeLaunchTemplates"}, {"ec2", "DescribeVpcEndpoints"}, {"iam", "ListRoles"}, {"iam", "ListPolicies"},
		{"iam", "ListInstanceProfiles"}, {"sns", "ListTopics"}, {"monitoring", "DescribeAlarms"}, {"monitoring", "ListDashboards"},
	} {
		form := url.Values{"Action": {list.action}}
		if list.action == "ListPolicies" {
			form.Set("Scope", "Local") // not those of AWS
		}
		found[list.action] = a.ids(t, list.service, http.MethodPost, "/", form)
	}
	found["functions"] = a.ids(t, "lambda", http.MethodGet, "/2015-03-31/functions", nil)
	found["rules"] = a.ids(t, "events", http.MethodPost, "/", nil)
	return found
}

// named finds what identifies something in an answer, in XML or in JSON.
var named = regexp.MustCompile(`<(?:groupId|launchTemplateId|vpcEndpointId|RoleName|PolicyName|InstanceProfileName|TopicArn|AlarmName|DashboardName)>([^<]+)<` +
	`|"(?:FunctionName|Name)": ?"([^"]+)"`)

// ids asks a service for which the test has no client.
func (a *account) ids(t *testing.T, service, method, path string, form url.Values) []string {
	t.Helper()
	body := form.Encode()
	if service == "events" {
		body = "{}"
	}
	request, err := http.NewRequestWithContext(t.Context(), method, *a.config.BaseEndpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=tester/20300101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if service == "events" {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", "AWSEvents.ListRules")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s, %v: %s", service, form, answer.Status, err, text)
	}
	var all []string
	for _, match := range named.FindAllStringSubmatch(string(text), -1) {
		all = append(all, match[1]+match[2])
	}
	return all
}
