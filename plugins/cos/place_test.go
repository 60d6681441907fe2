package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	const (
		regional = "cos.ap-guangzhou.myqcloud.com"
		host     = suite + "." + regional
		identity = regional + "/" + suite
	)
	cases := map[string]struct {
		options map[string]string
		want    place
	}{
		"public":         {nil, place{"https", host, host, "", identity, "myqcloud.com", host}},
		"acceleration":   {map[string]string{"network": "accelerate"}, place{"https", suite + ".cos.accelerate.myqcloud.com", host, "", identity, "myqcloud.com", host}},
		"own domain":     {map[string]string{"domain": "http://Files.example.com/"}, place{"http", "files.example.com", "files.example.com", "", identity, "myqcloud.com", host}},
		"second domain":  {map[string]string{"endpoint": "cos.ap-guangzhou.tencentcos.cn"}, place{"https", suite + ".cos.ap-guangzhou.tencentcos.cn", suite + ".cos.ap-guangzhou.tencentcos.cn", "", identity, "myqcloud.com", host}},
		"another COS":    {map[string]string{"endpoint": "https://cos.example.com:443"}, place{"https", suite + ".cos.example.com", suite + ".cos.example.com", "", "cos.example.com/" + suite, "cos.example.com", host}},
		"an address":     {map[string]string{"endpoint": "http://127.0.0.1:9000"}, place{"http", "127.0.0.1:9000", "127.0.0.1:9000", "/" + suite, "127.0.0.1:9000/" + suite, "127.0.0.1:9000", host}},
		"emulated vhost": {map[string]string{"endpoint": "http://" + regional + ":9000"}, place{"http", host + ":9000", host + ":9000", "", regional + ":9000/" + suite, regional + ":9000", host}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := map[string]string{"region": region}
			maps.Copy(given, test.options)
			got, err := locate(suite, given)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(place{})); err != nil || diff != "" {
				t.Errorf("place (%v, -want +got):\n%s", err, diff)
			}
		})
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		bucket  string
		options map[string]string
		says    string
	}{
		"no account number":    {"suite", nil, "NAME-APPID"},
		"capitals":             {"Suite-1250000000", nil, "NAME-APPID"},
		"a path as bucket":     {"../x-1", nil, "NAME-APPID"},
		"no region":            {suite, map[string]string{"region": ""}, "option region"},
		"a host as region":     {suite, map[string]string{"region": "x.example.com/"}, "option region"},
		"unknown network":      {suite, map[string]string{"network": "internal"}, "option network"},
		"domain and endpoint":  {suite, map[string]string{"domain": "a.example.com", "endpoint": "b.example.com"}, "exclude each other"},
		"acceleration and one": {suite, map[string]string{"network": "accelerate", "endpoint": "b.example.com"}, "exclude each other"},
		"domain with a path":   {suite, map[string]string{"domain": "https://a.example.com/b"}, "option domain"},
		"endpoint by ftp":      {suite, map[string]string{"endpoint": "ftp://a.example.com"}, "option endpoint"},
		"resolve":              {suite, map[string]string{"resolve": "x"}, "option resolve"},
		"ca":                   {suite, map[string]string{"ca": "/no/such/bundle"}, "option ca"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := map[string]string{"region": region}
			maps.Copy(given, test.options)
			_, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: test.bucket, Credentials: "anonymous", Options: given})
			if failure := wantFailure(t, err, driver.KindInvalidArgument); !strings.Contains(failure.Message, test.says) || failure.Bucket != test.bucket {
				t.Errorf("Open = %v, want it to say %q of bucket %s", err, test.says, test.bucket)
			}
		})
	}
}

// TestExchangesAreAccelerated proves that bodies alone take the accelerated way.
func TestExchangesAreAccelerated(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", map[string]string{"network": "accelerate"})
	get, err := b.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if want := "https://" + suite + ".cos.accelerate.myqcloud.com/k"; err != nil || get.URL != want {
		t.Errorf("SignGet = %s, %v; want %s", get.URL, err, want)
	}
	if want := "cos." + region + ".myqcloud.com/" + suite; b.Session().Identity != want {
		t.Errorf("identity %q, want %q whatever the network", b.Session().Identity, want)
	}
}

