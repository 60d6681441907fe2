package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
)

// answers is an Amazon that answers every HEAD the same.
type answers struct {
	status int
	region string
	asked  []string
}

func (a *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, request.Method+" "+request.URL.String()+request.Header.Get("Authorization"))
	header := http.Header{}
	if a.region != "" {
		header.Set("X-Amz-Bucket-Region", a.region)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: http.NoBody, Request: request}, nil
}

func TestLocate(t *testing.T) {
	t.Parallel()
	endpoint := func(text string) *s3driver.Endpoint {
		parsed, err := s3driver.ParseEndpoint(text)
		if err != nil {
			t.Fatal(err)
		}
		return &parsed
	}
	cases := map[string]struct {
		place  place
		answer answers
		want   s3driver.Location
		asked  []string
	}{
		"region given": {
			place: place{bucket: "logs", region: "eu-west-1", hint: "eu-west-1"},
			want:  s3driver.Location{Scheme: "https", Host: "logs.s3.eu-west-1.amazonaws.com", Region: "eu-west-1"},
		},
		"china": {
			place: place{bucket: "logs", region: "cn-north-1", hint: "cn-north-1"},
			want:  s3driver.Location{Scheme: "https", Host: "logs.s3.cn-north-1.amazonaws.com.cn", Region: "cn-north-1"},
		},
		"govcloud": {
			place: place{bucket: "logs", region: "us-gov-west-1", hint: "us-gov-west-1"},
			want:  s3driver.Location{Scheme: "https", Host: "logs.s3.us-gov-west-1.amazonaws.com", Region: "us-gov-west-1"},
		},
		"dots cannot stand under a wildcard certificate": {
			place: place{bucket: "a.b", region: "eu-west-1", hint: "eu-west-1"},
			want:  s3driver.Location{Scheme: "https", Host: "s3.eu-west-1.amazonaws.com", Path: "/a.b", Region: "eu-west-1"},
		},
		"region found out": {
			place: place{bucket: "logs", hint: "us-east-1"}, answer: answers{status: 403, region: "ap-south-1"},
			want:  s3driver.Location{Scheme: "https", Host: "logs.s3.ap-south-1.amazonaws.com", Region: "ap-south-1"},
			asked: []string{"HEAD https://logs.s3.us-east-1.amazonaws.com/"},
		},
		"region found out in china": {
			place: place{bucket: "logs", hint: "cn-north-1"}, answer: answers{status: 301, region: "cn-northwest-1"},
			want:  s3driver.Location{Scheme: "https", Host: "logs.s3.cn-northwest-1.amazonaws.com.cn", Region: "cn-northwest-1"},
			asked: []string{"HEAD https://logs.s3.cn-north-1.amazonaws.com.cn/"},
		},
		"vpc endpoint": {
			place: place{bucket: "logs", hint: "us-east-1", endpoint: endpoint("https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com")},
			want:  s3driver.Location{Scheme: "https", Host: "logs.bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", Region: "us-east-1"},
		},
		"endpoint that is an address": {
			place: place{bucket: "logs", hint: "us-east-1", endpoint: endpoint("http://127.0.0.1:7070/")},
			want:  s3driver.Location{Scheme: "http", Host: "127.0.0.1:7070", Path: "/logs", Region: "us-east-1"},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.place.locate(t.Context(), &http.Client{Transport: &test.answer})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("locate (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.asked, test.answer.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLocateFails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer answers
		kind   driver.Kind
		want   string
	}{
		"absent bucket":     {answers{status: 404}, driver.KindNotFound, "partition of region us-east-1"},
		"throttled":         {answers{status: 503}, driver.KindUnavailable, "did not say its region"},
		"answer without it": {answers{status: 403}, driver.KindInvalidArgument, "give the option region"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := place{bucket: "logs", hint: "us-east-1"}.locate(t.Context(), &http.Client{Transport: &test.answer})
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("locate = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			}
		})
	}
}

func TestIdentityIsThatOfTheBucket(t *testing.T) {
	cases := map[string]struct {
		options map[string]string
		want    string
	}{
		"default":         {nil, "s3.amazonaws.com/logs"},
		"another region":  {map[string]string{"region": "eu-west-1"}, "s3.amazonaws.com/logs"},
		"china":           {map[string]string{"region": "cn-north-1"}, "s3.amazonaws.com.cn/logs"},
		"govcloud":        {map[string]string{"region": "us-gov-west-1"}, "us-gov.s3.amazonaws.com/logs"},
		"vpc endpoint":    {map[string]string{"endpoint": "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"}, "s3.amazonaws.com/logs"},
		"somebody else's": {map[string]string{"endpoint": "http://127.0.0.1:7070"}, "127.0.0.1:7070/logs"},
	}
	clearAWS(t)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, err := amazon().Open(t.Context(), driver.OpenRequest{Bucket: "logs", Credentials: "anonymous", Options: test.options})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = bucket.Close() }()
			if got := bucket.Session().Identity; got != test.want {
				t.Errorf("Identity = %q, want %q", got, test.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	cases := map[string]struct {
		request driver.OpenRequest
		kind    driver.Kind
		want    string
	}{
		"unknown option":      {driver.OpenRequest{Bucket: "b", Options: map[string]string{"regoin": "x"}}, driver.KindInvalidArgument, `"regoin" is unknown`},
		"endpoint":            {driver.OpenRequest{Bucket: "b", Options: map[string]string{"endpoint": "ftp://h"}}, driver.KindInvalidArgument, "option endpoint"},
		"bucket with a slash": {driver.OpenRequest{Bucket: "a/b"}, driver.KindInvalidArgument, "no bucket name"},
		"absent ca":           {driver.OpenRequest{Bucket: "b", Options: map[string]string{"ca": "/nowhere/ca.pem"}}, driver.KindInvalidArgument, "option ca"},
		"proxy":               {driver.OpenRequest{Bucket: "b", Options: map[string]string{"proxy": "::"}}, driver.KindInvalidArgument, "option proxy"},
		"absent variables":    {driver.OpenRequest{Bucket: "b", Credentials: "env:NOWHERE"}, driver.KindDenied, "NOWHERE_ACCESS_KEY_ID"},
		"absent profile":      {driver.OpenRequest{Bucket: "b", Credentials: "profile:nowhere"}, driver.KindDenied, "nowhere"},
		"no reference":        {driver.OpenRequest{Bucket: "b", Credentials: "AKIAsecret"}, driver.KindInvalidArgument, "must be a reference"},
	}
	clearAWS(t)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := amazon().Open(context.Background(), test.request)
			var failure *driver.Error
			if !errors.As(err, &failure) || failure.Kind != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Open = %v, want %v and %q", err, test.kind, test.want)
			}
			if strings.Contains(err.Error(), "AKIAsecret") {
				t.Errorf("the error repeats what may be a key: %v", err)
			}
		})
	}
}

// clearAWS takes the AWS settings of whoever runs the tests out of their way.
func clearAWS(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
}
