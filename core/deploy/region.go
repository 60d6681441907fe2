package deploy

import (
	"net/url"
	"regexp"
	"strings"
)

// stackName is what CloudFormation takes.
var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

// partition returns the partition of a region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// DashboardURL returns the address of a dashboard in the console of the region's partition.
func DashboardURL(region, name string) string {
	host := region + ".console.aws.amazon.com"
	switch partition(region) {
	case "aws-cn":
		host = region + ".console.amazonaws.cn"
	case "aws-us-gov":
		host = "console.amazonaws-us-gov.com"
	}
	return "https://" + host + "/cloudwatch/home?region=" + region + "#dashboards/dashboard/" + url.PathEscape(name)
}
