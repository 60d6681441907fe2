package deploy_test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/dth-dev/dth/core/deploy"
)

// answer is what AWS says to one kind of request.
type answer struct {
	status int // 0 for 200
	body   string
	region string // of a bucket
	sum    string // SHA-256 of an object
}

// refused is a refusal by Amazon EC2, refusedQuery one by CloudFormation and STS, inJSON one
// by the others.
func refused(status int, code string) answer {
	return answer{status: status, body: "<Response><Errors><Error><Code>" + code + "</Code><Message>no " + code + "</Message></Error></Errors></Response>"}
}

func refusedQuery(code, text string) answer {
	return answer{status: 400, body: "<ErrorResponse><Error><Code>" + code + "</Code><Message>" + text + "</Message></Error></ErrorResponse>"}
}

func inJSON(status int, code string) answer {
	return answer{status: status, body: `{"__type":"` + code + `","message":"no ` + code + `"}`}
}

// stack answers with a stack and its parameters, each NAME=VALUE.
func stack(status string, parameters ...string) answer {
	body := ""
	for _, pair := range parameters {
		name, value, _ := strings.Cut(pair, "=")
		body += "<member><ParameterKey>" + name + "</ParameterKey><ParameterValue>" + value + "</ParameterValue></member>"
	}
	return answer{body: "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>photos</StackName><StackId>" + id + "</StackId><StackStatus>" + status +
		"</StackStatus><Parameters>" + body + "</Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"}
}

// marked is a stack of dth, from the bucket from.
func marked(status string, more ...string) answer {
	return stack(status, append([]string{"assetSha256=" + zeros, "srcBucket=from"}, more...)...)
}

func subnets(vpc, zone1, zone2, public string) answer {
	one := func(id, zone string) string {
		return "<item><subnetId>" + id + "</subnetId><vpcId>" + vpc + "</vpcId><availabilityZone>" + zone + "</availabilityZone><mapPublicIpOnLaunch>" + public + "</mapPublicIpOnLaunch></item>"
	}
	return answer{body: "<DescribeSubnetsResponse><subnetSet>" + one("subnet-1", zone1) + one("subnet-2", zone2) + "</subnetSet></DescribeSubnetsResponse>"}
}

// routes answers with the main table of a network, rtb-a1, and rtb-b2 of subnet-2 where own is
// given.
func routes(main, own string) answer {
	body := "<item><routeTableId>rtb-a1</routeTableId><associationSet><item><main>true</main></item></associationSet><routeSet>" + main + "</routeSet></item>"
	if own != "" {
		body += "<item><routeTableId>rtb-b2</routeTableId><associationSet><item><subnetId>subnet-2</subnetId></item></associationSet><routeSet>" + own + "</routeSet></item>"
	}
	return answer{body: "<DescribeRouteTablesResponse><routeTableSet>" + body + "</routeTableSet></DescribeRouteTablesResponse>"}
}

const (
	local   = "<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>"
	nat     = "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item>"
	igw     = "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state></item>"
	deadEnd = "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>blackhole</state></item>"
)

// to is a route to a block by a target of some kind, and prefixes one to a list of them.
func to(block, kind string) string {
	return "<item><destinationCidrBlock>" + block + "</destinationCidrBlock><" + kind + ">way-1</" + kind + "><state>active</state></item>"
}

func prefixes(kind, target string) string {
	return "<item><destinationPrefixListId>pl-1</destinationPrefixListId><" + kind + ">" + target + "</" + kind + "><state>active</state></item>"
}

// endpoint is one of a network: a gateway where it stands in tables, else an interface with a
// private name. Its services are sqs and others.
type endpoint struct {
	service, tables string
	state           string // empty for available
	stack           string // that made it
	public          bool   // without a private name
}

// endpoints answers with those of com.amazonaws.eu-west-1, called vpce-0 and so on.
func endpoints(all ...endpoint) answer {
	body := ""
	for i, one := range all {
		kind, tables, tags := "Interface", "", ""
		for table := range strings.SplitSeq(one.tables, ",") {
			if table != "" {
				kind = "Gateway"
				tables += "<item>" + table + "</item>"
			}
		}
		if one.stack != "" {
			tags = "<item><key>aws:cloudformation:stack-name</key><value>" + one.stack + "</value></item>"
		}
		body += fmt.Sprintf("<item><vpcEndpointId>vpce-%d</vpcEndpointId><vpcEndpointType>%s</vpcEndpointType><serviceName>com.amazonaws.eu-west-1.%s</serviceName><state>%s</state>"+
			"<routeTableIdSet>%s</routeTableIdSet><privateDnsEnabled>%t</privateDnsEnabled><tagSet>%s</tagSet></item>",
			i, kind, one.service, cmp.Or(one.state, "available"), tables, kind == "Interface" && !one.public, tags)
	}
	return answer{body: "<DescribeVpcEndpointsResponse><vpcEndpointSet>" + body + "</vpcEndpointSet></DescribeVpcEndpointsResponse>"}
}

// interfaces are endpoints of services.
func interfaces(services ...string) []endpoint {
	all := make([]endpoint, len(services))
	for i, service := range services {
		all[i].service = service
	}
	return all
}

// enough are the endpoints that a closed network needs, its gateways in tables.
func enough(tables string, more ...endpoint) answer {
	all := append(interfaces("sqs", "logs", "states", "autoscaling", "cloudformation"), endpoint{service: "s3", tables: tables}, endpoint{service: "dynamodb", tables: tables})
	return endpoints(append(all, more...)...)
}

