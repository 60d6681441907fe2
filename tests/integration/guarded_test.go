package integration

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/dth-dev/dth/tests/cloudformation"
	"github.com/dth-dev/dth/tests/servers"
)

// ownKey is the access key that finders and workers have, in the place of their roles'; who
// signs with another one is none of the roles' business.
const (
	ownKey    = "tester"
	ownSecret = "tester-secret"
)

const (
	workerRole, finderRole = "WorkerRole", "FinderRole"
	workerGroup            = "dth-WorkerGroup-1A2B"
)

// guarded is a fleet whose finder and worker ask AWS and the stores through doors of their
// own, and the stack that they would be of.
type guarded struct {
	*fleet
	stack   cloudformation.Stack
	names   map[string]string // of what is in the emulated cloud, as the template has it
	doors   map[string]*proxy.Proxy
	env     map[string][]string
	stores  map[string][]*proxy.Store
	machine *instance // of the worker
}

// startGuarded starts the cloud with what a stack called dth makes of these parameters.
func startGuarded(t *testing.T, parameters map[string]string) *guarded {
	t.Helper()
	g := &guarded{
		fleet: startFleet(t), doors: map[string]*proxy.Proxy{}, env: map[string][]string{}, stores: map[string][]*proxy.Store{}, machine: startInstance(t),
		stack: cloudformation.Stack{Name: "dth", Region: "us-east-1", Partition: "aws", Parameters: map[string]string{
			"srcBucket": "photos", "destBucket": "copies", "assetBucket": "assets", "srcInCurrentAccount": "true",
		}},
	}
	maps.Copy(g.stack.Parameters, parameters)
	g.names = map[string]string{
		g.Queues.Main.Name: "dth-Queue.Arn", g.Queues.Prio.Name: "dth-PriorityQueue.Arn", g.Queues.DLQ.Name: "dth-DeadLetterQueue.Arn",
		g.Objects: "dth-ObjectsTable.Arn", g.Parts: "dth-PartsTable.Arn", g.StateMachine: "dth-GiantStateMachine",
		workerRole: "dth-WorkerLogGroup.Arn", finderRole: "dth-FinderLogGroup.Arn",
	}
	for _, role := range []string{workerRole, finderRole} {
		door, endpoint := proxy.StartForTest(t, proxy.Config{Default: g.cloud.Endpoint, Seed: 1, Record: true})
		g.doors[role] = door
		g.env[role] = slices.Concat(g.Environment(), cloud.EnvironmentAt(endpoint), []string{"AWS_ENDPOINT_URL=" + endpoint})
		_, err := cloudwatchlogs.NewFromConfig(g.cloud.Config()).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &role})
		if err != nil {
			t.Fatal(err)
		}
	}
	g.env[workerRole] = append(g.env[workerRole], "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+g.machine.URL)
	g.group(workerGroup)
	return g
}

