package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// network looks at the subnets and whether anything can be reached from them.
func (e *examination) network(ctx context.Context) {
	vpc, ids := e.plan.Value("ec2VpcId"), strings.Split(e.plan.Value("ec2Subnets"), ",")
	described, err := e.cloud.machines.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
	const check = "subnets"
	if code(err) == "InvalidSubnetID.NotFound" {
		e.note(check, Failed, message(err)+" in "+e.cloud.Region, fmt.Sprintf("list those of the network: aws ec2 describe-subnets --region %s --filters Name=vpc-id,Values=%s", e.cloud.Region, vpc))
		return
	}
	if err != nil {
		e.unknown(check, "ec2:DescribeSubnets", err)
		return
	}
	zones := map[string]bool{}
	for _, subnet := range described.Subnets {
		zones[aws.ToString(subnet.AvailabilityZone)] = true
		if aws.ToString(subnet.VpcId) != vpc {
			e.note(check, Failed, fmt.Sprintf("subnet %s is in network %s, not in %s", *subnet.SubnetId, aws.ToString(subnet.VpcId), vpc), "name subnets of --vpc")
			return
		}
	}
	if len(zones) < 2 {
		e.note(check, Failed, fmt.Sprintf("subnets %s are all in availability zone %s", strings.Join(ids, ", "), strings.Join(slices.Sorted(maps.Keys(zones)), "")),
			"name two in different zones, so that the fleet outlives one")
		return
	}
	e.note(check, Fine, fmt.Sprintf("%d subnets of %s in %s", len(described.Subnets), vpc, strings.Join(slices.Sorted(maps.Keys(zones)), ", ")), "")
	e.ways(ctx, vpc, described.Subnets)
}

// ways looks at the routes out of the subnets.
func (e *examination) ways(ctx context.Context, vpc string, subnets []types.Subnet) {
	const check = "way out"
	filter := []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}}
	var tables []types.RouteTable
	for input := (&ec2.DescribeRouteTablesInput{Filters: filter}); ; {
		page, err := e.cloud.machines.DescribeRouteTables(ctx, input)
		if err != nil {
			e.unknown(check, "ec2:DescribeRouteTables", err)
			return
		}
		tables = append(tables, page.RouteTables...)
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			break
		}
	}
	if e.plan.Value("vpcEndpoints") != "No" {
		e.conflicts(ctx, vpc)
	}
	var closed, unsure []string
	for _, subnet := range subnets {
		id := aws.ToString(subnet.SubnetId)
		table := tableOf(tables, id)
		gateway := defaultRoute(table)
		switch {
		case gateway == "" && leads(table):
			unsure = append(unsure, id)
		case gateway == "":
			closed = append(closed, id)
		case strings.HasPrefix(gateway, "nat-"):
			e.plan.Private = true
		case strings.HasPrefix(gateway, "igw-") && !aws.ToBool(subnet.MapPublicIpOnLaunch):
			e.note(check, Failed, fmt.Sprintf("subnet %s leads to %s, but gives its instances no public addresses, without which nothing answers them", id, gateway),
				fmt.Sprintf("aws ec2 modify-subnet-attribute --region %s --subnet-id %s --map-public-ip-on-launch, or name subnets behind a NAT gateway", e.cloud.Region, id))
			return
		}
	}
	if len(closed)+len(unsure) == 0 {
		e.note(check, Fine, "every subnet has a route to the internet", "")
		return
	}
	e.endpoints(ctx, vpc, tables, closed, unsure)
}

// tableOf returns the route table of a subnet: its own, or else the main one of the network.
func tableOf(tables []types.RouteTable, subnet string) types.RouteTable {
	var main, own *types.RouteTable
	for i, table := range tables {
		for _, association := range table.Associations {
			if aws.ToString(association.SubnetId) == subnet {
				own = &tables[i]
			}
			if aws.ToBool(association.Main) {
				main = &tables[i]
			}
		}
	}
	if own == nil {
		own = main
	}
	if own == nil {
		return types.RouteTable{}
	}
	return *own
}

// defaultRoute returns through what a table leads to everything else, "" where it does not.
func defaultRoute(table types.RouteTable) string {
	for _, route := range table.Routes {
		if aws.ToString(route.DestinationCidrBlock) != "0.0.0.0/0" || route.State == types.RouteStateBlackhole {
			continue
		}
		for _, target := range targets(route) {
			if aws.ToString(target) != "" {
				return *target
			}
		}
	}
	return ""
}

// targets are what a route may lead to, all of them empty but one.
func targets(route types.Route) []*string {
	return []*string{route.NatGatewayId, route.GatewayId, route.TransitGatewayId, route.CoreNetworkArn, route.LocalGatewayId, route.CarrierGatewayId,
		route.NetworkInterfaceId, route.VpcPeeringConnectionId, route.InstanceId, route.EgressOnlyInternetGatewayId, route.OdbNetworkArn}
}

// leads says whether a table leads anywhere but to its own network and to endpoints: 0.0.0.0/1
// and 128.0.0.0/1, or a list of prefixes, may be all that is needed.
func leads(table types.RouteTable) bool {
	return slices.ContainsFunc(table.Routes, func(route types.Route) bool {
		return route.State != types.RouteStateBlackhole && slices.ContainsFunc(targets(route), func(target *string) bool {
			id := aws.ToString(target)
			return id != "" && id != "local" && !strings.HasPrefix(id, "vpce-")
		})
	})
}
