package emf_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
	"github.com/dth-dev/dth/tests/cloud"
)

func TestEventsArriveInEmulators(t *testing.T) {
	t.Parallel()
	for _, kind := range []cloud.Kind{cloud.Moto, cloud.MiniStack} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := cloud.StartForTest(t, kind)
			// The answers to the first and to the last write are lost.
			config := cloud.ConfigAt(losing(t, server.Endpoint, 2, 5))
			client := cloudwatchlogs.NewFromConfig(server.Config())
			if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("workers")}); err != nil {
				t.Fatal(err)
			}
			process, counters := &observe.Process{}, &observe.Counters{}
			process.Follow(counters)
			ticks := make(chan time.Time)
			e := emf.Start(emf.Options{
				Stack: "photos", Role: emf.Worker, Instance: "i-0123", Process: process, Group: "workers", Config: config,
				Ticks: ticks, Logger: hclog.NewNullLogger(),
			})
			for range 3 {
				counters.Copied.Add(10)
				ticks <- time.Time{}
			}
			counters.Copied.Add(5)
			if err := e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			var copied []int64
			for _, message := range messages(t, client) {
				d := parse(t, []byte(message))
				checkSpecification(t, d)
				copied = append(copied, d.number(t, "TransferredObjects"))
			}
			total := int64(0)
			for _, n := range copied {
				total += n
			}
			if total != 35 {
				t.Errorf("the log tells of %v copied objects, want 35", copied)
			}
		})
	}
}

// losing forwards to the emulator, and loses the answers to PutLogEvents of these numbers,
// which count from 1.
func losing(t *testing.T, endpoint string, numbers ...int64) (url string) {
	t.Helper()
	target, err := neturl.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	var puts atomic.Int64
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.Header.Get("X-Amz-Target"), ".PutLogEvents") && slices.Contains(numbers, puts.Add(1)) {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// messages returns all events of all streams of the group.
func messages(t *testing.T, client *cloudwatchlogs.Client) []string {
	t.Helper()
	streams, err := client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("workers")})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, stream := range streams.LogStreams {
		out, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String("workers"), LogStreamName: stream.LogStreamName, StartFromHead: aws.Bool(true),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range out.Events {
			found = append(found, aws.ToString(event.Message))
		}
	}
	return found
}
