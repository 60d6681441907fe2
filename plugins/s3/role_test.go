package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
)

func TestReadRole(t *testing.T) {
	const (
		here  = "arn:aws:iam::111122223333:role/here"
		there = "arn:aws-cn:iam::444455556666:role/team/there"
	)
	cases := map[string]struct {
		values map[string]string
		region string // of the bucket
		env    string // AWS_REGION
		want   s3driver.Role
		wrong  string // what the error says
	}{
		"none":              {map[string]string{}, "eu-west-1", "", s3driver.Role{Region: "eu-west-1"}, ""},
		"role":              {map[string]string{"role-arn": here, "external-id": "x"}, "eu-west-1", "", s3driver.Role{ARN: here, ExternalID: "x", Region: "eu-west-1"}, ""},
		"no ARN":            {map[string]string{"role-arn": "here"}, "eu-west-1", "", s3driver.Role{}, "option role-arn takes the ARN of a role"},
		"a user":            {map[string]string{"web-identity-role": "arn:aws:iam::111122223333:user/u"}, "eu-west-1", "", s3driver.Role{}, "option web-identity-role takes the ARN of a role"},
		"external id alone": {map[string]string{"external-id": "x"}, "eu-west-1", "", s3driver.Role{}, "goes with role-arn"},
		"another partition": {map[string]string{"role-arn": there}, "eu-west-1", "", s3driver.Role{}, "names a role of partition aws-cn, the bucket is in aws"},
		"govcloud":          {map[string]string{"role-arn": here}, "us-gov-west-1", "", s3driver.Role{}, "the bucket is in aws-us-gov"},
		"federated": {
			map[string]string{"web-identity-role": there, "web-identity-audience": "dth", "web-identity-region": "us-east-1"}, "cn-north-1", "eu-west-1",
			s3driver.Role{Federated: there, Audience: "dth", Issuer: "us-east-1", Region: "cn-north-1"}, "",
		},
		"federated from here": {
			map[string]string{"web-identity-role": there, "web-identity-audience": "dth"}, "cn-north-1", "eu-west-1",
			s3driver.Role{Federated: there, Audience: "dth", Issuer: "eu-west-1", Region: "cn-north-1"}, "",
		},
		"federated from nowhere": {map[string]string{"web-identity-role": there}, "cn-north-1", "", s3driver.Role{}, "web-identity-region is missing"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			clearAWS(t)
			t.Setenv("AWS_REGION", test.env)
			got, err := readRole(test.values, test.region)
			if test.wrong != "" {
				if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("readRole = %v, want %q", err, test.wrong)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("readRole (-want +got): %v\n%s", err, diff)
			}
		})
	}
}
