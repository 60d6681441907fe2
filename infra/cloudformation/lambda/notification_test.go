package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// bucket is the one bucket there is, with its notifications; nil where it is gone.
type bucket struct {
	has     *types.NotificationConfiguration
	puts    int
	refuses int // so many writes more, as S3 does where a queue's policy is new
}

func (b *bucket) GetBucketNotificationConfiguration(context.Context, *s3.GetBucketNotificationConfigurationInput, ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error) {
	if b.has == nil {
		return nil, &smithy.GenericAPIError{Code: "NoSuchBucket", Message: "it is gone"}
	}
	return &s3.GetBucketNotificationConfigurationOutput{
		EventBridgeConfiguration: b.has.EventBridgeConfiguration, LambdaFunctionConfigurations: b.has.LambdaFunctionConfigurations,
		QueueConfigurations: b.has.QueueConfigurations, TopicConfigurations: b.has.TopicConfigurations,
	}, nil
}

func (b *bucket) PutBucketNotificationConfiguration(_ context.Context, in *s3.PutBucketNotificationConfigurationInput, _ ...func(*s3.Options)) (*s3.PutBucketNotificationConfigurationOutput, error) {
	b.puts++
	if b.refuses > 0 {
		b.refuses--
		return nil, &smithy.GenericAPIError{Code: "InvalidArgument", Message: "Unable to validate the following destination configurations"}
	}
	b.has = in.NotificationConfiguration
	return &s3.PutBucketNotificationConfigurationOutput{}, nil
}

// foreign is what somebody else has configured, of each kind.
func foreign() *types.NotificationConfiguration {
	created := []types.Event{"s3:ObjectCreated:*"}
	return &types.NotificationConfiguration{
		EventBridgeConfiguration:     &types.EventBridgeConfiguration{},
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{Id: aws.String("thumbnails"), LambdaFunctionArn: aws.String("arn:f"), Events: created}},
		QueueConfigurations:          []types.QueueConfiguration{{Id: aws.String("audit"), QueueArn: aws.String("arn:audit"), Events: created}},
		TopicConfigurations:          []types.TopicConfiguration{{Id: aws.String("news"), TopicArn: aws.String("arn:t"), Events: created}},
	}
}

func own(prefix string, events ...string) notification {
	return notification{Bucket: "photos", QueueArn: "arn:queue", ID: "dth-stack", Prefix: prefix, Events: events}
}

// The predecessor appended a second configuration of the same Id with each update, and its
// removal failed where the bucket was gone. Shown to fail by leaving the old entry in.
func TestPredecessorFleet11CustomResource(t *testing.T) {
	t.Parallel()
	b := &bucket{has: foreign()}
	ask := func(kind string, n notification) {
		t.Helper()
		if err := (source{api: b}).apply(t.Context(), request{RequestType: kind, ResourceProperties: n}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want *types.NotificationConfiguration) {
		t.Helper()
		if diff := cmp.Diff(want, b.has, cmpopts.IgnoreUnexported(
			types.NotificationConfiguration{}, types.EventBridgeConfiguration{}, types.LambdaFunctionConfiguration{}, types.QueueConfiguration{},
			types.TopicConfiguration{}, types.NotificationConfigurationFilter{}, types.S3KeyFilter{}, types.FilterRule{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", when, diff)
		}
	}
	with := func(n notification) *types.NotificationConfiguration {
		want := foreign()
		want.QueueConfigurations = append(want.QueueConfigurations, n.configuration())
		return want
	}
	ask("Create", own("", "s3:ObjectCreated:*"))
	check("created", with(own("", "s3:ObjectCreated:*")))
	ask("Update", own("2024/", "s3:ObjectCreated:*"))
	ask("Update", own("2025/", "s3:ObjectCreated:*", "s3:ObjectRemoved:*"))
	check("updated twice", with(own("2025/", "s3:ObjectCreated:*", "s3:ObjectRemoved:*")))
	ask("Delete", own("2025/", "s3:ObjectCreated:*", "s3:ObjectRemoved:*"))
	check("deleted", foreign())
	puts := b.puts
	ask("Delete", own("2025/"))
	if b.puts != puts {
		t.Error("a second removal writes")
	}
	b.has = nil
	ask("Delete", own("2025/"))
	if err := (source{api: b}).apply(t.Context(), request{RequestType: "Update", ResourceProperties: own("")}); err == nil {
		t.Error("a bucket that is gone takes an update")
	}
}

func TestPrefixIsEncoded(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"a/b": "a/b", "a b/ü": "a%20b/%C3%BC", "100%/x": "100%25/x"} {
		got := aws.ToString(own(prefix).configuration().Filter.Key.FilterRules[0].Value)
		if got != want {
			t.Errorf("prefix %q is written %q, want %q", prefix, got, want)
		}
	}
}

// Whatever comes of it, CloudFormation hears it: a stack that hears nothing waits an hour.
func TestCloudFormationIsAnswered(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bucket *bucket
		kind   string
		want   response
	}{
		"done":    {&bucket{has: foreign()}, "Create", response{Status: "SUCCESS", PhysicalResourceID: "photos/dth-stack"}},
		"refused": {&bucket{}, "Create", response{Status: "FAILED", Reason: `read the notifications of bucket "photos": api error NoSuchBucket: it is gone`, PhysicalResourceID: "photos/dth-stack"}},
		"deleted": {&bucket{}, "Delete", response{Status: "SUCCESS", PhysicalResourceID: "failed-to-create"}},
		"unknown": {&bucket{}, "Rename", response{Status: "FAILED", Reason: `CloudFormation asks to "Rename", which this function knows nothing about`, PhysicalResourceID: "photos/dth-stack"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := make(chan response, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var got response
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
					t.Error(err)
				}
				if r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" {
					t.Errorf("%s with type %q", r.Method, r.Header.Get("Content-Type"))
				}
				told <- got
			}))
			defer server.Close()
			f := &function{source: source{api: test.bucket}, client: server.Client(), log: slog.New(slog.NewTextHandler(io.Discard, nil))}
			event, err := json.Marshal(map[string]any{
				"RequestType": test.kind, "ResponseURL": server.URL, "StackId": "s", "RequestId": "r", "LogicalResourceId": "l", "PhysicalResourceId": "failed-to-create",
				"ResourceProperties": map[string]any{"ServiceToken": "arn", "Bucket": "photos", "QueueArn": "arn:queue", "Id": "dth-stack", "Prefix": "", "Events": []string{"s3:ObjectCreated:*"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.handle(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			test.want.StackID, test.want.RequestID, test.want.LogicalResourceID = "s", "r", "l"
			if diff := cmp.Diff(test.want, <-told); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswerThatIsRefusedIsAFailure(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	f := &function{client: server.Client()}
	if err := f.answer(t.Context(), request{ResponseURL: server.URL}, errors.New("no")); err == nil {
		t.Error("nobody hears that CloudFormation was not told")
	}
}

func TestNewPolicyIsWaitedFor(t *testing.T) {
	t.Parallel()
	for refused, works := range map[int]bool{2: true, attempts: false} {
		b := &bucket{has: &types.NotificationConfiguration{}, refuses: refused}
		err := source{api: b}.apply(t.Context(), request{RequestType: "Create", ResourceProperties: own("")})
		if (err == nil) != works || b.puts != min(refused+1, attempts) {
			t.Errorf("refused %d times: %d writes, %v", refused, b.puts, err)
		}
	}
}