func TestReachCopyRefuses(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	here := map[string]string{"region": region, "endpoint": server.Endpoint}
	b := openAt(t, "env:GOOD", here)
	b.put(t, clientOf(t, server), "k", "body", driver.Attributes{})
	cases := map[string]struct {
		from    *bucket
		source  driver.CopySource
		want    driver.Kind
		request string // of the emulator, which fails
	}{
		"the other bucket":   {b, driver.CopySource{Bucket: other, Options: here}, driver.KindUnknown, ""},
		"another store":      {b, driver.CopySource{Bucket: other, Options: map[string]string{"region": region}}, driver.KindUnsupported, ""},
		"no such bucket":     {b, driver.CopySource{Bucket: "absent-1250000000", Options: here}, driver.KindNotFound, ""},
		"bad options":        {b, driver.CopySource{Bucket: other}, driver.KindInvalidArgument, ""},
		"wrong keys":         {openAt(t, "env:BAD", here), driver.CopySource{Bucket: suite, Options: here}, driver.KindDenied, ""},
		"anonymous":          {openAt(t, "anonymous", here), driver.CopySource{Bucket: suite, Options: here}, driver.KindDenied, ""},
		"may list, not read": {b, driver.CopySource{Bucket: suite, Options: here}, driver.KindDenied, "GetObject"},
		"archived":           {b, driver.CopySource{Bucket: suite, Options: here}, driver.KindUnknown, "archived"},
	}
	for name, test := range cases {
		switch test.request {
		case "GetObject":
			server.Inject(t, servers.Fault{"op": "GetObject", "do": "error", "status": 403, "code": "AccessDenied", "message": "no"})
		case "archived":
			server.Inject(t, servers.Fault{"op": "GetObject", "do": "archived"})
		}
		if err := test.from.ReachCopy(t.Context(), test.source); driver.KindOf(err) != test.want {
			t.Errorf("%s: %v is %s, want %s", name, err, driver.KindOf(err), test.want)
		}
	}
}

// TestCopyBetweenBuckets copies with another class and a name that needs escaping.
func TestCopyBetweenBuckets(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	here := map[string]string{"endpoint": server.Endpoint}
	from := openAt(t, "env:GOOD", here)
	given, err := control.ReadOptions(options(), map[string]string{"region": region, "endpoint": server.Endpoint, "proxy": "none"})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := store{}.open(t.Context(), driver.OpenRequest{Bucket: other, Credentials: "env:GOOD", Options: given})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	const key = "a b/../c+%2F?versionId=x"
	attributes := driver.Attributes{ContentType: "text/plain", Metadata: []driver.Metadata{{Name: "owner", Value: "x"}}, Tags: []driver.Tag{{Key: "k", Value: "v"}}}
	from.put(t, clientOf(t, server), key, "body", attributes)
	source, err := from.Stat(t.Context(), driver.StatRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	copied, err := opened.CopyObject(t.Context(), driver.CopyObjectRequest{Source: driver.CopySource{Bucket: suite, Options: given}, Object: source, Key: key, StorageClass: "STANDARD_IA"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := opened.Stat(t.Context(), driver.StatRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	want := source
	want.StorageClass, want.Modified = "STANDARD_IA", got.Modified
	if diff := cmp.Diff(want, got); diff != "" || copied.ETag != got.ETag || copied.StorageClass != got.StorageClass {
		t.Errorf("the copy, returned as %+v, is (-want +got):\n%s", copied, diff)
	}
	tags, err := opened.Tags(t.Context(), driver.StatRequest{Key: key})
	if diff := cmp.Diff(attributes.Tags, tags); err != nil || diff != "" {
		t.Errorf("tags of the copy (%v, -want +got):\n%s", err, diff)
	}
}
