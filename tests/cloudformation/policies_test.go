package cloudformation

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pasted is a policy of docs/policies.md, in the words of AWS.
type pasted struct {
	Version   string
	Statement []struct {
		Sid       string
		Effect    string
		Principal map[string]string
		Action    any
		Resource  any
		Condition map[string]any
	}
}

// policies returns the policies of AWS of a page below a heading, none where there are none.
func policies(t *testing.T, heading string) []pasted {
	t.Helper()
	_, section, found := strings.Cut(document(t, "policies.md"), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/policies.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all []pasted
	for _, text := range jsonBlocks(section) {
		var policy pasted
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&policy); err != nil {
			t.Fatalf("%s: %v:\n%s", heading, err, text)
		}
		if size := len(strings.Join(strings.Fields(text), "")); size > 6144 {
			t.Errorf("%s: %d characters, a managed policy has 6,144 at most", heading, size)
		}
		all = append(all, policy)
	}
	return all
}

func jsonBlocks(text string) []string {
	var blocks []string
	for _, block := range strings.Split(text, "```json\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// actions returns what policies allow, in order.
func actions(policies ...pasted) []string {
	all := map[string]bool{}
	for _, policy := range policies {
		for _, statement := range policy.Statement {
			for _, action := range list(statement.Action) {
				all[action.(string)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// ofAWSPolicies are the sections with policies of AWS.
var ofAWSPolicies = []string{
	"Amazon S3: who reads the source", "Amazon S3: who writes the destination", "A role instead of keys", "KMS", "Secrets", "Who deploys", "Who operates",
}

// unnamed are the statements about everything: their actions have no resources, or, in the
// policy of a key, the resource is the key.
var unnamed = []string{"Form", "WithoutNames", "LookAround", "Fleet", "Dashboard"}

func TestPoliciesAskForNoMore(t *testing.T) {
	t.Parallel()
	for _, heading := range ofAWSPolicies {
		found := policies(t, heading)
		if len(found) == 0 {
			t.Errorf("%s: there is no policy", heading)
		}
		for _, policy := range found {
			if policy.Version != "2012-10-17" {
				t.Errorf("%s: version %q", heading, policy.Version)
			}
			for _, statement := range policy.Statement {
				if statement.Effect != "Allow" {
					t.Errorf("%s: %s has effect %q", heading, statement.Sid, statement.Effect)
				}
				for _, action := range list(statement.Action) {
					if strings.Contains(action.(string), "*") {
						t.Errorf("%s: %s may %s", heading, statement.Sid, action)
					}
				}
				if statement.Principal != nil && statement.Resource == nil { // who may take a role on
					continue
				}
				for _, resource := range list(statement.Resource) {
					if resource == "*" && !slices.Contains(unnamed, statement.Sid) {
						t.Errorf("%s: %s is about everything", heading, statement.Sid)
					}
					if resource != "*" && !strings.HasPrefix(resource.(string), "arn:PARTITION:") {
						t.Errorf("%s: %s names %s", heading, statement.Sid, resource)
					}
				}
			}
		}
	}
}

// asks says what each method of the plugins for S3 asks of a source and of a destination.
// dth names no version of an object, so none asks for rights on versions.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for
// Amazon S3", and the required permissions of each operation in the API reference.
var asks = map[string]struct{ source, destination []string }{
	"Session": {}, "Close": {}, "ParseEvents": {},
	"Restore":        {}, // which no command asks for
	"List":           {source: []string{"s3:ListBucket"}, destination: []string{"s3:ListBucket"}},
	"Stat":           {source: []string{"s3:GetObject"}, destination: []string{"s3:GetObject"}},
	"SignGet":        {source: []string{"s3:GetObject"}},
	"Tags":           {source: []string{"s3:GetObjectTagging"}},
	"ReachCopy":      {source: []string{"s3:ListBucket", "s3:GetObject"}},
	"CopyObject":     {source: []string{"s3:GetObject"}, destination: []string{"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"}},
	"CopyPart":       {source: []string{"s3:GetObject"}, destination: []string{"s3:PutObject"}},
	"SignPut":        {destination: []string{"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"}},
	"SignPart":       {destination: []string{"s3:PutObject"}},
	"CreateUpload":   {destination: []string{"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"}},
	"CompleteUpload": {destination: []string{"s3:PutObject"}},
	"ListParts":      {destination: []string{"s3:ListMultipartUploadParts"}},
	"AbortUpload":    {destination: []string{"s3:AbortMultipartUpload"}},
	"ListUploads":    {destination: []string{"s3:ListBucketMultipartUploads"}},
	"Delete":         {destination: []string{"s3:DeleteObject"}},
}

// What keys of other accounts get is what the plugin asks for, and what the template
// gives its own roles.
func TestPoliciesOfBucketsAreThoseOfPluginAndTemplate(t *testing.T) {
	t.Parallel()
	methods := methodsOfBucket(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(asks)), methods); diff != "" {
		t.Errorf("methods of the plugins for S3: say what each asks for (-said +are):\n%s", diff)
	}
	asked, granted := map[string]map[string]bool{"from": {}, "to": {}}, map[string]map[string]bool{"from": {}, "to": {}}
	for _, method := range asks {
		for _, action := range method.source {
			asked["from"][action] = true
		}
		for _, action := range method.destination {
			asked["to"][action] = true
		}
	}
	for _, g := range read(t).Grants(smallest.with("srcInCurrentAccount", "true"), "WorkerRole") {
		bucket, _, _ := strings.Cut(strings.TrimPrefix(g.Resource, "arn:aws:s3:::"), "/")
		if granted[bucket] != nil {
			granted[bucket][g.Action] = true
		}
	}
	for bucket, heading := range map[string]string{"from": ofAWSPolicies[0], "to": ofAWSPolicies[1]} {
		written := actions(policies(t, heading)...)
		for who, other := range map[string]map[string]bool{"plugin": asked[bucket], "template": granted[bucket]} {
			if diff := cmp.Diff(slices.Sorted(maps.Keys(other)), written); diff != "" {
				t.Errorf("%s (-%s +page):\n%s", heading, who, diff)
			}
		}
	}
}

// methodsOfBucket returns the exported methods of the plugins for S3, in order.
func methodsOfBucket(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../plugins/internal/s3driver/*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("sources of the plugin: %v, %v", paths, err)
	}
	var methods []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil || !function.Name.IsExported() {
				continue
			}
			if star, ok := function.Recv.List[0].Type.(*ast.StarExpr); ok && star.X.(*ast.Ident).Name == "Bucket" {
				methods = append(methods, function.Name.Name)
			}
		}
	}
	slices.Sort(methods)
	return methods
}

// makes is one action, of those that its resource type names in CloudFormation's registry,
// without which a resource of the template cannot be made.
var makes = map[string]string{
	"AWS::AutoScaling::AutoScalingGroup": "autoscaling:CreateAutoScalingGroup", "AWS::AutoScaling::ScalingPolicy": "autoscaling:PutScalingPolicy",
	"AWS::CloudFormation::WaitCondition": "cloudformation:CreateStack", "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
	"AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard", "AWS::DynamoDB::Table": "dynamodb:CreateTable", "AWS::EC2::LaunchTemplate": "ec2:CreateLaunchTemplate",
	"AWS::EC2::SecurityGroup": "ec2:CreateSecurityGroup", "AWS::EC2::VPCEndpoint": "ec2:CreateVpcEndpoint", "AWS::Events::Rule": "events:PutRule", "AWS::IAM::InstanceProfile": "iam:CreateInstanceProfile",
	"AWS::IAM::ManagedPolicy": "iam:CreatePolicy", "AWS::IAM::Role": "iam:CreateRole", "AWS::KMS::Key": "kms:CreateKey", "AWS::Lambda::Function": "lambda:CreateFunction",
	"AWS::Lambda::Permission": "lambda:AddPermission", "AWS::Logs::LogGroup": "logs:CreateLogGroup", "AWS::SNS::Topic": "sns:CreateTopic",
	"AWS::SNS::TopicPolicy": "sns:SetTopicAttributes", "AWS::SQS::Queue": "sqs:CreateQueue", "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
	"AWS::StepFunctions::StateMachine": "states:CreateStateMachine", "Custom::BucketNotification": "lambda:InvokeFunction",
}

// Whoever deploys may make each kind of resource that the template has, and in no service
// that it has nothing of.
func TestWhoDeploysMayMakeTheStack(t *testing.T) {
	t.Parallel()
	may := actions(policies(t, "Who deploys")...)
	services := map[string]bool{ // of the stack, its programs and its image, and what dth deploy looks at
		"cloudformation": true, "s3": true, "ssm": true, "secretsmanager": true, "servicequotas": true,
	}
	for name, resource := range read(t).Resources {
		kind := resource.(map[string]any)["Type"].(string)
		if !slices.Contains(may, makes[kind]) {
			t.Errorf("who deploys may not make %s of type %s (%q)", name, kind, makes[kind])
		}
		service, _, _ := strings.Cut(makes[kind], ":")
		services[service] = true
	}
	for _, action := range may {
		if service, _, _ := strings.Cut(action, ":"); !services[service] {
			t.Errorf("who deploys may %s, of which the template has nothing", action)
		}
	}
}

// The policies of other vendors stand on two pages, which say the same.
func TestPoliciesOfVendorsAreThoseOfStores(t *testing.T) {
	t.Parallel()
	vendors := regexp.MustCompile(`"(oss:|name/cos:|kodo/)`)
	of := func(page string) []string {
		return slices.DeleteFunc(jsonBlocks(document(t, page)), func(block string) bool { return !vendors.MatchString(block) })
	}
	stores := of("providers.md")
	if len(stores) != 6 {
		t.Errorf("docs/providers.md has %d policies of OSS, COS and Kodo", len(stores))
	}
	if diff := cmp.Diff(stores, of("policies.md")); diff != "" {
		t.Errorf("(-docs/providers.md +docs/policies.md):\n%s", diff)
	}
}
