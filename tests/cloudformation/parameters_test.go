package cloudformation

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const documents = "../../docs/"

// document returns a page for operators.
func document(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(documents + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The page of parameters says what the template says.
func TestPageOfParametersIsTheTemplates(t *testing.T) {
	t.Parallel()
	want := parametersPage(t)
	if *update {
		if err := os.WriteFile(documents+"parameters.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, document(t, "parameters.md")); diff != "" {
		t.Errorf("docs/parameters.md is not what the template says: run go test ./tests/cloudformation -update (-template +page):\n%s", diff)
	}
}

// parametersPage renders the form of the template, group by group, and its outputs.
func parametersPage(t *testing.T) string {
	t.Helper()
	template := read(t)
	var page strings.Builder
	page.WriteString(`# Parameters of the template

Written from ` + "`infra/cloudformation/dth.yaml`" + ` by ` + "`go test ./tests/cloudformation -update`" + `;
do not edit. [The deployment guide](deploy.md) says how to fill them in, and
[moving from Data Transfer Hub](moving-from-data-transfer-hub.md) what is different there.
A parameter without a default must be given.
`)
	form := template.Metadata["AWS::CloudFormation::Interface"].(map[string]any)
	for _, group := range form["ParameterGroups"].([]any) {
		fields := group.(map[string]any)
		fmt.Fprintf(&page, "\n## %s\n\n| parameter | default | allowed | what |\n|---|---|---|---|\n", fields["Label"].(map[string]any)["default"])
		for _, name := range fields["Parameters"].([]any) {
			declared := template.Parameters[name.(string)].(map[string]any)
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", name, preset(declared), allowed(declared), cell(declared["Description"].(string)))
		}
	}
	page.WriteString("\n## Outputs\n\n| output | what |\n|---|---|\n")
	var rows []string
	for name, output := range template.Outputs {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", name, cell(output.(map[string]any)["Description"].(string))))
	}
	slices.Sort(rows)
	page.WriteString(strings.Join(rows, ""))
	return page.String()
}

// preset says what a parameter is where it is not given.
func preset(declared map[string]any) string {
	value, there := declared["Default"]
	switch {
	case !there:
		return "–"
	case value == "":
		return "empty"
	}
	return code(fmt.Sprint(value))
}

// allowed says what CloudFormation takes for a parameter.
func allowed(declared map[string]any) string {
	if values, ok := declared["AllowedValues"].([]any); ok {
		var words []string
		for _, value := range values {
			words = append(words, code(fmt.Sprint(value)))
		}
		return strings.Join(words, ", ")
	}
	if pattern, ok := declared["AllowedPattern"].(string); ok {
		return code(pattern)
	}
	least, most := declared["MinValue"], declared["MaxValue"]
	switch {
	case most != nil:
		return fmt.Sprintf("%v to %v", least, most)
	case least != nil:
		return fmt.Sprintf("from %v", least)
	}
	return code(declared["Type"].(string))
}

// code and cell keep a text in one cell of a table.
func code(text string) string { return "`" + cell(text) + "`" }
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
