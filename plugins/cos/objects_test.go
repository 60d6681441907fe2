package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// TestLengthIsSigned writes with raw connections, as a broken host would: COS stores
// what Content-Length says, with status 200, whatever follows.
func TestLengthIsSigned(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	const body = "0123456789"
	cases := map[string]struct {
		announced int
		stored    bool
	}{
		"the signed length":             {len(body), true},
		"shorter than the body":         {len(body) - 1, false},
		"longer, and the body ends":     {len(body) + 1, false},
		"nothing":                       {0, false},
		"the first of a body too large": {5, false},
	}
	for name, test := range cases {
		exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: name, Size: int64(len(body))})
		if err != nil {
			t.Fatal(err)
		}
		status := sendRaw(t, exchange, test.announced, body)
		object, err := b.Stat(t.Context(), driver.StatRequest{Key: name})
		if stored := err == nil; stored != test.stored || stored && object.Size != int64(len(body)) {
			t.Errorf("%s: answered %d, the object has %d bytes (%v)", name, status, object.Size, err)
		}
	}
}

// sendRaw sends the exchange with a Content-Length of its own and returns the status.
func sendRaw(t *testing.T, exchange driver.Exchange, announced int, body string) int {
	t.Helper()
	target, err := url.Parse(exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", target.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", exchange.Method, target.RequestURI(), target.Host, announced)
	for _, field := range exchange.Header {
		request += field.Name + ": " + field.Value + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n" + body)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = reply.Body.Close()
	return reply.StatusCode
}

// TestDefaultDomain proves what the vendor's own domains do to a GET, and that the
// host is told of it.
func TestDefaultDomain(t *testing.T) {
	setKeys(t)
	server := startEmulator(t, "-strict-host")
	_, port, _ := strings.Cut(strings.TrimPrefix(server.Endpoint, "http://"), ":")
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": "http://cos." + region + ".myqcloud.com:" + port, "resolve": "*:" + port + ":127.0.0.1"})
	client := clientOf(t, server)
	want := driver.Attributes{ContentType: "text/plain", ContentDisposition: "inline"}
	b.put(t, client, "page", "body", want)
	exchange, err := b.SignGet(t.Context(), driver.GetRequest{Key: "page"})
	if err != nil {
		t.Fatal(err)
	}
	answer := send(t, client, exchange, nil)
	if answer.Header.Get("Content-Disposition") != "attachment" || answer.Header.Get(exchange.Reply.Overridden) == "" {
		t.Errorf("GET answers %v without %s", answer.Header, exchange.Reply.Overridden)
	}
	object, err := b.Stat(t.Context(), driver.StatRequest{Key: "page"})
	if err != nil || object.Attributes.ContentDisposition != "inline" {
		t.Errorf("Stat = %+v, %v; want the object's own disposition", object, err)
	}
	b.wantExchange(t, client, "program.apk", driver.KindUnsupported)
}

// TestListingsAreLate lets the emulator answer as a store that is consistent later on.
func TestListingsAreLate(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	b.put(t, clientOf(t, server), "new", "body", driver.Attributes{})
	server.Inject(t, servers.Fault{"op": "GetBucket", "do": "stale-list"})
	for _, want := range []int{0, 1} {
		page, err := b.List(t.Context(), driver.ListRequest{})
		if err != nil || len(page.Objects) != want {
			t.Errorf("the listing has %d objects (%v), want %d", len(page.Objects), err, want)
		}
	}
	if b.Session().Limits.StronglyConsistent {
		t.Error("the session declares listings that COS does not promise")
	}
}

// TestBrokenListings proves that a listing neither goes on for ever nor ends early.
func TestBrokenListings(t *testing.T) {
	t.Parallel()
	const truncated = "<IsTruncated>true</IsTruncated>"
	cases := map[string]string{
		"no marker":           "<ListBucketResult>" + truncated + "</ListBucketResult>",
		"the marker before":   "<ListBucketResult>" + truncated + "<NextMarker>k</NextMarker></ListBucketResult>",
		"marker, no escape":   "<ListBucketResult>" + truncated + "<NextMarker>l%z</NextMarker></ListBucketResult>",
		"key, no escape":      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%z</Key><Size>1</Size></Contents></ListBucketResult>",
		"no size":             "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>l</Key></Contents></ListBucketResult>",
		"no key":              "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></ListBucketResult>",
		"cut":                 "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>l</Key><Size>1</Size></Contents>",
		"cut inside an entry": "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>l</Key><Size>1</Size></ListBucketResult>",
		"another document":    "<Error></Error>",
		"nothing":             "<ListBucketResult></ListBucketResult>",
		"a marker alone":      "<ListBucketResult><NextMarker>l</NextMarker></ListBucketResult>",
		"a marker too many":   "<ListBucketResult><IsTruncated>false</IsTruncated><NextMarker>l</NextMarker></ListBucketResult>",
		"another bucket":      "<ListBucketResult><Name>other-1250000000</Name><IsTruncated>false</IsTruncated></ListBucketResult>",
		"another prefix":      "<ListBucketResult><Prefix>q/</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>",
		"folders":             "<ListBucketResult><Prefix>a/</Prefix><IsTruncated>false</IsTruncated><CommonPrefixes>\n<Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>",
		"a delimiter":         "<ListBucketResult><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated></ListBucketResult>",
		"another marker":      "<ListBucketResult><Marker>l</Marker><IsTruncated>false</IsTruncated></ListBucketResult>",
		"no prefix":           "<ListBucketResult><Prefix/><IsTruncated>false</IsTruncated></ListBucketResult>",
	}
	for name, document := range cases {
		b := openAt(t, "anonymous", map[string]string{"endpoint": serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Cos-Request-Id", "id")
			_, _ = w.Write([]byte(document))
		})})
		if page, err := b.List(t.Context(), driver.ListRequest{Prefix: "a/", Token: "k"}); driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
}

