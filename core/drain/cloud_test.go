package drain_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/drain"
)

// Paths of the metadata that reasons to drain stand in.
const (
	lifecycle = "autoscaling/target-lifecycle-state"
	spot      = "spot/instance-action"
	rebalance = "events/recommendations/rebalance"
	group     = "tags/instance/aws:autoscaling:groupName"
	hook      = "tags/instance/" + drain.HookTag
)

// cloud stands for what EC2 and Auto Scaling answer to one instance.
type cloud struct {
	metadata, scaling *httptest.Server

	mu      sync.Mutex
	entries map[string]string // of the metadata
	tokens  int               // issued
	broken  bool              // whether the metadata fails
	refusal string            // what Auto Scaling answers instead of success
	actions []url.Values      // that Auto Scaling was asked for

	asked chan struct{} // one for each request to Auto Scaling
}

func newCloud(t *testing.T, entries map[string]string) *cloud {
	t.Helper()
	c := &cloud{entries: map[string]string{"instance-id": "i-0123456789abcdef0"}, asked: make(chan struct{}, 100)}
	maps.Copy(c.entries, entries)
	c.metadata = httptest.NewServer(http.HandlerFunc(c.serveMetadata))
	c.scaling = httptest.NewServer(http.HandlerFunc(c.serveScaling))
	t.Cleanup(c.metadata.Close)
	t.Cleanup(c.scaling.Close)
	return c
}

// serveMetadata is IMDSv2: nothing without a token that it issued.
func (c *cloud) serveMetadata(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const token = "a session token"
	if c.broken {
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
		c.tokens++
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		fmt.Fprint(w, token)
		return
	}
	if r.Header.Get("X-Aws-Ec2-Metadata-Token") != token {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	text, ok := c.entries[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, text)
}

func (c *cloud) serveScaling(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Form.Del("Version")
	c.actions = append(c.actions, r.Form)
	c.asked <- struct{}{}
	w.Header().Set("Content-Type", "text/xml")
	if c.refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>`+c.refusal+`</Message></Error></ErrorResponse>`)
		return
	}
	action := r.Form.Get("Action")
	fmt.Fprint(w, `<`+action+`Response><`+action+`Result/></`+action+`Response>`)
}

func (c *cloud) set(path, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[path] = text
}

func (c *cloud) fail(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = broken
}

// issued returns how many session tokens there are.
func (c *cloud) issued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens
}

// requests returns what Auto Scaling was asked for so far.
func (c *cloud) requests() []url.Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actions
}

// options reach the cloud, with ticks that the test gives.
func (c *cloud) options(ticks <-chan time.Time) drain.Options {
	return drain.Options{
		Config: aws.Config{
			Region: "eu-west-1", BaseEndpoint: &c.scaling.URL, HTTPClient: c.scaling.Client(),
			Credentials: aws.CredentialsProviderFunc(staticCredentials),
			Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		},
		Endpoint: c.metadata.URL, Ticks: ticks, Logger: hclog.NewNullLogger(),
	}
}

// pump ticks until something happened.
func pump(t *testing.T, ticks chan<- time.Time, happened <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-happened:
			return
		case <-t.Context().Done():
			t.Fatal("nothing happened")
		case ticks <- time.Time{}:
		}
	}
}
