package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// gateways and interfaces are the services that endpoints of the stack are for.
func gateways() []string { return []string{"s3", "dynamodb"} }

func interfaces() []string {
	return []string{"sqs", "logs", "states", "secretsmanager", "sts", "autoscaling", "kms", "cloudformation"}
}

// described returns the endpoints of a network.
func (e *examination) described(ctx context.Context, vpc string) ([]types.VpcEndpoint, error) {
	var all []types.VpcEndpoint
	for input := (&ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}}}); ; {
		page, err := e.cloud.machines.DescribeVpcEndpoints(ctx, input)
		if err != nil {
			return nil, err
		}
		all = append(all, page.VpcEndpoints...)
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			return all, nil
		}
	}
}

// service returns what an endpoint is for, as its name ends: com.amazonaws.REGION.sqs,
// cn.com.amazonaws.REGION.sqs.
func (e *examination) service(endpoint types.VpcEndpoint) string {
	_, service, _ := strings.Cut(aws.ToString(endpoint.ServiceName), e.cloud.Region+".")
	return service
}

// is compares a state, or a kind, of an endpoint: Amazon EC2 writes available, and its
// documentation Available.
func is[S ~string](value S, any ...S) bool {
	return slices.ContainsFunc(any, func(one S) bool { return strings.EqualFold(string(value), string(one)) })
}

// conflicts looks for endpoints that the stack would bring a second time, which Amazon EC2
// refuses: gateways in one route table, and interfaces with one private name.
func (e *examination) conflicts(ctx context.Context, vpc string) {
	const check = "endpoints"
	if e.plan.Value("vpcEndpoints") == e.brought {
		e.note(check, Fine, "the stack has them already", "")
		return
	}
	endpoints, err := e.described(ctx, vpc)
	if err != nil {
		e.unknown(check, "ec2:DescribeVpcEndpoints", err)
		return
	}
	tables := strings.Split(e.plan.Value("vpcRouteTableIds"), ",")
	var there []string
	for _, endpoint := range endpoints {
		service := e.service(endpoint)
		name := fmt.Sprintf("%s of %s", aws.ToString(endpoint.VpcEndpointId), service)
		switch {
		case is(endpoint.State, types.StateDeleting, types.StateDeleted, types.StateRejected, types.StateFailed, types.StateExpired), e.ours(endpoint):
		case is(endpoint.VpcEndpointType, types.VpcEndpointTypeGateway) && slices.Contains(gateways(), service):
			for _, table := range endpoint.RouteTableIds {
				if slices.Contains(tables, table) {
					there = append(there, name+" in "+table)
				}
			}
		case e.plan.Value("vpcEndpoints") == "All" && aws.ToBool(endpoint.PrivateDnsEnabled) && slices.Contains(interfaces(), service):
			there = append(there, name)
		}
	}
	if len(there) > 0 {
		e.note(check, Failed, fmt.Sprintf("network %s has %s already, and refuses those of the stack", vpc, strings.Join(there, ", ")),
			"use what there is and make what is missing (docs/deploy.md, Networks): --parameter vpcEndpoints=No, or delete them first")
		return
	}
	e.note(check, Fine, "nothing in "+vpc+" is in the way of those of the stack", "")
}

// ours says whether an endpoint is of this very stack, made before.
func (e *examination) ours(endpoint types.VpcEndpoint) bool {
	return slices.ContainsFunc(endpoint.Tags, func(tag types.Tag) bool {
		return aws.ToString(tag.Key) == "aws:cloudformation:stack-name" && aws.ToString(tag.Value) == e.plan.Stack
	})
}

