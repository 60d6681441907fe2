package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	type want struct{ Root, Region, Identity string }
	const cloud = "aliyuncs.com/" + suite
	cases := map[string]struct {
		options map[string]string
		want    want
	}{
		"public":              {map[string]string{"region": "cn-hangzhou"}, want{"https://suite-bucket.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou", cloud}},
		"region with prefix":  {map[string]string{"region": "oss-cn-beijing"}, want{"https://suite-bucket.oss-cn-beijing.aliyuncs.com", "cn-beijing", cloud}},
		"internal":            {map[string]string{"region": "cn-hangzhou", "network": "internal"}, want{"https://suite-bucket.oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou", cloud}},
		"accelerate":          {map[string]string{"region": "us-west-1", "network": "accelerate"}, want{"https://suite-bucket.oss-accelerate.aliyuncs.com", "us-west-1", cloud}},
		"accelerate overseas": {map[string]string{"region": "us-west-1", "network": "accelerate-overseas"}, want{"https://suite-bucket.oss-accelerate-overseas.aliyuncs.com", "us-west-1", cloud}},
		"domain":              {map[string]string{"region": "cn-hangzhou", "domain": "data.example.com"}, want{"https://data.example.com", "cn-hangzhou", cloud}},
		"endpoint":            {map[string]string{"endpoint": "http://oss-cn-shanghai-internal.aliyuncs.com:80"}, want{"http://suite-bucket.oss-cn-shanghai-internal.aliyuncs.com", "cn-shanghai", cloud}},
		"dual stack":          {map[string]string{"endpoint": "cn-hangzhou.oss.aliyuncs.com"}, want{"https://suite-bucket.cn-hangzhou.oss.aliyuncs.com", "cn-hangzhou", cloud}},
		"another OSS":         {map[string]string{"endpoint": "https://OSS.example.com:8443/", "region": "r-1"}, want{"https://suite-bucket.oss.example.com:8443", "r-1", "oss.example.com:8443/" + suite}},
		"address":             {map[string]string{"endpoint": "http://127.0.0.1:9", "region": "r-1"}, want{"http://127.0.0.1:9/suite-bucket", "r-1", "127.0.0.1:9/" + suite}},
		"address of IPv6":     {map[string]string{"endpoint": "http://[::1]:9", "region": "r-1"}, want{"http://[::1]:9/suite-bucket", "r-1", "[::1]:9/" + suite}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t, driver.OpenRequest{Bucket: suite, Credentials: "anonymous", Options: test.options})
			found, err := b.site(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, want{found.root, found.region, b.Session().Identity}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	option := func(pairs ...string) driver.OpenRequest {
		options := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			options[pairs[i]] = pairs[i+1]
		}
		return driver.OpenRequest{Bucket: suite, Credentials: "anonymous", Options: options}
	}
	cases := map[string]struct {
		request driver.OpenRequest
		kind    driver.Kind
		want    string
	}{
		"unknown option":            {option("regoin", "x"), driver.KindInvalidArgument, `"regoin" is unknown`},
		"region":                    {option("region", "cn/hangzhou"), driver.KindInvalidArgument, "option region"},
		"network":                   {option("network", "intern"), driver.KindInvalidArgument, "option network"},
		"endpoint's scheme":         {option("endpoint", "ftp://h"), driver.KindInvalidArgument, "option endpoint"},
		"endpoint with a path":      {option("endpoint", "https://h/p"), driver.KindInvalidArgument, "option endpoint"},
		"domain":                    {option("domain", "https://u@h"), driver.KindInvalidArgument, "option domain"},
		"domain and endpoint":       {option("domain", "h", "endpoint", "h"), driver.KindInvalidArgument, "exclude each other"},
		"network of an endpoint":    {option("network", "internal", "endpoint", "h"), driver.KindInvalidArgument, "options network and endpoint"},
		"network of a domain":       {option("network", "internal", "domain", "h"), driver.KindInvalidArgument, "options network and domain"},
		"absent ca":                 {option("ca", "/nowhere/ca.pem"), driver.KindInvalidArgument, "option ca"},
		"resolve":                   {option("resolve", "h"), driver.KindInvalidArgument, "option resolve"},
		"bucket with a dot":         {driver.OpenRequest{Bucket: "a.bc", Credentials: "anonymous"}, driver.KindInvalidArgument, "no bucket name"},
		"bucket with upper case":    {driver.OpenRequest{Bucket: "Abc", Credentials: "anonymous"}, driver.KindInvalidArgument, "no bucket name"},
		"reference that is a key":   {driver.OpenRequest{Bucket: suite, Credentials: "LTAIsecret"}, driver.KindInvalidArgument, "must be a reference"},
		"variables that do not be":  {driver.OpenRequest{Bucket: suite, Credentials: "env:NOWHERE"}, driver.KindDenied, "NOWHERE_ACCESS_KEY_ID"},
		"profile that does not be":  {driver.OpenRequest{Bucket: suite, Credentials: "profile:nowhere"}, driver.KindDenied, "Alibaba Cloud CLI"},
		"file that cannot be found": {driver.OpenRequest{Bucket: suite, Credentials: "file:/nowhere"}, driver.KindDenied, "nowhere"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store{}.Open(t.Context(), test.request)
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Open = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			}
			if strings.Contains(err.Error(), "LTAIsecret") {
				t.Errorf("the error repeats what may be a key: %v", err)
			}
		})
	}
}

