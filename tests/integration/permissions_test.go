package integration

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
	"github.com/dth-dev/dth/tests/cloudformation"
	"github.com/dth-dev/dth/tests/servers"
)

// unexercised are the actions of statements that these fleets do not come to, and who does.
var unexercised = map[string]map[string]string{
	workerRole: {
		"Programs s3:GetObject":                              "the boot script, see TestInstancesKeepToTheirRoles",
		"AnswerWatch states:SendTaskSuccess":                 "where the state machine asks before the worker of the last part has joined them",
		"AnswerWatch states:SendTaskFailure":                 "where a worker cannot do what the state machine asks for",
		"AnswerWatch states:SendTaskHeartbeat":               "while a giant object is joined for longer than a minute",
		"Drained autoscaling:RecordLifecycleActionHeartbeat": "while a worker drains for longer than a minute",
		"ListDestination s3:ListBucket":                      "who may not list is told of an object that is not there that access is denied (API reference, HeadObject)",
		"ListDestination s3:ListBucketMultipartUploads":      "where a worker died while it began an upload, and another worker goes on",
	},
	finderRole: {
		"Programs s3:GetObject": "the boot script, see TestInstancesKeepToTheirRoles",
		"EndItself autoscaling:TerminateInstanceInAutoScalingGroup": "the unit after the finder's, see TestInstancesKeepToTheirRoles",
		"PrefixBucket s3:ListBucket":                                "who may not list is told of a list that is not there that access is denied",
		"ReadDestination s3:GetObject":                              "giant objects that the finder joins in the place of workers that died",
		"Write s3:AbortMultipartUpload":                             "giant objects that it gives up in their place",
		"Write s3:ListMultipartUploadParts":                         "giant objects of which it does not know whether they were joined",
	},
}

// TestFleetKeepsToItsRoles: what a finder and a worker ask of AWS and of stores of S3, by
// whatever way they reach them, is what the roles of the template allow, and they may do
// nothing that nobody asks for.
func TestFleetKeepsToItsRoles(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	granted, used := map[string]map[string]bool{workerRole: {}, finderRole: {}}, map[string]map[string]bool{workerRole: {}, finderRole: {}}
	for name, work := range map[string]func(t *testing.T) *guarded{
		"between stores": betweenStores, "inside a store": insideAStore, "with other keys": withOtherKeys,
		"after a dead worker": afterADeadWorker,
	} {
		t.Run(name, func(t *testing.T) {
			g := work(t)
			for _, role := range []string{workerRole, finderRole} {
				needs := g.asked(role)
				if len(needs) == 0 {
					t.Errorf("nobody asked anything as %s", role)
				}
				grants := template.Grants(g.stack, role)
				for _, grant := range grants {
					granted[role][grant.Sid+" "+grant.Action] = true
				}
				for need := range needs {
					allowed := false
					for _, grant := range grants {
						if grant.Allows(need.Action, need.Resource) && !grant.Conditional {
							used[role][grant.Sid+" "+grant.Action] = true
							allowed = true
						}
					}
					if !allowed {
						t.Errorf("%s does %s on %s, which it may not", role, need.Action, need.Resource)
					}
				}
			}
		})
	}
	for _, role := range []string{workerRole, finderRole} {
		for _, action := range slices.Sorted(maps.Keys(granted[role])) {
			switch reason := unexercised[role][action]; {
			case used[role][action] && reason != "":
				t.Logf("%s may %s, which is explained and was exercised", role, action)
			case !used[role][action] && reason == "":
				t.Errorf("%s may %s, which nobody did and nobody explains", role, action)
			}
		}
		for action := range unexercised[role] {
			if !granted[role][action] {
				t.Errorf("%s may not %s, which is explained", role, action)
			}
		}
	}
}

func readTemplate(t *testing.T) *cloudformation.Template {
	t.Helper()
	root, err := servers.Root()
	if err != nil {
		t.Fatal(err)
	}
	template, err := cloudformation.Read(filepath.Join(root, "infra", "cloudformation", "dth.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// fill puts objects of all kinds: small, in parts, and a giant.
func fill(t *testing.T, store *servers.Server, bucket string) {
	t.Helper()
	for key, size := range map[string]int{"a/small": 1000, "a/medium": 200_000, "a/parts": 9 << 20, "a/giant": 24 << 20, "a/gone": 10} {
		_, err := store.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content(key, size))})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// keepVersions has a bucket keep the versions of its objects.
func keepVersions(t *testing.T, store *servers.Server, bucket string) {
	t.Helper()
	_, err := store.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// putList puts a list of prefixes.
func putList(t *testing.T, store *servers.Server, bucket string) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("prefixes.txt"), Body: strings.NewReader("a/\n")}
	if _, err := store.Client().PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// kmsKey is the key that the destination's objects are encrypted with.
const kmsKey = "12345678-1234-1234-1234-123456789012"

// betweenStores copies from a bucket that keeps versions to one of another store, with all
// that the form has for Amazon S3, below a list of prefixes.
func betweenStores(t *testing.T) *guarded {
	g := startGuarded(t, map[string]string{
		"srcPrefixListBucket": "lists", "srcPrefixsListFile": "prefixes.txt", "destPutObjectSSEType": "AWS_KMS", "destPutObjectSSEKmsKeyId": kmsKey,
	})
	for _, door := range g.doors { // the first write finds no stream; of the next one the answer is lost
		door.Inject(proxy.Fault{Operation: "logs.PutLogEvents", Do: proxy.Lose, Skip: 1})
	}
	source, destination := ownStore(t, servers.MinIO, "photos", "lists"), ownStore(t, servers.VersityGW, "copies")
	keepVersions(t, source, "photos")
	keepVersions(t, source, "lists")
	putList(t, source, "lists")
	fill(t, source, "photos")
	between := func(role string) []string {
		return []string{
			g.at(role, source.Endpoint, "photos"),
			g.at(role, destination.Endpoint, "copies", "acl=bucket-owner-full-control", "sse=aws:kms", "sse-kms-key="+kmsKey),
		}
	}
	list := strings.Replace(g.at(finderRole, source.Endpoint, "lists"), "lists?", "lists/prefixes.txt?", 1)
	g.work(between(workerRole), append(between(finderRole), "--prefixes-from="+list), func() {
		removed := notification{name: "ObjectRemoved:Delete", bucket: "photos", key: "a/gone", sequencer: "0055AED6DCD90281E5"}
		if _, err := source.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("a/gone")}); err != nil {
			t.Fatal(err)
		}
		g.send(removed.direct(t, "2.1"), "no JSON at all")
		g.await("0+0+0")
	})
	return g
}

