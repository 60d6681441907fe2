package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// endpoints returns the service names of the endpoints that a stack has, by their kind.
func endpoints(t *testing.T, stack Stack) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, resource := range read(t).RenderResources(stack) {
		if resource.(map[string]any)["Type"] != "AWS::EC2::VPCEndpoint" {
			continue
		}
		values := resource.(map[string]any)["Properties"].(map[string]any)
		kind := values["VpcEndpointType"].(string)
		found[kind] = append(found[kind], values["ServiceName"].(string))
		switch kind {
		case "Gateway":
			if diff := cmp.Diff([]any{"rtb-1", "rtb-2"}, values["RouteTableIds"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		case "Interface":
			if values["PrivateDnsEnabled"] != true || !cmp.Equal(values["SecurityGroupIds"], []any{stack.Name + "-EndpointSecurityGroup.GroupId"}) {
				t.Errorf("%s is not what instances find by its usual name: %v", name, values)
			}
		}
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}

// Names of endpoint services as aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts has them, which
// takes them from the answers of each region.
func TestWaysToAWSAreThoseOfThePartition(t *testing.T) {
	t.Parallel()
	ways := smallest.with("vpcRouteTableIds", "rtb-1,rtb-2")
	for name, test := range map[string]struct {
		stack Stack
		want  map[string][]string
	}{
		"none":     {smallest, map[string][]string{}},
		"gateways": {ways.with("vpcEndpoints", "Gateway"), map[string][]string{"Gateway": {"com.amazonaws.us-east-1.dynamodb", "com.amazonaws.us-east-1.s3"}}},
		"all in China": {fullest, map[string][]string{
			"Gateway": {"com.amazonaws.cn-north-1.dynamodb", "com.amazonaws.cn-north-1.s3"},
			"Interface": {
				"cn.com.amazonaws.cn-north-1.autoscaling", "cn.com.amazonaws.cn-north-1.cloudformation", "cn.com.amazonaws.cn-north-1.sqs",
				"cn.com.amazonaws.cn-north-1.states", "cn.com.amazonaws.cn-north-1.sts",
				"com.amazonaws.cn-north-1.kms", "com.amazonaws.cn-north-1.logs", "com.amazonaws.cn-north-1.secretsmanager",
			},
		}},
		"all in GovCloud": {
			Stack{Name: "gov", Region: "us-gov-west-1", Partition: "aws-us-gov", Parameters: ways.with("vpcEndpoints", "All").Parameters},
			map[string][]string{
				"Gateway": {"com.amazonaws.us-gov-west-1.dynamodb", "com.amazonaws.us-gov-west-1.s3"},
				"Interface": {
					"com.amazonaws.us-gov-west-1.autoscaling", "com.amazonaws.us-gov-west-1.cloudformation", "com.amazonaws.us-gov-west-1.kms",
					"com.amazonaws.us-gov-west-1.logs", "com.amazonaws.us-gov-west-1.secretsmanager", "com.amazonaws.us-gov-west-1.sqs",
					"com.amazonaws.us-gov-west-1.states", "com.amazonaws.us-gov-west-1.sts",
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, endpoints(t, test.stack)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Nobody but the fleet uses the endpoints of the fleet, and nobody connects to it.
func TestNetworkAdmitsTheFleetAlone(t *testing.T) {
	t.Parallel()
	resources := read(t).RenderResources(fullest)
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		resource := resources[name].(map[string]any)
		if resource["Type"] != "AWS::EC2::SecurityGroup" {
			continue
		}
		for _, rule := range list(resource["Properties"].(map[string]any)["SecurityGroupIngress"]) {
			if rule == nil {
				continue
			}
			want := map[string]any{
				"IpProtocol": "tcp", "FromPort": uint64(443), "ToPort": uint64(443), "Description": "from instances of dth",
				"SourceSecurityGroupId": "photos-InstanceSecurityGroup.GroupId",
			}
			if diff := cmp.Diff(want, rule); diff != "" || name != "EndpointSecurityGroup" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

// An instance downloads its programs once: the ways to AWS have to be there before its
// group is, which therefore names them.
func TestInstancesWaitForTheirWays(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"FinderGroup", "WorkerGroup"} {
		tags := fmt.Sprint(rendered(t, fullest, group)["Tags"])
		for name, resource := range read(t).RenderResources(fullest) {
			if resource.(map[string]any)["Type"] == "AWS::EC2::VPCEndpoint" && !strings.Contains(tags, "photos-"+name) {
				t.Errorf("%s does not wait for %s", group, name)
			}
		}
		if tags := fmt.Sprint(rendered(t, smallest, group)["Tags"]); strings.Contains(tags, "dth:gateways") || strings.Contains(tags, "dth:endpoints") {
			t.Errorf("%s names ways that are not there: %s", group, tags)
		}
	}
}
