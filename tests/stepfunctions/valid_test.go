package stepfunctions_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/servers"
)

// TestStateMachineIsValid has asl-validator look at the state machine as CloudFormation
// fills it in, for each partition of AWS.
func TestStateMachineIsValid(t *testing.T) {
	t.Parallel()
	cloud.Require(t, cloud.FauxQS) // npm installs both together
	tools, err := servers.Tools()
	if err != nil {
		t.Fatal(err)
	}
	validator := filepath.Join(filepath.Dir(tools), "cloud", "node", "node_modules", ".bin", "asl-validator")
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		text := definition(t, "parts", "https://sqs.us-east-1.amazonaws.com/123456789012/prio", "arn:aws:states", "arn:"+partition+":states")
		path := filepath.Join(t.TempDir(), "giant.asl.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), validator, "--json-path", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", partition, err, out)
		}
	}
}

// TestStateMachineNamesNoPartition: a task of another partition fails at run time, so all
// of them come from the template. And it speaks JSONPath: moto cannot run JSONata.
func TestStateMachineNamesNoPartition(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "infra", "cloudformation", "giant.asl.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "arn:aws") || strings.Contains(string(text), "JSONata") {
		t.Error("the state machine names a partition, or JSONata")
	}
	var machine struct {
		States map[string]struct {
			Type             string
			HeartbeatSeconds int
			Parameters       struct{ MessageBody map[string]any }
			Catch            []struct{ Next string }
		}
	}
	if err := json.Unmarshal(text, &machine); err != nil {
		t.Fatal(err)
	}
	for name, state := range machine.States {
		if state.Type == "Task" && len(state.Catch) == 0 {
			t.Errorf("a failure in %s ends the execution", name)
		}
		if _, waits := state.Parameters.MessageBody["token.$"]; waits && state.HeartbeatSeconds != 900 {
			t.Errorf("%s waits for a dead worker for %d s", name, state.HeartbeatSeconds)
		}
	}
}