func machines(architecture string) answer {
	body := ""
	for name, cpus := range map[string]int{"c7gn.medium": 1, "c6gn.medium": 1, "c7g.medium": 2, "m6g.medium": 1, "m6g.large": 2} {
		body += fmt.Sprintf("<item><instanceType>%s</instanceType><vCpuInfo><defaultVCpus>%d</defaultVCpus></vCpuInfo><processorInfo><supportedArchitectures><item>%s</item></supportedArchitectures></processorInfo></item>", name, cpus, architecture)
	}
	return answer{body: "<DescribeInstanceTypesResponse><instanceTypeSet>" + body + "</instanceTypeSet></DescribeInstanceTypesResponse>"}
}

func quota(cpus string) answer { return answer{body: `{"Quota":{"Value":` + cpus + `}}`} }

// healthy is an account in which nothing is missing.
func healthy() map[string]answer {
	return map[string]answer{
		"GetCallerIdentity": {body: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"},
		"DescribeStacks":    refusedQuery("ValidationError", "Stack with id photos does not exist"),
		"HEAD /assets":      {region: "eu-west-1"}, "HEAD /from": {region: "eu-west-1"}, "HEAD /to": {region: "eu-west-1"}, "HEAD /lists/list.txt": {},
		"DescribeSubnets": subnets("vpc-1", "eu-west-1a", "eu-west-1b", "false"), "DescribeRouteTables": routes(local+nat, ""),
		"DescribeVpcEndpoints": endpoints(), "DescribeInstanceTypes": machines("arm64"), "GetServiceQuota": quota("64"),
		"DescribeSecret": {body: `{"Name":"keys"}`},
	}
}

// account serves answers, and notes what was asked.
type account struct {
	mu    sync.Mutex
	asked []string
	first map[string][]answer         // to the first requests of a kind, before what else there is
	tell  func(string, *http.Request) // is told each before it is answered; nil for nobody
}

func (a *account) serve(t *testing.T, answers map[string]answer) *deploy.Cloud {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		name := r.Method + " " + strings.TrimSuffix(r.URL.Path, "/")
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			name = form.Get("Action")
		} else if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
			name = operation
		}
		for _, part := range []string{"publicAccessBlock", "encryption"} {
			if r.URL.Query().Has(part) {
				name += "?" + part
			}
		}
		says, ok := answers[name]
		a.mu.Lock()
		a.asked = append(a.asked, name)
		if first := a.first[name]; len(first) > 0 {
			says, ok, a.first[name] = first[0], true, first[1:]
		}
		a.mu.Unlock()
		if a.tell != nil {
			a.tell(name, r)
		}
		if !ok {
			t.Errorf("nobody was to ask for %s", name)
		}
		if says.region != "" {
			w.Header().Set("X-Amz-Bucket-Region", says.region)
		}
		if scope := r.Header.Get("Authorization"); says.region != "" && says.status == 0 && !strings.Contains(scope, "/"+says.region+"/s3/") {
			says.status = http.StatusMovedPermanently // as Amazon S3 answers in another region
		}
		if says.sum != "" {
			w.Header().Set("X-Amz-Checksum-Sha256", says.sum)
		}
		if says.status != 0 {
			w.WriteHeader(says.status)
		}
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, says.body) // who went away needs no answer
		}
	}))
	t.Cleanup(server.Close)
	return deploy.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	})
}

// sick is one thing that is wrong with an account.
type sick struct {
	source, destination string
	settings            []string
	own                 []string // parameters by their names in the template
	list                string
	answers             map[string]answer
	creates             bool // --create-asset-bucket
	check               string
	state               deploy.State
	want                []string // of what it says, and what to do
}

func (s sick) try(t *testing.T) {
	t.Helper()
	if s.source == "" {
		s.source = "s3://from"
	}
	if s.destination == "" {
		s.destination = "s3://to"
	}
	r := request(t, s.source, s.destination, s.settings...)
	for _, pair := range s.own {
		name, value, _ := strings.Cut(pair, "=")
		r.Own[name] = value
	}
	if s.list != "" {
		r.Own["srcPrefixListBucket"], r.Own["srcPrefixsListFile"], _ = strings.Cut(s.list, "/")
	}
	plan, err := deploy.Draw(r)
	if err != nil {
		t.Fatal(err)
	}
	answers := healthy()
	maps.Copy(answers, s.answers)
	asked := &account{}
	checks := asked.serve(t, answers).Examine(t.Context(), plan, s.creates)
	i := slices.IndexFunc(checks, func(check deploy.Check) bool { return check.Name == s.check })
	if i < 0 {
		t.Fatalf("there is no check %q: %+v", s.check, checks)
	}
	if checks[i].State != s.state {
		t.Errorf("%+v, want %s", checks[i], s.state)
	}
	for _, want := range s.want {
		if !strings.Contains(checks[i].Detail+" -> "+checks[i].Do, want) {
			t.Errorf("%+v does not say %q", checks[i], want)
		}
	}
	if (checks[i].Do == "") != (s.state == deploy.Fine) {
		t.Errorf("%+v: what to do is said where something is to be done", checks[i])
	}
	for _, other := range checks {
		if other.Name != s.check && other.State == deploy.Failed {
			t.Errorf("%+v failed too", other)
		}
	}
	if slices.Contains(asked.asked, "GetSecretValue") {
		t.Error("the value of a secret was read")
	}
}
