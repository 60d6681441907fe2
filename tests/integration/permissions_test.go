package integration

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/dth-dev/dth/tests/cloudformation"
	"github.com/dth-dev/dth/tests/servers"
)

// unexercised are actions of roles that this fleet does not come to, and who does.
var unexercised = map[string]map[string]string{
	"WorkerRole": {
		"sqs:ChangeMessageVisibility": "where work takes longer than a third of a message's time, or is given back",
		"states:SendTaskHeartbeat":    "while a giant object is joined for longer than a minute",
		"states:SendTaskFailure":      "where a worker cannot do what the state machine asks for",
		"states:SendTaskSuccess":      "where the state machine asks before the worker of the last part has joined them",
		"dynamodb:Query":              "the parts of giant objects, where not all are known",
		"dynamodb:BatchWriteItem":     "records of uploads that have ended",
		"dynamodb:DeleteItem":         "uploads that were given up",
	},
	"FinderRole": {
		"dynamodb:BatchWriteItem": "generations of the ledger that are replaced",
		"dynamodb:DeleteItem":     "uploads that dead workers left",
		"states:StartExecution":   "giant objects that dead workers left",
	},
}

// TestFleetKeepsToItsRoles: what a finder and a worker ask of AWS while they copy small
// objects, a giant and one that fails is what the roles of the template allow.
func TestFleetKeepsToItsRoles(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	source, destination := startMem(t, "SOURCE"), startMem(t, "DESTINATION")
	fillFleet(source, 200, 1)
	recorded := func() (*proxy.Proxy, []string) {
		door, endpoint := proxy.StartForTest(t, proxy.Config{Default: f.cloud.Endpoint, Seed: 1, Record: true})
		return door, append(slices.Clone(f.env), cloud.EnvironmentAt(endpoint)...)
	}
	keys := append(source.keys(), destination.keys()...)
	worked, workerEnv := recorded()
	found, finderEnv := recorded()
	locations := append([]string{source.at(""), destination.at("")}, giantSized...)
	worker := startWorker(t, newProgram(t, append(slices.Clone(keys), workerEnv...)...), append(locations, "--retry-after=1s")...)
	finder := newProgram(t, append(slices.Clone(keys), finderEnv...)...)
	for range 2 { // the second one reads what the first one kept
		finder.must(0, append([]string{"finder", "--wait", "--json"}, locations...)...)
	}
	stopWorker(t, worker)

	root, err := servers.Root()
	if err != nil {
		t.Fatal(err)
	}
	template, err := cloudformation.Read(filepath.Join(root, "infra", "cloudformation", "dth.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	stack := cloudformation.Stack{Name: "dth", Region: "us-east-1", Partition: "aws", Parameters: map[string]string{"srcBucket": "from", "destBucket": "to", "assetBucket": "assets"}}
	names := map[string]string{ // in the emulated cloud, and in the template
		f.Queues.Main.Name: "dth-Queue.Arn", f.Queues.Prio.Name: "dth-PriorityQueue.Arn", f.Queues.DLQ.Name: "dth-DeadLetterQueue.Arn",
		f.Objects: "dth-ObjectsTable.Arn", f.Parts: "dth-PartsTable.Arn", f.StateMachine: "dth-GiantStateMachine",
	}
	for role, door := range map[string]*proxy.Proxy{"WorkerRole": worked, "FinderRole": found} {
		checkRole(t, role, template.Grants(stack, role), door.Calls(), names)
	}
}

// checkRole holds calls to what a role may do, and what it may do to the calls.
func checkRole(t *testing.T, role string, granted []cloudformation.Grant, calls []proxy.Call, names map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for _, call := range calls {
		for _, action := range call.Actions {
			action = call.Service + ":" + action
			used[action] = true
			for _, resource := range call.Resources {
				table, index, _ := strings.Cut(resource, "/")
				name, known := names[table]
				if index != "" {
					name += "/" + index
				}
				if !known && call.Service == "states" { // answers name no resource
					name = "dth-GiantStateMachine"
				}
				if !slices.ContainsFunc(granted, func(g cloudformation.Grant) bool { return g.Allows(action, name) }) {
					t.Errorf("%s does %s on %s (%q), which it may not", role, action, resource, name)
				}
			}
			if len(call.Resources) == 0 && !slices.ContainsFunc(granted, func(g cloudformation.Grant) bool { return g.Action == action }) {
				t.Errorf("%s does %s, which it may not", role, action)
			}
		}
	}
	if len(used) == 0 {
		t.Fatalf("nobody asked anything as %s", role)
	}
	allowed := map[string]bool{}
	for _, g := range granted {
		service, _, _ := strings.Cut(g.Action, ":")
		if slices.Contains([]string{"sqs", "dynamodb", "states"}, service) { // others have no emulator here
			allowed[g.Action] = true
		}
	}
	for _, action := range slices.Sorted(maps.Keys(allowed)) {
		switch reason := unexercised[role][action]; {
		case used[action] && reason != "":
			t.Logf("%s of %s was exercised, though it need not", action, role)
		case !used[action] && reason == "":
			t.Errorf("%s may %s, which nobody did and nobody explains", role, action)
		}
	}
}
