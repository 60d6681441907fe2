package drivertest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// caseTimeout bounds one case, whatever the driver does.
const caseTimeout = 3 * time.Minute

// testCase proves one behaviour.
type testCase struct {
	name   string // unique, kebab-case
	proves string // one line for the table
	// declared says whether the store claims the behaviour; nil means always.
	declared func(driver.Session) bool
	// given says whether the harness has what the case needs; nil means always.
	given func(Harness) bool
	run   func(*check)
}

// allCases returns every case, in the order of the table.
func allCases() []testCase {
	var cases []testCase
	for _, group := range [][]testCase{
		openCases(), putCases(), getCases(), attributeCases(), listCases(), deleteCases(), keyCases(),
		uploadCases(), partCases(), uploadListCases(), copyCases(), classCases(), tamperCases(), bearerCases(), failureCases(), contextCases(), concurrencyCases(),
	} {
		cases = append(cases, group...)
	}
	return cases
}

// Run runs every case that applies as a subtest and prints the table of all.
func Run(t *testing.T, harness Harness) {
	t.Helper()
	s, err := newSuite(t.Context(), harness)
	if err != nil {
		t.Fatalf("open the bucket under test: %v", err)
	}
	defer s.close()
	report := &report{}
	t.Run("cases", func(t *testing.T) {
		for _, c := range allCases() {
			if outcome := s.applies(c); outcome != proven {
				report.add(c, outcome, 0)
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				outcome, failures := s.run(t.Context(), c)
				for _, failure := range failures {
					t.Error(failure)
				}
				report.add(c, outcome, time.Since(begin))
			})
		}
	})
	t.Logf("conformance of %s\n%s", s.session.Identity, report)
	if left := report.count(notChecked); left > 0 && os.Getenv("DTH_TEST_DISALLOW_SKIP") == "1" {
		t.Errorf("%d cases were not checked: give the harness what they need", left)
	}
}

// suite is one run over one bucket.
type suite struct {
	harness  Harness
	bucket   driver.Bucket
	session  driver.Session
	executor *Executor
}

func newSuite(ctx context.Context, harness Harness) (*suite, error) {
	bucket, err := harness.Driver.Open(ctx, harness.Bucket)
	if err != nil {
		return nil, err
	}
	session := bucket.Session()
	executor, err := NewExecutor(session.Transport)
	if err != nil {
		_ = bucket.Close() // the first error is the one to report
		return nil, err
	}
	return &suite{harness: harness, bucket: bucket, session: session, executor: executor}, nil
}

func (s *suite) close() {
	s.executor.Close()
	_ = s.bucket.Close() // the close case proves Close
}

// applies returns proven where the case can run.
func (s *suite) applies(c testCase) outcome {
	switch {
	case c.declared != nil && !c.declared(s.session):
		return notDeclared
	case c.given != nil && !c.given(s.harness):
		return notChecked
	}
	return proven
}

// run runs one case to its end or first fatal failure and returns what became
// of it and what failed.
func (s *suite) run(ctx context.Context, c testCase) (outcome, []string) {
	ctx, cancel := context.WithTimeout(ctx, caseTimeout)
	defer cancel()
	k := &check{suite: s, ctx: ctx, prefix: s.harness.Prefix + c.name + "/"}
	done := make(chan struct{})
	go func() { // a goroutine of its own, so that fatalf can end it
		defer close(done)
		defer k.cleanUp()
		c.run(k)
	}()
	<-done
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case len(k.failures) > 0:
		return failed, k.failures
	case k.declined:
		return notDeclared, nil
	}
	return proven, nil
}

// outcome is what became of a case.
type outcome string

const (
	proven      outcome = "proven"
	failed      outcome = "FAILED"
	notDeclared outcome = "not declared"
	notChecked  outcome = "not checked"
)

// report collects outcomes.
type report struct {
	mu    sync.Mutex
	lines map[string]reportLine
}

type reportLine struct {
	outcome outcome
	took    time.Duration
}

func (r *report) add(c testCase, result outcome, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines == nil {
		r.lines = map[string]reportLine{}
	}
	r.lines[c.name] = reportLine{result, took}
}

func (r *report) count(wanted outcome) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, line := range r.lines {
		if line.outcome == wanted {
			n++
		}
	}
	return n
}

// String returns the table.
func (r *report) String() string {
	var b strings.Builder
	r.mu.Lock()
	for _, c := range allCases() {
		if line, ran := r.lines[c.name]; ran {
			fmt.Fprintf(&b, "  %-12s  %-28s %6d ms  %s\n", line.outcome, c.name, line.took.Milliseconds(), c.proves)
		}
	}
	r.mu.Unlock()
	fmt.Fprintf(&b, "  %d proven, %d failed, %d not declared, %d not checked",
		r.count(proven), r.count(failed), r.count(notDeclared), r.count(notChecked))
	return b.String()
}
