package servers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A server that listens, says that it is ready and still refuses all writes, as MinIO does
// on a busy machine, is waited for; one that refuses for another reason is not.
func TestWritesAreAwaited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusals int64
		code     string
		status   int
		asked    []string
		fails    string
	}{
		"at once": {asked: []string{"DELETE /is-it-ready"}},
		"in a while": {
			refusals: 3, code: "XMinioServerNotInitialized", status: 503,
			asked: []string{"DELETE /is-it-ready", "DELETE /is-it-ready", "DELETE /is-it-ready", "DELETE /is-it-ready"},
		},
		"never": {refusals: 1, code: "InvalidAccessKeyId", status: 403, asked: []string{"DELETE /is-it-ready"}, fails: "InvalidAccessKeyId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var left atomic.Int64
			left.Store(c.refusals)
			var asked []string
			fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Method+" "+strings.TrimSuffix(r.URL.Path, "/"))
				status, code := http.StatusNotFound, "NoSuchBucket"
				if left.Add(-1) >= 0 {
					status, code = c.status, c.code
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code></Error>")
			}))
			server := &Server{Endpoint: fake.URL, AccessKey: "tester", SecretKey: "tester-secret", Region: "us-east-1"}
			err := server.awaitWrites(t.Context())
			fake.Close()
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