// cloud is all of OSS as far as names and regions go: every host leads to it.
type cloud struct {
	mu    sync.Mutex
	asked []string
	reply func(host string) (status int, document string)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	c.mu.Lock()
	c.asked = append(c.asked, r.Method+" "+host+r.URL.RequestURI())
	c.mu.Unlock()
	status, document := c.reply(host)
	w.Header().Set("X-Oss-Request-Id", "5C3D9175B6FC201293AD4890")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, document)
}

// lead sends all requests of a bucket to the server, whose names are not OSS's.
func lead(t *testing.T, b *bucket, server *httptest.Server) {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = clientOf(t, "http://"+server.Listener.Addr().String()).Transport.(*http.Transport).DialContext
	transport.TLSClientConfig.InsecureSkipVerify = true
	b.client.Transport = transport
}

// TestAccelerationIsForBodies keeps control calls at the region's own endpoint.
func TestAccelerationIsForBodies(t *testing.T) {
	t.Parallel()
	oss := &cloud{reply: func(string) (int, string) {
		return 200, "<ListBucketResult><Name>suite-bucket</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
	}}
	server := httptest.NewTLSServer(oss)
	defer server.Close()
	b := opened(t, driver.OpenRequest{Bucket: suite, Credentials: "anonymous", Options: map[string]string{"region": region, "network": "accelerate"}})
	lead(t, b, server)
	if _, err := b.List(t.Context(), driver.ListRequest{Prefix: "p"}); err != nil {
		t.Fatal(err)
	}
	if len(oss.asked) != 1 || !strings.HasPrefix(oss.asked[0], "GET suite-bucket.oss-cn-hangzhou.aliyuncs.com/?") {
		t.Errorf("a listing goes to %s", oss.asked)
	}
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if want := "https://suite-bucket.oss-accelerate.aliyuncs.com/k"; err != nil || get.URL != want {
		t.Errorf("a body comes from %s, %v; want %s", get.URL, err, want)
	}
}

// TestRegionIsDiscovered leads all of OSS's names to one server.
func TestRegionIsDiscovered(t *testing.T) {
	const elsewhere = "<Error><Code>AccessDenied</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.</Message><Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>"
	refusal := func(code string) string { return "<Error><Code>" + code + "</Code><Message>m</Message></Error>" }
	cases := map[string]struct {
		status   int
		document string
		domain   string
		hint     string
		want     string // region, or what the error says
		kind     driver.Kind
	}{
		"in the region asked":         {200, "<LocationConstraint>oss-cn-hangzhou</LocationConstraint>", "", "", "cn-hangzhou", 0},
		"elsewhere":                   {403, elsewhere, "", "", "cn-beijing", 0},
		"elsewhere, asked by a hint":  {403, elsewhere, "", "eu-central-1", "cn-beijing", 0},
		"may not be asked":            {403, refusal("AccessDenied"), "", "us-east-1", "us-east-1", 0},
		"behind a domain":             {403, elsewhere, "http://data.example.com", "", "cn-beijing", 0},
		"no answer of OSS":            {200, "<LocationConstraint>mars</LocationConstraint>", "", "", "give the option region", driver.KindInvalidArgument},
		"absent":                      {404, refusal("NoSuchBucket"), "", "", "NoSuchBucket", driver.KindNotFound},
		"wrong keys":                  {403, refusal("SignatureDoesNotMatch"), "", "", "SignatureDoesNotMatch", driver.KindDenied},
		"throttled":                   {503, refusal("QpsLimitExceeded"), "", "", "QpsLimitExceeded", driver.KindThrottled},
		"an endpoint of other region": {400, "<Error><Code>InvalidArgument</Code><Message>Invalid signing region in Authorization header.</Message></Error>", "", "", "Set region", driver.KindInvalidArgument},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			oss := &cloud{reply: func(string) (int, string) { return test.status, test.document }}
			server := httptest.NewTLSServer(oss)
			defer server.Close()
			t.Setenv("OSS_REGION", test.hint)
			options := map[string]string{"domain": test.domain}
			b := opened(t, driver.OpenRequest{Bucket: suite, Credentials: "anonymous", Options: options})
			lead(t, b, server)
			found, err := b.site(t.Context())
			err = b.reporter.Fail("site", "", err)
			switch {
			case test.kind != 0 && (driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want)):
				t.Errorf("site = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			case test.kind == 0 && (err != nil || found.region != test.want):
				t.Errorf("site = %+v, %v; want region %s", found, err, test.want)
			}
			asked := "GET " + suite + ".oss-" + first(test.hint, "cn-hangzhou") + ".aliyuncs.com/?location"
			if diff := cmp.Diff([]string{asked}, oss.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