// TestClockOfTheStore lets the store's clock be three hours ahead.
func TestClockOfTheStore(t *testing.T) {
	setKeys(t)
	ahead := serve(t, func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(3 * time.Hour)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		_, end, _ := strings.Cut(r.Header.Get("Authorization"), ";")
		end, _, _ = strings.Cut(end, "&")
		if until, err := strconv.ParseInt(end, 10, 64); err != nil || until < now.Unix() {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
			return
		}
		_, _ = w.Write([]byte("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
	})
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": ahead})
	_, err := b.List(t.Context(), driver.ListRequest{})
	wantFailure(t, err, driver.KindExpired)
	if _, err = b.List(t.Context(), driver.ListRequest{}); err != nil {
		t.Errorf("List after the store told its time: %v", err)
	}
}

func TestObjectsWithoutChecksum(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	server.Inject(t, servers.Fault{"op": "PutObject", "do": "no-crc64"})
	b.put(t, clientOf(t, server), "old", "body", driver.Attributes{})
	object, err := b.Stat(t.Context(), driver.StatRequest{Key: "old"})
	if err != nil || object.Size != 4 || len(object.Checksums) != 0 {
		t.Errorf("Stat = %+v, %v; want 4 bytes and no checksum", object, err)
	}
}

// BenchmarkList is the processor time of a page of 1,000 keys.
func BenchmarkList(b *testing.B) {
	var page strings.Builder
	page.WriteString("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>")
	for i := range 1000 {
		fmt.Fprintf(&page, "<Contents><Key>some/prefix/object-%04d.parquet</Key><LastModified>2026-11-23T10:00:00.000Z</LastModified>"+
			"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>4096</Size><Owner><ID>1250000000</ID><DisplayName>1250000000</DisplayName></Owner>"+
			"<StorageClass>STANDARD</StorageClass></Contents>", i)
	}
	page.WriteString("</ListBucketResult>")
	server := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page.String())) })
	bucket := openAt(b, "anonymous", map[string]string{"endpoint": server})
	perSignature(b, func() error {
		listed, err := bucket.List(b.Context(), driver.ListRequest{})
		if err == nil && len(listed.Objects) != 1000 {
			err = fmt.Errorf("the page has %d objects", len(listed.Objects))
		}
		return err
	})
}