// group makes the Auto Scaling group of the workers, asleep.
func (g *guarded) group(name string) {
	g.t.Helper()
	groups := autoscaling.NewFromConfig(g.cloud.Config())
	_, err := groups.CreateLaunchConfiguration(g.t.Context(), &autoscaling.CreateLaunchConfigurationInput{
		LaunchConfigurationName: &name, ImageId: aws.String("ami-12c6146b"), InstanceType: aws.String("t4g.small"),
	})
	if err == nil {
		_, err = groups.CreateAutoScalingGroup(g.t.Context(), &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: &name, LaunchConfigurationName: &name, AvailabilityZones: []string{"us-east-1a"},
			MinSize: aws.Int32(0), MaxSize: aws.Int32(20), DesiredCapacity: aws.Int32(0),
		})
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// ownStore starts a real S3 server that takes the fleet's own keys, with buckets.
func ownStore(t *testing.T, product servers.Product, buckets ...string) *servers.Server {
	t.Helper()
	server := servers.StartForTest(t, servers.Config{Product: product, AccessKey: ownKey, SecretKey: ownSecret})
	for _, name := range buckets {
		if err := server.CreateBucket(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// at returns the location of a bucket behind a new door for a role. Without credentials
// among the options it is reached with what the process itself has, as with its role.
func (g *guarded) at(role, endpoint, bucket string, options ...string) string {
	g.t.Helper()
	store, front := proxy.StartStoreForTest(g.t, endpoint)
	g.stores[role] = append(g.stores[role], store)
	return "s3://" + bucket + "?" + strings.Join(append(options, "endpoint="+front, "region=us-east-1"), "&")
}

// work has a worker and two finders copy, each between its own locations, and stops the
// worker as its Auto Scaling group does. Before that, the worker does more.
func (g *guarded) work(worker, finder []string, more func()) {
	g.t.Helper()
	told := func(role string) []string { return []string{"--stack=dth", "--log-group=" + role} }
	at := startWorker(g.t, newProgram(g.t, g.env[workerRole]...),
		slices.Concat(worker, giantSized, told(workerRole), []string{"--retry-after=1s", "--events=CreateAndDelete"})...)
	find := newProgram(g.t, g.env[finderRole]...)
	for range 2 { // the second one reads what the first one kept, and replaces it
		find.must(0, slices.Concat([]string{"finder", "--wait", "--json", "--worker-group=" + workerGroup}, finder, giantSized, told(finderRole))...)
	}
	more()
	g.machine.tell([2]string{"tags/instance/aws:autoscaling:groupName", workerGroup}, [2]string{"tags/instance/dth:termination-hook", "dth-drain"},
		[2]string{"autoscaling/target-lifecycle-state", "Terminated"})
	if ended := at.wait(); ended.code != 0 {
		g.t.Errorf("the worker ended with %d: %s", ended.code, ended.stderr)
	}
}

// asked returns what a role was asked to allow, each once.
func (g *guarded) asked(role string) map[proxy.Need]bool {
	needs := map[proxy.Need]bool{}
	calls := g.doors[role].Calls()
	for _, store := range g.stores[role] {
		calls = append(calls, store.Calls()...)
	}
	for _, call := range calls {
		if call.AccessKey != ownKey {
			continue
		}
		for _, need := range call.Needs {
			needs[proxy.Need{Action: need.Action, Resource: g.arn(need.Action, need.Resource)}] = true
		}
		if call.Needs != nil {
			continue
		}
		for _, action := range call.Actions {
			action = call.Service + ":" + action
			if len(call.Resources) == 0 {
				needs[proxy.Need{Action: action, Resource: g.arn(action, "")}] = true
			}
			for _, resource := range call.Resources {
				needs[proxy.Need{Action: action, Resource: g.arn(action, resource)}] = true
			}
		}
	}
	return needs
}

// arn returns the name of what a call is about as the template's policies have it.
func (g *guarded) arn(action, resource string) string {
	service, _, _ := strings.Cut(action, ":")
	switch service {
	case "s3":
		return "arn:aws:s3:::" + resource
	case "kms":
		return fmt.Sprintf("arn:aws:kms:us-east-1:%s:key/%s", cloudformation.Account, resource)
	case "secretsmanager":
		return fmt.Sprintf("arn:aws:secretsmanager:us-east-1:%s:secret:%s-AbCdEf", cloudformation.Account, resource)
	case "sts":
		return resource
	case "autoscaling":
		if resource == "" {
			return "*" // it describes, which has no resources
		}
		return fmt.Sprintf("arn:aws:autoscaling:us-east-1:%s:autoScalingGroup:0a1b:autoScalingGroupName/%s", cloudformation.Account, resource)
	case "states":
		return "dth-GiantStateMachine" // answers name the token alone
	}
	table, index, _ := strings.Cut(resource, "/")
	name, ok := g.names[table]
	if !ok {
		return "unknown " + resource
	}
	if index != "" {
		name += "/" + index
	}
	return name
}

// until waits for what nobody tells of.
func (g *guarded) until(is func() bool) {
	g.t.Helper()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-g.t.Context().Done():
			g.t.Fatal(context.Cause(g.t.Context()))
		case <-look.C:
		}
	}
}

// holding stands in front of a store and holds the requests that are meant, of which it
// tells, until it is released; it then answers none of them.
func holding(t *testing.T, endpoint string, meant func(r *http.Request) bool) (front string, arrived <-chan struct{}, release func()) {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward, come, gone := httputil.NewSingleHostReverseProxy(target), make(chan struct{}, 1000), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !meant(r) {
			forward.ServeHTTP(w, r)
			return
		}
		come <- struct{}{}
		<-gone
		panic(http.ErrAbortHandler)
	}))
	release = sync.OnceFunc(func() { close(gone) })
	t.Cleanup(func() { release(); server.Close() })
	return server.URL, come, release
}