// insideAStore copies between two buckets of one store, which copies by itself, from one that
// keeps versions.
func insideAStore(t *testing.T) *guarded {
	g := startGuarded(t, map[string]string{"srcPrefixsListFile": "prefixes.txt"})
	store := ownStore(t, servers.MinIO, "photos", "copies")
	keepVersions(t, store, "photos")
	fill(t, store, "photos")
	putList(t, store, "photos")
	between := func(role string) []string {
		from := g.at(role, store.Endpoint, "photos")
		return []string{from, strings.Replace(from, "s3://photos?", "s3://copies?acl=bucket-owner-full-control&", 1)}
	}
	list := strings.Replace(g.at(finderRole, store.Endpoint, "photos"), "photos?", "photos/prefixes.txt?", 1)
	g.work(between(workerRole), append(between(finderRole), "--prefixes-from="+list), func() {})
	return g
}

// withOtherKeys reads with keys from a secret and writes with those of another role.
func withOtherKeys(t *testing.T) *guarded {
	const name, role = "keys/source", "arn:aws:iam::444455556666:role/writer"
	g := startGuarded(t, map[string]string{
		"srcInCurrentAccount": "false", "srcCredentials": name, "destInCurrentAccount": "false", "destRoleArn": role, "destExternalId": "agreed",
	})
	_, err := secretsmanager.NewFromConfig(g.cloud.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String(secretDocument("elsewhere", "secret")),
	})
	if err != nil {
		t.Fatal(err)
	}
	from, to := "http://"+startNull(t, "3x500"), "http://"+startNull(t, "0x0")
	between := func(who string) []string {
		return []string{g.at(who, from, bucket, "credentials=secret:"+name), g.at(who, to, bucket, "role-arn="+role, "external-id=agreed")}
	}
	g.work(between(workerRole), between(finderRole), func() {})
	if len(g.stores[workerRole][0].Calls()) == 0 {
		t.Error(fmt.Errorf("nobody read the source"))
	}
	return g
}

// afterADeadWorker has a worker die while it creates the upload of a giant object, of which
// the queue then forgets every message: the finder goes on with it, and gives it up when the
// object turns out to be gone.
func afterADeadWorker(t *testing.T) *guarded {
	g := startGuarded(t, map[string]string{"destPutObjectSSEType": "AWS_KMS", "destPutObjectSSEKmsKeyId": kmsKey})
	source, destination := ownStore(t, servers.VersityGW, "photos"), ownStore(t, servers.VersityGW, "copies")
	fill(t, source, "photos")
	slow, arrived, release := holding(t, destination.Endpoint, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploads") })
	between := func(role, to string) []string {
		return slices.Concat([]string{
			g.at(role, source.Endpoint, "photos"), g.at(role, to, "copies", "acl=bucket-owner-full-control", "sse=aws:kms", "sse-kms-key="+kmsKey),
		}, giantSized, []string{"--retry-after=1s", "--lease=3s", "--visibility=3s"})
	}
	dying := startWorker(t, newProgram(t, g.env[workerRole]...), between(workerRole, slow)...)
	finder := newProgram(t, g.env[finderRole]...)
	find := append([]string{"finder"}, between(finderRole, destination.Endpoint)...)
	finder.must(0, find...)
	<-arrived
	g.until(func() bool { return g.doors[workerRole].Counts()["sqs.ChangeMessageVisibilityBatch"].Requests > 0 })
	if err := dying.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	dying.wait()
	release()
	for _, queue := range []cloud.Queue{g.Queues.Main, g.Queues.Prio} {
		if _, err := g.cloud.SQS().PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queue.URL}); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, destination, "copies") // so that nothing is to be copied, and the queue stays empty
	g.until(func() bool {
		finder.run(find...) // another one may hold the lease
		return g.asked(finderRole)[proxy.Need{Action: "states:StartExecution", Resource: g.arn("states:", "")}]
	})
	if _, err := source.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("a/giant")}); err != nil {
		t.Fatal(err)
	}
	worker := startWorker(t, newProgram(t, g.env[workerRole]...), between(workerRole, destination.Endpoint)...)
	abort := proxy.Need{Action: "s3:AbortMultipartUpload", Resource: g.arn("s3:", "copies/a/giant")}
	g.until(func() bool { return g.asked(workerRole)[abort] || g.asked(finderRole)[abort] })
	stopWorker(t, worker)
	return g
}
