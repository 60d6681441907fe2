package cloudformation

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/dynamo"
)

var update = flag.Bool("update", false, "put boot.sh and giant.asl.json into the template, and write docs/parameters.md")

const (
	folder = "../../infra/cloudformation/"
	path   = folder + "dth.yaml"
)

func read(t *testing.T) *Template {
	t.Helper()
	template, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// embedded are the files that the template holds word for word, after the line that ends so.
var embedded = map[string]string{"boot.sh": "      Text: |", "giant.asl.json": "      DefinitionString: |"}

func TestTemplateHoldsItsFiles(t *testing.T) {
	t.Parallel()
	if *update {
		embed(t)
	}
	template := read(t)
	got := map[string]any{
		"boot.sh":        template.Mappings["Boot"].(map[string]any)["Script"].(map[string]any)["Text"],
		"giant.asl.json": properties(template, "GiantStateMachine")["DefinitionString"],
	}
	for name := range embedded {
		want, err := os.ReadFile(folder + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got[name]); diff != "" {
			t.Errorf("the template's %s is not the file: run go test ./tests/cloudformation -update (-file +template):\n%s", name, diff)
		}
	}
}

func embed(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for name, marker := range embedded {
		file, err := os.ReadFile(folder + name)
		if err != nil {
			t.Fatal(err)
		}
		block := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(marker) + `\n((?: {8}.*)?\n)+`)
		indented := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(strings.TrimRight(string(file), "\n"), "        $1")
		text = block.ReplaceAllLiteralString(text, marker+"\n"+indented+"\n\n")
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func properties(template *Template, resource string) map[string]any {
	return template.Resources[resource].(map[string]any)["Properties"].(map[string]any)
}

// CloudFormation takes 1 MiB from Amazon S3, and EC2 takes 16 KiB of user data.
func TestTemplateFits(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1<<20 {
		t.Errorf("the template has %d bytes", info.Size())
	}
	for _, role := range []string{"worker", "finder"} {
		if size := len(userData(t, read(t), role, fullest)); size > 16<<10 {
			t.Errorf("user data of the %s has %d bytes", role, size)
		}
	}
}

// reference is the form of data-transfer-hub v2.6, whose users come with its values, with
// its defaults: source/constructs/lib/s3-plugin/s3-plugin-stack.ts.
var reference = map[string]any{
	"srcType": "Amazon_S3", "srcBucket": nil, "srcPrefix": "", "srcPrefixsListFile": "", "srcPrefixListBucket": "", "srcRegion": "", "srcEndpoint": "",
	"srcInCurrentAccount": "false", "srcCredentials": "", "srcEvent": "No", "srcSkipCompare": "false", "isPayerRequest": "false",
	"destBucket": nil, "destPrefix": "", "destRegion": "", "destInCurrentAccount": "true", "destCredentials": "", "destStorageClass": "INTELLIGENT_TIERING",
	"destAcl": "bucket-owner-full-control", "destPutObjectSSEType": "None", "destPutObjectSSEKmsKeyId": "", "alarmEmail": nil, "ec2VpcId": nil, "ec2Subnets": nil,
	"finderEc2Memory": "8", "ec2CronExpression": "0/60 * * * ? *", "finderDepth": "0", "finderNumber": "1", "workerNumber": "4", "includeMetadata": "true",
	"maxCapacity": "20", "minCapacity": "1", "desiredCapacity": "1",
}

func TestTemplateTakesTheReferencesParameters(t *testing.T) {
	t.Parallel()
	template := read(t)
	got := map[string]any{}
	for name := range reference {
		parameter, ok := template.Parameters[name].(map[string]any)
		if !ok {
			t.Errorf("there is no parameter %s", name)
			continue
		}
		if got[name] = parameter["Default"]; got[name] != nil {
			got[name] = fmt.Sprint(got[name])
		}
	}
	if diff := cmp.Diff(reference, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, output := range []string{
		"TableName", "SplitPartTableName", "QueueName", "DLQQueueName", "AlarmTopicName", "StackName", "SfnArn", "FinderLogGroupName", "WorkerLogGroupName", "WorkerASGName",
	} {
		if template.Outputs[output] == nil {
			t.Errorf("there is no output %s", output)
		}
	}
}

// A parameter that nobody can find in the form, or that says nothing, is none.
func TestEveryParameterIsInTheFormOnce(t *testing.T) {
	t.Parallel()
	template := read(t)
	var shown []string
	form := template.Metadata["AWS::CloudFormation::Interface"].(map[string]any)
	for _, group := range form["ParameterGroups"].([]any) {
		for _, name := range group.(map[string]any)["Parameters"].([]any) {
			shown = append(shown, name.(string))
		}
	}
	slices.Sort(shown)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(template.Parameters)), shown); diff != "" {
		t.Errorf("(-parameters +form):\n%s", diff)
	}
	for name, parameter := range template.Parameters {
		if description, _ := parameter.(map[string]any)["Description"].(string); !strings.HasSuffix(description, ".") {
			t.Errorf("parameter %s is described as %q", name, description)
		}
	}
}

// Secrets come by name: what a form takes in the open stands in the stack for good.
func TestTemplateHoldsNoSecret(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN|NoEcho|(?i)(secret|password|access)_?key["']?\s*[:=]`).Find(content); found != nil {
		t.Errorf("the template holds %q", found)
	}
}

// The fleet asks for tables as core/dynamo has them.
func TestTablesAreThoseOfTheFleet(t *testing.T) {
	t.Parallel()
	template := read(t)
	for i, name := range []string{"ObjectsTable", "PartsTable"} {
		got := maps.Clone(properties(template, name))
		delete(got, "PointInTimeRecoverySpecification")
		want := tableProperties(t, dynamo.Tables("", "")[i])
		want["TimeToLiveSpecification"] = map[string]any{"AttributeName": dynamo.Expires, "Enabled": true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-fleet +template):\n%s", name, diff)
		}
	}
}

// tableProperties returns what creates a table in the words of a template.
func tableProperties(t *testing.T, input *dynamodb.CreateTableInput) map[string]any {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "TableName")
	return pruned(all).(map[string]any)
}

// pruned leaves out what is not set.
func pruned(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, element := range value {
			if element = pruned(element); element == nil || element == "" {
				delete(value, name)
			} else {
				value[name] = element
			}
		}
		if len(value) == 0 {
			return nil
		}
	case []any:
		for i := range value {
			value[i] = pruned(value[i])
		}
	}
	return value
}

// In another partition every ARN begins otherwise.
func TestTemplateNamesNoPartition(t *testing.T) {
	t.Parallel()
	template := read(t)
	for _, partition := range []string{"aws-cn", "aws-us-gov"} {
		stack := Stack{Name: "photos", Region: "there", Partition: partition, Parameters: map[string]string{}}
		for name, value := range fullest.Parameters {
			stack.Parameters[name] = strings.ReplaceAll(value, "arn:aws-cn:", "arn:"+partition+":")
		}
		for name, resource := range template.RenderResources(stack) {
			if text := fmt.Sprint(resource); strings.Contains(strings.ReplaceAll(text, "arn:"+partition+":", ""), "arn:aws") {
				t.Errorf("%s of partition %s holds an ARN of another: %s", name, partition, text)
			}
		}
	}
}
