package s3driver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// skewedServer is an S3 whose clock is off and that refuses signatures of
// another time, as S3 does.
func skewedServer(t *testing.T, off time.Duration) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(off)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		w.Header().Set("X-Amz-Request-Id", "REQUEST-1")
		signed, err := time.Parse(timeFormat, r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(signed).Abs() > 15*time.Minute {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>")
			return
		}
		w.Header().Set("Etag", `"e"`)
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
	}))
	t.Cleanup(server.Close)
	return server
}

// TestSkewedClock proves that the call after RequestTimeTooSkewed works, whether
// this driver or the SDK signs it.
func TestSkewedClock(t *testing.T) {
	for _, off := range []time.Duration{-3 * time.Hour, 48 * time.Hour} {
		for _, op := range []string{"List", "Stat", "Delete"} {
			t.Run(op+off.String(), func(t *testing.T) {
				bucket := openTest(t, skewedServer(t, off).URL)
				call := calls(bucket)[op]
				if err := call(t.Context()); !driver.KindOf(err).Retriable() {
					t.Fatalf("%s with a skewed clock = %v (%v), want a retriable failure", op, err, driver.KindOf(err))
				}
				if err := call(t.Context()); err != nil {
					t.Errorf("the next %s = %v, want success", op, err)
				}
				exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
				if err != nil || time.Until(exchange.Expires.Add(-off)) < 50*time.Minute {
					t.Errorf("an exchange does not follow the store's clock: %v, %v", exchange.Expires, err)
				}
			})
		}
	}
}
