package proxy_test

import (
	"bytes"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// summed is a transport that compares the checksum of each answer with its body; the
// SDK does not always.
type summed struct {
	t       *testing.T
	answers int
}

func (s *summed) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	s.answers++
	if got, want := answer.Header.Get("X-Amz-Crc32"), strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10); got != want {
		s.t.Errorf("answer %d, %s, has checksum %q, want %s of %s", s.answers, answer.Status, got, want, body)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

func TestChecksumsOfAlteredAnswers(t *testing.T) {
	t.Parallel()
	server := cloud.StartForTest(t, cloud.Moto) // MiniStack gives no checksums
	if err := cloud.CreateTable(t.Context(), server.DynamoDB(), tableOf("sums"), ""); err != nil {
		t.Fatal(err)
	}
	front, endpoint := proxy.StartForTest(t, proxy.Config{Default: server.Endpoint})
	config, sums := cloud.ConfigAt(endpoint), &summed{t: t}
	config.HTTPClient = &http.Client{Transport: sums}
	s := store{Proxy: front, t: t, client: dynamodb.NewFromConfig(config), table: "sums"}
	front.Inject(
		proxy.Fault{Operation: "dynamodb.BatchGetItem", Do: proxy.Entries, Most: 1},
		proxy.Fault{Operation: "dynamodb.BatchGetItem", Do: proxy.Fail, Code: proxy.Throttled},
	)
	for i, fails := range []bool{false, true, false} {
		_, err := s.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: s.reads(3)})
		if fails != (err != nil) {
			t.Errorf("answer %d: %v", i+1, err)
		}
	}
	if sums.answers != 3 {
		t.Errorf("%d answers were summed", sums.answers)
	}
}
