package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/crc64nvme"
)

// start serves a store that has a bucket of 1,500 objects of 10 bytes and one of
// two objects of 3 MiB, and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := newStore()
	for _, spec := range []string{"small=1500x10", "large=2x3145728"} {
		if err := s.fill(spec); err != nil {
			t.Fatal(err)
		}
	}
	go serve(listener, s, &counters{})
	return "http://" + listener.Addr().String()
}

// answer is what a test looks at.
type answer struct {
	Status int
	ETag   string
	CRC    string
	Body   string
}

func do(t *testing.T, method, address, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("ETag"), response.Header.Get("x-amz-checksum-crc64nvme"), string(text)}
}

func crcOf(body string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum([]byte(body))))
}

func TestListingIsPagedAndComplete(t *testing.T) {
	t.Parallel()
	address := start(t)
	var keys []string
	for token := ""; ; {
		var page struct {
			Contents []struct{ Key string }
			Next     string `xml:"NextContinuationToken"`
		}
		got := do(t, "GET", address+"/small?list-type=2&prefix=data/&continuation-token="+token, "")
		if err := xml.Unmarshal([]byte(got.Body), &page); err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, object.Key)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	var want []string
	for i := range 1500 {
		want = append(want, fmt.Sprintf("data/%04d/object-%07d", i/1000, i))
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func TestGetServesWholesAndRanges(t *testing.T) {
	t.Parallel()
	address := start(t) + "/large/data/0000/object-0000001"
	content := string(bytes.Repeat(pattern, 3))
	whole := do(t, "GET", address, "", "x-amz-checksum-mode", "ENABLED")
	if whole.Body != content || whole.CRC != crcOf(content) || whole.Status != 200 {
		t.Errorf("whole: status %d, %d bytes, CRC %q; want %q", whole.Status, len(whole.Body), whole.CRC, crcOf(content))
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
		body    string
	}{
		"across the pattern": {[]string{"Range", "bytes=1048570-2097160"}, 206, content[1048570:2097161]},
		"to the end":         {[]string{"Range", "bytes=3145720-"}, 206, content[3145720:]},
		"same version":       {[]string{"Range", "bytes=0-0", "If-Match", whole.ETag}, 206, content[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := do(t, "GET", address, "", c.headers...); got.Status != c.status || got.Body != c.body {
				t.Errorf("status %d, %d bytes; want %d, %d bytes", got.Status, len(got.Body), c.status, len(c.body))
			}
		})
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"other version":  {[]string{"If-Match", `"other"`}, 412},
		"beyond the end": {[]string{"Range", "bytes=3145728-"}, 416},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := do(t, "GET", address, "", c.headers...); got.Status != c.status {
				t.Errorf("status %d, want %d", got.Status, c.status)
			}
		})
	}
}

func TestPutAnswersWithTrueChecksums(t *testing.T) {
	t.Parallel()
	address := start(t)
	synthetic := string(pattern[:10])
	chunked := func(trailer string) string {
		return "4\r\n" + synthetic[:4] + "\r\n6\r\n" + synthetic[4:] + "\r\n0\r\nx-amz-checksum-crc64nvme:" + trailer + "\r\n\r\n"
	}
	md5 := (&digests{}).ofSize(10).etag
	streaming := []string{"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    answer
	}{
		"synthetic bytes":  {synthetic, nil, answer{Status: 200, ETag: md5, CRC: crcOf(synthetic)}},
		"other bytes":      {"other", nil, answer{Status: 200, ETag: fmt.Sprintf(`"%016x-0"`, crc64nvme.Checksum([]byte("other"))), CRC: crcOf("other")}},
		"in chunks":        {chunked(crcOf(synthetic)), streaming, answer{Status: 200, ETag: md5, CRC: crcOf(synthetic)}},
		"a wrong trailer":  {chunked(crcOf("other")), streaming, answer{Status: 400}},
		"a wrong checksum": {synthetic, []string{"x-amz-checksum-crc64nvme", crcOf("other")}, answer{Status: 400}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, "PUT", address+"/to/"+strings.ReplaceAll(name, " ", "-"), c.body, c.headers...)
			got.Body = ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUploadJoinsItsParts(t *testing.T) {
	t.Parallel()
	address := start(t) + "/to/joined"
	var created struct {
		UploadID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal([]byte(do(t, "POST", address+"?uploads", "").Body), &created); err != nil {
		t.Fatal(err)
	}
	parts := []string{string(pattern), string(pattern), string(pattern[:100])}
	for i, part := range parts {
		if got := do(t, "PUT", fmt.Sprintf("%s?partNumber=%d&uploadId=%s", address, i+1, created.UploadID), part); got.Status != 200 || got.CRC != crcOf(part) {
			t.Fatalf("part %d: %+v", i+1, got)
		}
	}
	var completed struct{ ETag, ChecksumCRC64NVME string }
	if err := xml.Unmarshal([]byte(do(t, "POST", address+"?uploadId="+created.UploadID, "").Body), &completed); err != nil {
		t.Fatal(err)
	}
	if want := crcOf(strings.Join(parts, "")); completed.ChecksumCRC64NVME != want || !strings.HasSuffix(completed.ETag, `-3"`) {
		t.Errorf("completed as %+v, want CRC %s and an ETag of 3 parts", completed, want)
	}
	if got := do(t, "GET", address, ""); got.Body != strings.Join(parts, "") {
		t.Errorf("reads back as %d bytes", len(got.Body))
	}
}

func TestServerSideCopyIsRefused(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), "PUT", start(t)+"/to/copy", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-amz-copy-source", "/small/data/0000/object-0000000")
	if response, err := http.DefaultClient.Do(request); err == nil {
		response.Body.Close()
		t.Errorf("a copy that moves no bytes would make its benchmark worthless, but got %s", response.Status)
	}
}
