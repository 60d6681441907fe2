package cloudformation

import (
	"strings"
	"testing"
)

var roles = []string{"WorkerRole", "FinderRole", "FunctionRole", "GiantRole"}

// All of a service, or all resources of a kind, is more than a fleet needs.
func TestRolesNameWhatTheyUse(t *testing.T) {
	t.Parallel()
	template := read(t)
	for _, role := range roles {
		granted := template.Grants(fullest.with("destType", "Amazon_S3", "destInCurrentAccount", "true"), role)
		if len(granted) == 0 {
			t.Errorf("%s may do nothing", role)
		}
		for _, g := range granted {
			if strings.Contains(g.Action, "*") {
				t.Errorf("%s may %s", role, g.Action)
			}
			if g.Resource == "*" && g.Action != "autoscaling:DescribeAutoScalingGroups" { // which has no resources
				t.Errorf("%s may %s everything", role, g.Action)
			}
		}
	}
}

// A bucket that is reached with keys of its own is none of the roles' business, and
// nobody may write to the source.
func TestRolesReachTheBucketsThatAreTheirs(t *testing.T) {
	t.Parallel()
	template := read(t)
	ours := smallest.with("srcInCurrentAccount", "true")
	for name, test := range map[string]struct {
		stack            Stack
		role             string
		action, resource string
		want             bool
	}{
		"reads its source":              {ours, "WorkerRole", "s3:GetObject", "arn:aws:s3:::from/a/b", true},
		"writes its destination":        {ours, "WorkerRole", "s3:PutObject", "arn:aws:s3:::to/a/b", true},
		"does not write the source":     {ours, "WorkerRole", "s3:PutObject", "arn:aws:s3:::from/a/b", false},
		"does not delete at the source": {ours, "WorkerRole", "s3:DeleteObject", "arn:aws:s3:::from/a/b", false},
		"no other bucket":               {ours, "WorkerRole", "s3:PutObject", "arn:aws:s3:::to2/a", false},
		"finder lists":                  {ours, "FinderRole", "s3:ListBucket", "arn:aws:s3:::to", true},
		"finder does not delete":        {ours, "FinderRole", "s3:DeleteObject", "arn:aws:s3:::to/a", false},
		"source with keys":              {smallest, "WorkerRole", "s3:GetObject", "arn:aws:s3:::from/a", false},
		"destination with keys":         {ours.with("destInCurrentAccount", "false"), "WorkerRole", "s3:PutObject", "arn:aws:s3:::to/a", false},
		"a bucket of the same name":     {ours.with("destType", "Aliyun_OSS"), "WorkerRole", "s3:PutObject", "arn:aws:s3:::to/a", false},
		"a bucket of a plugin":          {ours.with("destPlugin", "tiny"), "WorkerRole", "s3:PutObject", "arn:aws:s3:::to/a", false},
		"its secret": {smallest.with("srcCredentials", "keys"), "FinderRole", "secretsmanager:GetSecretValue",
			"arn:aws:secretsmanager:us-east-1:111122223333:secret:keys-AbCdEf", true},
		"no secret that begins so": {smallest.with("srcCredentials", "keys"), "FinderRole", "secretsmanager:GetSecretValue",
			"arn:aws:secretsmanager:us-east-1:111122223333:secret:keys-of-others-AbCdEf", false},
		"no secret that is not asked for": {ours.with("srcCredentials", "keys"), "FinderRole", "secretsmanager:GetSecretValue",
			"arn:aws:secretsmanager:us-east-1:111122223333:secret:keys-AbCdEf", false},
		"the secret of another store, though the form says that Amazon's is ours": {ours.with("srcCredentials", "keys", "srcEndpoint", "https://minio.example.com"), "FinderRole", "secretsmanager:GetSecretValue",
			"arn:aws:secretsmanager:us-east-1:111122223333:secret:keys-AbCdEf", true},
		"only its source tells": {ours, "FunctionRole", "s3:PutBucketNotification", "arn:aws:s3:::from", false},
		"its source tells":      {ours.with("srcEvent", "Create"), "FunctionRole", "s3:PutBucketNotification", "arn:aws:s3:::from", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := false
			for _, g := range template.Grants(test.stack, test.role) {
				got = got || g.Allows(test.action, test.resource)
			}
			if got != test.want {
				t.Errorf("%s may %s on %s: %t", test.role, test.action, test.resource, got)
			}
		})
	}
}
