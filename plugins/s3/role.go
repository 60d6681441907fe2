package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/control"
)

// readRole reads the options of roles. region is the bucket's, or one of its partition:
// there the roles are.
func readRole(values map[string]string, region string) (s3driver.Role, error) {
	role := s3driver.Role{
		ARN: values["role-arn"], ExternalID: values["external-id"], Federated: values["web-identity-role"], Region: region,
	}
	for _, option := range []string{"role-arn", "web-identity-role"} {
		if err := s3driver.CheckRole(option, values[option]); err != nil {
			return role, err
		}
		if partition := partitionOf(values[option]); partition != "" && partition != partitionIn(region) {
			return role, control.Invalid("option %s names a role of partition %s, the bucket is in %s: give region, or another role", option, partition, partitionIn(region))
		}
	}
	if role.ARN == "" && role.ExternalID != "" {
		return role, control.Invalid("option external-id goes with role-arn, which is missing")
	}
	if role.Federated == "" {
		return role, nil
	}
	role.Audience = values["web-identity-audience"]
	role.Issuer = cmp.Or(values["web-identity-region"], os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	if role.Issuer == "" {
		return role, control.Invalid("option web-identity-region is missing: the region where the location's credentials are good")
	}
	return role, nil
}

// partitionOf returns the partition of an ARN, empty for none.
func partitionOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":")
	partition, _, _ := strings.Cut(rest, ":")
	return partition
}

// partitions are those beside the global one, by what their regions begin with. Source:
// AWS SDK for Go, internal/endpoints/awsrulesfn/partitions.json.
var partitions = []struct{ regions, partition string }{
	{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
	{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
}

// partitionIn returns the partition of a region.
func partitionIn(region string) string {
	for _, known := range partitions {
		if strings.HasPrefix(region, known.regions) {
			return known.partition
		}
	}
	return "aws"
}
