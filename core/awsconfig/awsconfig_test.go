package awsconfig_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dth-dev/dth/core/awsconfig"
)

// seen is a client that looks at the body of a request and passes it on.
type seen struct {
	writes bool // the body has WriteTo
	client aws.HTTPClient
}

func (s *seen) Do(r *http.Request) (*http.Response, error) {
	_, s.writes = r.Body.(io.WriterTo)
	return s.client.Do(r)
}

func TestBodiesAreRead(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(body)
		if _, err := io.WriteString(w, `{}`); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	for name, wrap := range map[string]func(aws.HTTPClient) aws.HTTPClient{
		"as the SDK gives them": func(c aws.HTTPClient) aws.HTTPClient { return c },
		"plain":                 awsconfig.PlainBodies,
	} {
		looks := &seen{client: server.Client()}
		client := sqs.New(sqs.Options{
			Region: "eu-west-1", BaseEndpoint: &server.URL, HTTPClient: wrap(looks),
			Credentials: aws.AnonymousCredentials{},
		})
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &server.URL, ReceiptHandle: aws.String("r-1")}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := name != "plain"; looks.writes != want {
			t.Errorf("%s: WriteTo %v, want %v: if the SDK no longer has it, PlainBodies can go", name, looks.writes, want)
		}
		if want := `{"QueueUrl":"` + server.URL + `","ReceiptHandle":"r-1"}`; got != want {
			t.Errorf("%s: the server got %s, want %s", name, got, want)
		}
	}
}

func TestLoadedSettingsReachAService(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	settings, err := awsconfig.Load(t.Context(), "SQS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(settings).DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &server.URL, ReceiptHandle: aws.String("r-1")}); err != nil {
		t.Error(err)
	}
}

func TestLoadNamesTheService(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_PROFILE", "")
	settings, err := awsconfig.Load(t.Context(), "SQS")
	if err != nil || settings.Region != "eu-west-1" {
		t.Fatalf("%v, region %q", err, settings.Region)
	}
	t.Setenv("AWS_PROFILE", "nobody")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	_, err = awsconfig.Load(t.Context(), "SQS")
	if want := "find the settings and credentials for SQS: failed to get shared config profile, nobody"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
