package cloudformation

import (
	"os/exec"
	"regexp"
	"testing"

	"github.com/dth-dev/dth/tests/cloud"
)

// Regions of all partitions, of which not each has every type and property.
func TestTemplateIsRightInEveryPartition(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(cloud.Check(t, "cfn-lint"), "--regions", "us-east-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "--template", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// What is left out of checkov's advice says why in the template.
func TestTemplateIsSafe(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(cloud.Check(t, "checkov"), "--file", path, "--framework", "cloudformation", "--compact", "--quiet", "--skip-download").CombinedOutput()
	if err != nil || !regexp.MustCompile(`Passed checks: [1-9][0-9]*, Failed checks: 0,`).Match(out) {
		t.Errorf("checkov: %v\n%s", err, out)
	}
	for name, resource := range read(t).Resources {
		metadata, _ := resource.(map[string]any)["Metadata"].(map[string]any)
		checkov, _ := metadata["checkov"].(map[string]any)
		skipped, _ := checkov["skip"].([]any)
		for _, skip := range skipped {
			if comment, _ := skip.(map[string]any)["comment"].(string); len(comment) < 20 {
				t.Errorf("%s does not say why it skips %v", name, skip)
			}
		}
	}
}
