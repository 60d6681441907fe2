package engine_test

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestForeignSuccess: somebody on the way answers a PUT with 200 and a page of his own.
// Nothing was stored, and nothing is called done.
func TestForeignSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("small", content(500, 1), driver.Attributes{})
	w.put("streamed", content(300<<10, 2), driver.Attributes{})
	w.settings.MultipartThreshold = 1 << 20
	portal := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("X-Mem-Request-Id")
			_, _ = w.Write([]byte("<html>please log in</html>")) // the client is gone when this fails
		})
	}
	w.destination.Inject(memdriver.Fault{Call: "Put", Times: 3, Effect: portal})
	report := w.sync()
	w.same()
	if report.Objects.Copied != 2 || report.Evidence.BothEnds != 2 {
		t.Errorf("%+v %+v, want two objects with evidence of both ends", report.Objects, report.Evidence)
	}
}
