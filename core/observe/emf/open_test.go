package emf_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
)

func TestOpenFindsItsServiceInTheEnvironment(t *testing.T) {
	l, process := newLogs(t), &observe.Process{}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": l.server.URL, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	e, err := emf.Open(t.Context(), emf.Options{
		Stack: "photos", Role: emf.Worker, Process: process, Group: "workers", Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, n := l.sum(t, "QueueLag"); n != 1 {
		t.Errorf("%d documents, want one", n)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name := range l.streams {
		if !strings.HasPrefix(name, "worker/"+host+"/") {
			t.Errorf("stream %q does not say whose it is", name)
		}
	}
}