// endpoints looks whether AWS can be reached without a route to the internet, which the closed
// subnets do not have and the unsure ones may have.
func (e *examination) endpoints(ctx context.Context, vpc string, tables []types.RouteTable, closed, unsure []string) {
	const check = "way out"
	all := slices.Concat(closed, unsure)
	outside := e.outside()
	var endpoints []types.VpcEndpoint
	if outside == "" {
		var err error
		if endpoints, err = e.described(ctx, vpc); err != nil {
			e.unknown(check, "ec2:DescribeVpcEndpoints", err)
			return
		}
	}
	for _, some := range []struct {
		subnets  []string
		state    State
		have, do string
	}{
		{closed, Failed, "have no route to the internet", "route 0.0.0.0/0 of the subnets to a NAT gateway"},
		{unsure, Unknown, "have no route of 0.0.0.0/0, but others, which may be enough", "if they are not, route 0.0.0.0/0 of the subnets to a NAT gateway"},
	} {
		where := fmt.Sprintf("subnets %s %s", strings.Join(some.subnets, ", "), some.have)
		if len(some.subnets) == 0 {
			continue
		}
		if outside != "" {
			e.note(check, some.state, where+", and "+outside, some.do)
			return
		}
		if needed := e.lacking(endpoints, tables, some.subnets); len(needed) > 0 {
			e.note(check, some.state, fmt.Sprintf("%s, and the network has no endpoints of %s", where, strings.Join(needed, ", ")),
				some.do+", or have the stack add endpoints: --parameter vpcEndpoints=All --parameter vpcRouteTableIds=rtb-…, of all these subnets")
			return
		}
	}
	by := "endpoints"
	if e.plan.Value("vpcEndpoints") == "All" {
		by = "endpoints of the stack"
	}
	e.note(check, Fine, fmt.Sprintf("subnets %s have no route of 0.0.0.0/0, and reach AWS by %s", strings.Join(all, ", "), by), "")
}

// outside says which side no endpoint of AWS in the region leads to, and nothing where they
// lead to both.
func (e *examination) outside() string {
	for _, side := range []struct{ name, short string }{{"source", "src"}, {"destination", "dest"}} {
		kind, endpoint := e.plan.Value(side.short+"Type"), e.plan.Value(side.short+"Endpoint")
		region := e.plan.Value(side.short + "Region")
		if endpoint == "" && (kind != "Amazon_S3" || region != "" && region != e.cloud.Region) {
			return fmt.Sprintf("the %s, bucket %s, is outside of %s", side.name, e.plan.Value(side.short+"Bucket"), e.cloud.Region)
		}
	}
	return ""
}

// lacking returns of which services subnets have no endpoint, nor will have one of the stack.
func (e *examination) lacking(endpoints []types.VpcEndpoint, tables []types.RouteTable, subnets []string) []string {
	needed := []string{"sqs", "logs", "states", "autoscaling", "cloudformation"}
	if e.plan.Value("srcRoleArn")+e.plan.Value("destRoleArn") != "" {
		needed = append(needed, "sts")
	}
	if e.plan.Value("srcCredentials")+e.plan.Value("destCredentials") != "" {
		needed = append(needed, "secretsmanager")
	}
	if e.plan.Value("vpcEndpoints") == "All" {
		needed = nil
	}
	open := map[string][]string{} // route tables by services that they lead to
	if e.plan.Value("vpcEndpoints") != "No" {
		for _, service := range gateways() {
			open[service] = strings.Split(e.plan.Value("vpcRouteTableIds"), ",")
		}
	}
	reached := map[string]bool{}
	for _, endpoint := range endpoints {
		service := e.service(endpoint)
		switch {
		case !is(endpoint.State, types.StateAvailable):
		case is(endpoint.VpcEndpointType, types.VpcEndpointTypeGateway):
			open[service] = append(open[service], endpoint.RouteTableIds...)
		default:
			reached[service] = true
		}
	}
	for _, service := range gateways() {
		if slices.ContainsFunc(subnets, func(subnet string) bool {
			return !slices.Contains(open[service], aws.ToString(tableOf(tables, subnet).RouteTableId))
		}) {
			needed = append(needed, service)
		}
	}
	return slices.DeleteFunc(needed, func(service string) bool { return reached[service] })
}
