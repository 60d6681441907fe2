package engine_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestSyncOutlivesFaults strikes one fault at one side and expects the same
// result as without.
func TestSyncOutlivesFaults(t *testing.T) {
	t.Parallel()
	const size = 6*minPart + 5
	tests := map[string]struct {
		atSource bool
		fault    memdriver.Fault
	}{
		"source throttles":              {true, memdriver.Fault{Call: "Get", Times: 3, Effect: memdriver.Fail(503, "SlowDown")}},
		"source answers 500":            {true, memdriver.Fault{Call: "Get", Times: 3, Effect: memdriver.Fail(500, "InternalError")}},
		"source body breaks off":        {true, memdriver.Fault{Call: "Get", Times: 3, Effect: memdriver.CutAnswer(2)}},
		"source body is damaged":        {true, memdriver.Fault{Call: "Get", Key: "small", Times: 1, Effect: memdriver.CorruptAnswer(3)}},
		"source listing fails":          {true, memdriver.Fault{Call: "List", Times: 2, Effect: memdriver.Fail(500, "InternalError")}},
		"destination throttles":         {false, memdriver.Fault{Call: "Put", Times: 3, Effect: memdriver.Fail(503, "SlowDown")}},
		"destination breaks off":        {false, memdriver.Fault{Call: "Put", Times: 2, Effect: memdriver.CutRequest(1)}},
		"destination sees damage":       {false, memdriver.Fault{Call: "Put", Key: "small", Times: 1, Effect: memdriver.CorruptRequest(2)}},
		"put answer lost":               {false, memdriver.Fault{Call: "Put", Times: 2, Effect: memdriver.LoseAnswer()}},
		"part throttled":                {false, memdriver.Fault{Call: "Part", Times: 3, Effect: memdriver.Fail(503, "SlowDown")}},
		"part breaks off":               {false, memdriver.Fault{Call: "Part", Times: 2, Effect: memdriver.CutRequest(10)}},
		"part damaged":                  {false, memdriver.Fault{Call: "Part", Times: 2, Effect: memdriver.CorruptRequest(10)}},
		"part answer lost":              {false, memdriver.Fault{Call: "Part", Times: 2, Effect: memdriver.LoseAnswer()}},
		"create answer lost":            {false, memdriver.Fault{Call: "CreateUpload", Times: 2, Effect: memdriver.LoseAnswer()}},
		"create fails":                  {false, memdriver.Fault{Call: "CreateUpload", Times: 2, Effect: memdriver.Fail(500, "InternalError")}},
		"complete answer lost":          {false, memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.LoseAnswer()}},
		"complete fails":                {false, memdriver.Fault{Call: "CompleteUpload", Times: 2, Effect: memdriver.Fail(500, "InternalError")}},
		"upload lost before a part":     {false, memdriver.Fault{Call: "Part", First: 3, Times: 1, Effect: memdriver.Fail(404, "NoSuchUpload")}},
		"upload lost before completion": {false, memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Fail(404, "NoSuchUpload")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("small", content(100, 1), driver.Attributes{})
			w.put("large", content(size, 2), driver.Attributes{ContentType: "a/b"})
			server := w.destination
			if test.atSource {
				server = w.source
			}
			server.Inject(test.fault)
			report := w.sync()
			w.same()
			if report.Objects.Copied != 2 || report.Evidence.BothEnds != 2 {
				t.Errorf("copied %d, both ends %d, want 2 of each", report.Objects.Copied, report.Evidence.BothEnds)
			}
		})
	}
}

func TestObjectsThatFailAreReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"good", "bad-get", "bad-put", "bad-part"} {
		w.put(key, content(10, 1), driver.Attributes{})
	}
	w.put("bad-part", content(5*minPart, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", Key: "bad-get", Effect: memdriver.Fail(403, "AccessDenied")})
	w.destination.Inject(memdriver.Fault{Call: "Put", Key: "bad-put", Effect: memdriver.CorruptRequest(0)})
	w.destination.Inject(memdriver.Fault{Call: "Part", Key: "bad-part", Effect: memdriver.Fail(503, "SlowDown")})
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.State != "failed" || report.Objects.Failed != 3 || report.Objects.Copied != 1 || len(report.Problems) != 3 {
		t.Fatalf("state %q, failed %d, copied %d, problems %+v", report.State, report.Objects.Failed, report.Objects.Copied, report.Problems)
	}
	w.noUploads()
	want := map[string][]string{
		"bad-get":  {`source: bucket "src"`, `"bad-get"`, "AccessDenied", "request id", "check the credentials of the source"},
		"bad-put":  {`destination: bucket "dst"`, `"bad-put"`, "after 6 attempts", "damaged"},
		"bad-part": {`destination: bucket "dst"`, `"bad-part"`, "SlowDown", "after 6 attempts", "--transfers"},
	}
	for _, problem := range report.Problems {
		for _, text := range want[problem.Key] {
			if !strings.Contains(problem.Error, text) {
				t.Errorf("%s: error %q lacks %q", problem.Key, problem.Error, text)
			}
		}
	}
	w.source.Heal()
	w.destination.Heal()
	if report := w.sync(); report.Objects.Copied != 3 {
		t.Errorf("the next run copied %d, want the 3 that failed", report.Objects.Copied)
	}
	w.same()
}

// TestDeniedListingStopsBeforeTheFirstPut: a listing that cannot be read is
// never taken for an empty one.
func TestDeniedListingStopsBeforeTheFirstPut(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "destination"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(10, 1), driver.Attributes{})
			server := map[string]*memdriver.Server{"source": w.source, "destination": w.destination}[side]
			server.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Fail(403, "AccessDenied")})
			report, err := w.trySync(t.Context())
			if driver.KindOf(err) != driver.KindDenied || !strings.HasPrefix(err.Error(), side+": ") || !strings.Contains(err.Error(), "list this bucket") {
				t.Errorf("error %v", err)
			}
			if n := w.destination.Count("Put"); n != 0 || report.State != "failed" {
				t.Errorf("%d PUTs, state %q", n, report.State)
			}
		})
	}
}

func TestCredentialsThatMayNothingStopTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 200 {
		w.put(strings.Repeat("x", i+1), content(1, 1), driver.Attributes{})
	}
	w.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Fail(403, "AccessDenied")})
	_, err := w.trySync(t.Context())
	if driver.KindOf(err) != driver.KindDenied || !strings.Contains(err.Error(), "all denied") {
		t.Errorf("error %v", err)
	}
	if n := w.destination.Count("Put"); n > 40 {
		t.Errorf("%d PUTs were tried", n)
	}
}

func TestExpiredCredentialsParkTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(10, 1), driver.Attributes{})
	w.put("large", content(5*minPart, 1), driver.Attributes{})
	w.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Fail(http.StatusForbidden, "Expired")})
	report, err := w.trySync(t.Context())
	var parked *engine.ParkedError
	if !errors.As(err, &parked) || report.State != "interrupted" {
		t.Fatalf("state %q, error %v", report.State, err)
	}
	w.destination.Heal()
	w.sync()
	w.same()
}

// TestRefusedExchangeIsSignedAgain: one refused signature costs one more, after a
// control call that lets the plugin renew its credentials. They may have expired or, as
// far as the host can tell, been rotated.
func TestRefusedExchangeIsSignedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"Expired", "AccessDenied"} {
		for _, call := range []string{"Get", "Put", "Part"} {
			t.Run(call+" "+code, func(t *testing.T) {
				t.Parallel()
				size := 10
				if call == "Part" {
					size = 5 * minPart
				}
				var lists []int
				for _, times := range []int{0, 1} {
					w := newWorld(t)
					server := w.destination
					if call == "Get" {
						server = w.source
					}
					w.put("object", content(size, 1), driver.Attributes{})
					if times > 0 {
						server.Inject(memdriver.Fault{Call: call, Times: times, Effect: memdriver.Fail(http.StatusForbidden, code)})
					}
					w.sync()
					w.same()
					lists = append(lists, server.Count("List"))
				}
				if lists[1] != lists[0]+1 {
					t.Errorf("%d listings instead of %d: no control call let the plugin renew its credentials", lists[1], lists[0])
				}
			})
		}
	}
}

// TestRefusalsAreBelieved: an object that is refused again under a new signature stays
// refused, and the next ones are not tried twice.
func TestRefusalsAreBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.Transfers = 1
	for _, key := range []string{"a", "b", "c", "good"} {
		w.put(key, content(10, 1), driver.Attributes{})
	}
	for _, key := range []string{"a", "b", "c"} {
		w.destination.Inject(memdriver.Fault{Call: "Put", Key: key, Effect: memdriver.Fail(http.StatusForbidden, "AccessDenied")})
	}
	report, err := w.trySync(t.Context())
	if report.Objects.Failed != 3 || report.Objects.Copied != 1 {
		t.Errorf("%d failed and %d copied (%v), want 3 and 1", report.Objects.Failed, report.Objects.Copied, err)
	}
	if n := w.destination.Count("Put"); n != 5 {
		t.Errorf("%d PUTs, want 5: one for each object and one more", n)
	}
}

func TestInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("large", content(20*minPart, 1), driver.Attributes{ContentType: "a/b"})
	ctx, interrupt := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Effect: memdriver.Do(interrupt)})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Effect: memdriver.Hold(release)})
	report, err := w.trySync(ctx)
	var parked *engine.ParkedError
	if !errors.As(err, &parked) || report.State != "interrupted" {
		t.Fatalf("state %q, error %v", report.State, err)
	}
	w.destination.Heal()
	report = w.sync()
	w.same()
	if report.Bytes.Resumed < 9*minPart {
		t.Errorf("resumed %d bytes, want at least the %d of nine parts", report.Bytes.Resumed, 9*minPart)
	}
	if moved := report.Bytes.Moved; moved > 11*minPart {
		t.Errorf("moved %d bytes again, want at most %d", moved, 11*minPart)
	}
}
