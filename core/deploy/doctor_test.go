package deploy_test

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/deploy"
)

// Each thing that may be missing is named, with the side, the bucket, the region, and what
// to do about it.
func TestDoctor(t *testing.T) {
	t.Parallel()
	const failed, unknown, fine = deploy.Failed, deploy.Unknown, deploy.Fine
	says := func(name string, is answer) map[string]answer { return map[string]answer{name: is} }
	events := []string{"events=Create"}
	for name, s := range map[string]sick{
		"healthy":           {check: "credentials", state: fine, want: []string{"arn:aws:iam::111122223333:user/me", "eu-west-1"}},
		"no credentials":    {answers: says("GetCallerIdentity", refusedQuery("InvalidClientTokenId", "no such key")), check: "credentials", state: failed, want: []string{"InvalidClientTokenId: no such key", "AWS_PROFILE", "partition aws", "eu-west-1 may have to be enabled"}},
		"another partition": {answers: says("GetCallerIdentity", answer{body: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:iam::1:root</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"}), check: "credentials", state: failed, want: []string{"of partition aws-cn, and eu-west-1 is of aws", "--stack-region"}},

		"new stack": {check: "stack", state: fine, want: []string{"photos is to be made"}},
		"review":    {answers: says("DescribeStacks", stack("REVIEW_IN_PROGRESS")), check: "stack", state: fine, want: []string{"is to be made"}},
		"update":    {answers: says("DescribeStacks", marked("UPDATE_ROLLBACK_COMPLETE")), check: "stack", state: fine, want: []string{"is to be updated"}},
		"same locations": {answers: says("DescribeStacks", marked("UPDATE_COMPLETE", "srcType=Amazon_S3", "srcPlugin=", "srcPrefix=a/", "destType=Amazon_S3", "destPlugin=", "destBucket=to", "destPrefix=/b", "keepSrcPrefix=false", "spotPercent=75")),
			source: "s3://from/a/", destination: "s3://to/b/", check: "stack", state: fine, want: []string{"photos is UPDATE_COMPLETE and is to be updated"}},
		"other source": {answers: says("DescribeStacks", marked("UPDATE_COMPLETE", "srcPrefix=old/", "srcType=Aliyun_OSS", "srcPlugin=mine")), check: "stack", state: failed,
			want: []string{`srcType is "Aliyun_OSS" there and "Amazon_S3" here, srcPlugin is "mine" there and "" here, srcPrefix is "old/" there and "" here ->`, "make another stack", "wrong locations"}},
		"other source bucket": {source: "s3://other", answers: map[string]answer{"HEAD /other": {region: "eu-west-1"}, "DescribeStacks": marked("UPDATE_COMPLETE")}, check: "stack", state: failed,
			want: []string{`locations: srcBucket is "from" there and "other" here ->`}},
		"other destination": {answers: says("DescribeStacks", marked("UPDATE_COMPLETE", "destType=Tencent_COS", "destPlugin=mine", "destBucket=old", "destPrefix=x", "keepSrcPrefix=false")), check: "stack", state: failed,
			want: []string{`destType is "Tencent_COS" there and "Amazon_S3" here, destPlugin is "mine" there and "" here, destBucket is "old" there and "to" here, destPrefix is "x" there and "" here, keepSrcPrefix is "false" there and "true" here ->`}},
		"not ours":         {answers: says("DescribeStacks", stack("CREATE_COMPLETE", "srcBucket=from")), check: "stack", state: failed, want: []string{"stack photos is not one of dth", "give another name"}},
		"not ours, failed": {answers: says("DescribeStacks", stack("ROLLBACK_COMPLETE", "assetSha256="+zeros)), check: "stack", state: failed, want: []string{"stack photos is not one of dth", "give another name"}},
		"rolled back":      {answers: says("DescribeStacks", marked("ROLLBACK_COMPLETE")), check: "stack", state: failed, want: []string{"cannot be updated", "dth deploy delete photos"}},
		"half deleted":     {answers: says("DescribeStacks", marked("DELETE_FAILED")), check: "stack", state: failed, want: []string{"dth deploy delete photos"}},
		"busy":             {answers: says("DescribeStacks", marked("UPDATE_IN_PROGRESS")), check: "stack", state: failed, want: []string{"UPDATE_IN_PROGRESS", "dth deploy status photos"}},
		"rollback failed":  {answers: says("DescribeStacks", marked("UPDATE_ROLLBACK_FAILED")), check: "stack", state: failed, want: []string{"continue-update-rollback --region eu-west-1 --stack-name photos"}},
		"stack not seen":   {answers: says("DescribeStacks", refusedQuery("AccessDenied", "you may not")), check: "stack", state: unknown, want: []string{"AccessDenied: you may not", "cloudformation:DescribeStacks"}},
		"throttled":        {answers: says("DescribeStacks", refusedQuery("Throttling", "Rate exceeded")), check: "stack", state: unknown, want: []string{"Throttling: Rate exceeded -> try again"}},
		"key has expired":  {answers: says("DescribeSubnets", refused(400, "RequestExpired")), check: "subnets", state: unknown, want: []string{"RequestExpired", "-> try again"}},
		"no asset bucket":  {answers: says("HEAD /assets", answer{status: 404}), check: "asset bucket", state: failed, want: []string{"there is no bucket assets", "--create-asset-bucket", "account 111122223333 in eu-west-1"}},
		"to be made":       {answers: says("HEAD /assets", answer{status: 404}), creates: true, check: "asset bucket", state: fine, want: []string{"bucket assets is to be made in eu-west-1"}},
		"name taken":       {answers: says("HEAD /assets", answer{status: 403}), creates: true, check: "asset bucket", state: failed, want: []string{"another name"}},
		"assets elsewhere": {answers: says("HEAD /assets", answer{status: 301, region: "us-east-1"}), check: "asset bucket", state: failed, want: []string{"bucket assets is in us-east-1, and the stack in eu-west-1", "--asset-bucket"}},
		"assets not seen":  {answers: says("HEAD /assets", answer{status: 403, region: "eu-west-1"}), check: "asset bucket", state: unknown, want: []string{"bucket assets may not be looked at", "s3:ListBucket"}},

		"no source":           {answers: says("HEAD /from", answer{status: 404}), check: "source bucket", state: failed, want: []string{"the source, bucket from, does not exist in partition aws", "correct its name"}},
		"no destination":      {answers: says("HEAD /to", answer{status: 404}), check: "destination bucket", state: failed, want: []string{"the destination, bucket to, does not exist"}},
		"source not seen":     {answers: says("HEAD /from", answer{status: 403}), check: "source bucket", state: unknown, want: []string{"the source, bucket from, may not be looked at", "--source-credentials secret:NAME", "--source-option role-arn=ARN"}},
		"events elsewhere":    {settings: events, answers: says("HEAD /from", answer{status: 301, region: "us-east-1"}), check: "source bucket", state: failed, want: []string{"the source, bucket from, is in us-east-1", "the stack is in eu-west-1", "--stack-region us-east-1", "--events none"}},
		"events of a secret":  {source: "s3://from?credentials=secret:x", settings: events, answers: says("HEAD /from", answer{status: 404}), check: "source bucket", state: failed, want: []string{"bucket from"}},
		"far and fine":        {answers: says("HEAD /from", answer{region: "us-east-1"}), check: "source bucket", state: fine, want: []string{"bucket from in us-east-1"}},
		"far, not seen":       {answers: says("HEAD /from", answer{status: 403, region: "us-east-1"}), check: "source bucket", state: unknown, want: []string{"the source, bucket from, may not be looked at"}},
		"wrong region":        {destination: "s3://to?region=eu-north-1", check: "destination bucket", state: failed, want: []string{"the destination, bucket to, is in eu-west-1, and the job says eu-north-1"}},
		"no list":             {list: "lists/list.txt", answers: says("HEAD /lists/list.txt", answer{status: 404}), check: "list of prefixes", state: failed, want: []string{"s3://lists/list.txt", "--prefixes-from"}},
		"list":                {list: "lists/list.txt", check: "list of prefixes", state: fine},
		"far list":            {list: "lists/list.txt", answers: says("HEAD /lists/list.txt", answer{region: "us-east-1"}), check: "list of prefixes", state: fine},
		"no far list":         {list: "lists/list.txt", answers: says("HEAD /lists/list.txt", answer{region: "us-east-1", status: 404}), check: "list of prefixes", state: failed, want: []string{"there is no object"}},
		"list not seen":       {list: "lists/list.txt", answers: says("HEAD /lists/list.txt", answer{status: 403}), check: "list of prefixes", state: unknown, want: []string{"allow s3:GetObject"}},
		"no secret":           {source: "oss://from?credentials=secret:keys", answers: says("DescribeSecret", inJSON(400, "ResourceNotFoundException")), check: "source's secret", state: failed, want: []string{"there is no secret keys in eu-west-1, which the source needs", "create-secret --region eu-west-1 --name keys"}},
		"secret goes":         {destination: "cos://to-1?credentials=secret:keys", answers: says("DescribeSecret", answer{body: `{"DeletedDate":1}`}), check: "destination's secret", state: failed, want: []string{"about to be deleted", "restore-secret --region eu-west-1 --secret-id keys"}},
		"secret not seen":     {source: "oss://from?credentials=secret:keys", answers: says("DescribeSecret", inJSON(400, "AccessDeniedException")), check: "source's secret", state: unknown, want: []string{"allow secretsmanager:DescribeSecret"}},
		"secret":              {source: "oss://from?credentials=secret:keys", check: "source's secret", state: fine},
		"role":                {source: "s3://from?role-arn=arn:aws:iam::444455556666:role/r", check: "source's role", state: fine, want: []string{"trust policy"}},
		"role of a partition": {destination: "s3://to?role-arn=arn:aws-cn:iam::444455556666:role/r", check: "destination's role", state: failed, want: []string{"of partition aws-cn", "--destination-credentials secret:NAME"}},

		"no subnet":       {answers: says("DescribeSubnets", refused(400, "InvalidSubnetID.NotFound")), check: "subnets", state: failed, want: []string{"in eu-west-1", "describe-subnets --region eu-west-1 --filters Name=vpc-id,Values=vpc-1"}},
		"foreign subnet":  {answers: says("DescribeSubnets", subnets("vpc-2", "eu-west-1a", "eu-west-1b", "false")), check: "subnets", state: failed, want: []string{"subnet subnet-1 is in network vpc-2, not in vpc-1"}},
		"one zone":        {answers: says("DescribeSubnets", subnets("vpc-1", "eu-west-1a", "eu-west-1a", "false")), check: "subnets", state: failed, want: []string{"all in availability zone eu-west-1a", "two in different zones"}},
		"subnet not seen": {answers: says("DescribeSubnets", refused(403, "UnauthorizedOperation")), check: "subnets", state: unknown, want: []string{"allow ec2:DescribeSubnets"}},
		"NAT":             {check: "way out", state: fine},
		"public": {answers: map[string]answer{"DescribeSubnets": subnets("vpc-1", "eu-west-1a", "eu-west-1b", "true"), "DescribeRouteTables": routes(local+igw, "")},
			check: "way out", state: fine},
		"no addresses":       {answers: says("DescribeRouteTables", routes(local+igw, "")), check: "way out", state: failed, want: []string{"subnet subnet-1 leads to igw-1, but gives its instances no public addresses", "--map-public-ip-on-launch"}},
		"closed":             {answers: says("DescribeRouteTables", routes(local, "")), check: "way out", state: failed, want: []string{"subnets subnet-1, subnet-2 have no route", "no endpoints of sqs, logs, states", "NAT gateway", "vpcEndpoints=All"}},
		"one closed":         {answers: says("DescribeRouteTables", routes(local+nat, local)), check: "way out", state: failed, want: []string{"subnets subnet-2 have no route"}},
		"dead end":           {answers: says("DescribeRouteTables", routes(deadEnd, "")), check: "way out", state: failed, want: []string{"have no route"}},
		"by core network":    {answers: says("DescribeRouteTables", routes(local+to("0.0.0.0/0", "coreNetworkArn"), "")), check: "way out", state: fine, want: []string{"every subnet has a route"}},
		"by local gateway":   {answers: says("DescribeRouteTables", routes(local+to("0.0.0.0/0", "localGatewayId"), "")), check: "way out", state: fine, want: []string{"every subnet has a route"}},
		"by carrier":         {answers: says("DescribeRouteTables", routes(local+to("0.0.0.0/0", "carrierGatewayId"), "")), check: "way out", state: fine, want: []string{"every subnet has a route"}},
		"in two halves":      {answers: says("DescribeRouteTables", routes(local+to("0.0.0.0/1", "transitGatewayId")+to("128.0.0.0/1", "transitGatewayId"), "")), check: "way out", state: unknown, want: []string{"subnets subnet-1, subnet-2 have no route of 0.0.0.0/0, but others", "no endpoints of sqs", "NAT gateway"}},
		"by prefixes":        {answers: says("DescribeRouteTables", routes(local+prefixes("transitGatewayId", "tgw-1"), "")), check: "way out", state: unknown, want: []string{"but others"}},
		"to an endpoint":     {answers: says("DescribeRouteTables", routes(local+prefixes("gatewayId", "vpce-1"), "")), check: "way out", state: failed, want: []string{"have no route to the internet"}},
		"half a dead end":    {answers: says("DescribeRouteTables", routes(local+strings.Replace(deadEnd, "0.0.0.0/0", "0.0.0.0/1", 1), "")), check: "way out", state: failed, want: []string{"have no route to the internet"}},
		"closed and unsure":  {answers: says("DescribeRouteTables", routes(local, local+to("0.0.0.0/1", "transitGatewayId"))), check: "way out", state: failed, want: []string{"subnets subnet-1 have no route to the internet"}},
		"one unsure":         {answers: says("DescribeRouteTables", routes(local+nat, local+to("0.0.0.0/1", "transitGatewayId"))), check: "way out", state: unknown, want: []string{"subnets subnet-2 have"}},
		"unsure to Kodo":     {source: "kodo://from?credentials=secret:x", answers: says("DescribeRouteTables", routes(local+to("0.0.0.0/1", "transitGatewayId"), "")), check: "way out", state: unknown, want: []string{"the source, bucket from, is outside of eu-west-1"}},
		"routes not seen":    {answers: says("DescribeRouteTables", refused(403, "UnauthorizedOperation")), check: "way out", state: unknown, want: []string{"ec2:DescribeRouteTables"}},
		"endpoints not seen": {answers: map[string]answer{"DescribeRouteTables": routes(local, ""), "DescribeVpcEndpoints": refused(403, "UnauthorizedOperation")}, check: "way out", state: unknown, want: []string{"ec2:DescribeVpcEndpoints"}},
		"closed to Kodo": {source: "kodo://from?credentials=secret:x", answers: says("DescribeRouteTables", routes(local, "")), check: "way out", state: failed,
			want: []string{"the source, bucket from, is outside of eu-west-1", "NAT gateway"}},

		"no such type":     {answers: says("DescribeInstanceTypes", refused(400, "InvalidInstanceType")), check: "instance types", state: failed, want: []string{"in eu-west-1", "--instance-types"}},
		"Intel":            {answers: says("DescribeInstanceTypes", machines("x86_64")), check: "instance types", state: failed, want: []string{"no ARM processor", "--instance-types"}},
		"types not seen":   {answers: says("DescribeInstanceTypes", refused(403, "UnauthorizedOperation")), check: "instance types", state: unknown, want: []string{"ec2:DescribeInstanceTypes"}},
		"on demand":        {settings: []string{"max-workers=31"}, check: "on-demand quota", state: fine, want: []string{"64 of 64 vCPUs"}},
		"too many":         {settings: []string{"max-workers=32"}, check: "on-demand quota", state: failed, want: []string{"may run 64 vCPUs in eu-west-1 (quota L-1216C47A)", "of 32 workers, takes 66", "--max-workers", "--region eu-west-1 --service-code ec2 --quota-code L-1216C47A --desired-value 66"}},
		"Spot":             {settings: []string{"max-workers=32", "spot=100"}, check: "Spot quota", state: fine, want: []string{"64 of 64 vCPUs"}},
		"too many on Spot": {settings: []string{"max-workers=33", "spot=100"}, check: "Spot quota", state: failed, want: []string{"L-34B43A08", "takes 66"}},
		"half on Spot":     {settings: []string{"max-workers=62", "spot=50"}, check: "Spot quota", state: fine, want: []string{"62 of 64"}},
		"default quota": {answers: map[string]answer{"GetServiceQuota": inJSON(400, "NoSuchResourceException"), "GetAWSDefaultServiceQuota": quota("5")}, check: "on-demand quota", state: failed,
			want: []string{"may run 5 vCPUs"}},
		"quota not seen": {answers: says("GetServiceQuota", inJSON(400, "AccessDeniedException")), check: "on-demand quota", state: unknown, want: []string{"servicequotas:GetServiceQuota"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.try(t)
		})
	}
}
