package deploy_test

import (
	"testing"

	"github.com/dth-dev/dth/core/deploy"
)

// What leads to AWS counts where it leads from the subnets, and what is there already must
// not be what the stack brings.
func TestDoctorOfEndpoints(t *testing.T) {
	t.Parallel()
	const failed, unknown, fine = deploy.Failed, deploy.Unknown, deploy.Fine
	closed := func(own string, is answer) map[string]answer {
		return map[string]answer{"DescribeRouteTables": routes(local, own), "DescribeVpcEndpoints": is}
	}
	open := func(all ...endpoint) map[string]answer {
		return map[string]answer{"DescribeVpcEndpoints": endpoints(all...)}
	}
	brings := func(what string) []string { return []string{"vpcEndpoints=" + what, "vpcRouteTableIds=rtb-a1"} }
	role := "s3://from?role-arn=arn:aws:iam::444455556666:role/r"
	for name, s := range map[string]sick{
		"all there":          {answers: closed("", enough("rtb-a1")), check: "way out", state: fine},
		"all there, twice":   {answers: closed(local, enough("rtb-a1,rtb-b2")), check: "way out", state: fine},
		"of the stack":       {own: brings("All"), answers: closed("", endpoints()), check: "way out", state: fine, want: []string{"of the stack"}},
		"half of them":       {own: brings("Gateway"), answers: closed("", endpoints(interfaces("sqs", "logs")...)), check: "way out", state: failed, want: []string{"no endpoints of states, autoscaling, cloudformation ->"}},
		"secrets":            {source: "s3://from?credentials=secret:x", answers: closed("", enough("rtb-a1")), check: "way out", state: failed, want: []string{"no endpoints of secretsmanager ->"}},
		"no tokens":          {source: role, answers: closed("", enough("rtb-a1")), check: "way out", state: failed, want: []string{"no endpoints of sts ->"}},
		"no tokens to write": {destination: "s3://to?role-arn=arn:aws:iam::444455556666:role/r", answers: closed("", enough("rtb-a1")), check: "way out", state: failed, want: []string{"no endpoints of sts ->"}},
		"tokens":             {source: role, answers: closed("", enough("rtb-a1", interfaces("sts")...)), check: "way out", state: fine},
		"pending":            {source: role, answers: closed("", enough("rtb-a1", endpoint{service: "sts", state: "pending"})), check: "way out", state: failed, want: []string{"no endpoints of sts ->"}},
		"of other tables":    {answers: closed("", enough("rtb-c3")), check: "way out", state: failed, want: []string{"no endpoints of s3, dynamodb ->"}},
		"of one table":       {answers: closed(local, enough("rtb-a1")), check: "way out", state: failed, want: []string{"no endpoints of s3, dynamodb ->"}},
		"stack of one table": {own: brings("All"), answers: closed(local, endpoints()), check: "way out", state: failed, want: []string{"no endpoints of s3, dynamodb ->", "of all these subnets"}},
		"S3 by interface":    {answers: closed("", enough("rtb-c3", interfaces("s3", "dynamodb")...)), check: "way out", state: fine},

		"unsure, all there": {answers: map[string]answer{"DescribeRouteTables": routes(local+to("0.0.0.0/1", "transitGatewayId"), ""), "DescribeVpcEndpoints": enough("rtb-a1")}, check: "way out", state: fine},

		"nothing in the way":    {own: brings("All"), check: "endpoints", state: fine, want: []string{"vpc-1"}},
		"way not seen":          {own: brings("Gateway"), answers: map[string]answer{"DescribeVpcEndpoints": refused(403, "UnauthorizedOperation")}, check: "endpoints", state: unknown, want: []string{"ec2:DescribeVpcEndpoints"}},
		"gateway there":         {own: brings("Gateway"), answers: open(endpoint{service: "s3", tables: "rtb-b2,rtb-a1"}), check: "endpoints", state: failed, want: []string{"network vpc-1 has vpce-0 of s3 in rtb-a1 already", "vpcEndpoints=No"}},
		"gateway there, all":    {own: brings("All"), answers: open(endpoint{service: "dynamodb", tables: "rtb-a1"}), check: "endpoints", state: failed, want: []string{"vpce-0 of dynamodb in rtb-a1"}},
		"gateway elsewhere":     {own: brings("All"), answers: open(endpoint{service: "s3", tables: "rtb-b2"}), check: "endpoints", state: fine},
		"interface there":       {own: brings("All"), answers: open(interfaces("ec2", "kms", "sqs")...), check: "endpoints", state: failed, want: []string{"has vpce-1 of kms, vpce-2 of sqs already"}},
		"closed, one there":     {own: brings("All"), answers: closed("", endpoints(interfaces("states")...)), check: "endpoints", state: failed, want: []string{"vpce-0 of states"}},
		"interface coming":      {own: brings("All"), answers: open(endpoint{service: "sqs", state: "pending"}), check: "endpoints", state: failed, want: []string{"vpce-0 of sqs"}},
		"interface of no use":   {own: brings("Gateway"), answers: open(interfaces("sqs", "s3")...), check: "endpoints", state: fine},
		"interface unnamed":     {own: brings("All"), answers: open(endpoint{service: "sqs", public: true}), check: "endpoints", state: fine},
		"going":                 {own: brings("All"), answers: open(endpoint{service: "sqs", state: "deleting"}, endpoint{service: "s3", tables: "rtb-a1", state: "deleted"}), check: "endpoints", state: fine},
		"ours":                  {own: brings("All"), answers: open(endpoint{service: "sqs", stack: "photos"}, endpoint{service: "s3", tables: "rtb-a1", stack: "photos"}), check: "endpoints", state: fine},
		"ours, untagged":        {own: brings("All"), answers: map[string]answer{"DescribeVpcEndpoints": endpoints(endpoint{service: "sqs"}), "DescribeStacks": marked("UPDATE_COMPLETE", "vpcEndpoints=All")}, check: "endpoints", state: fine, want: []string{"has them already"}},
		"of another dth before": {own: brings("All"), answers: open(endpoint{service: "sqs", stack: "films"}), check: "endpoints", state: failed, want: []string{"vpce-0 of sqs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.try(t)
		})
	}
}
