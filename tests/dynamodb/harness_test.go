// Package dynamodb_test runs what a fleet keeps in DynamoDB against emulators of it,
// through a network that throttles, refuses and loses answers.
package dynamodb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dth-dev/dth/core/assembly"
	giants "github.com/dth-dev/dth/core/assembly/dynamodb"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	records "github.com/dth-dev/dth/core/journal/dynamodb"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/warden"
)

// patience is that of a client with enemies.
var patience = retry.Policy{Attempts: 60, Base: time.Millisecond, Cap: 4 * time.Millisecond}

// tables are a fleet's two tables in an emulator, on a line of their own.
type tables struct {
	settings aws.Config
	options  dynamo.Options
	line     *line
	contests int
}

// line is the network between a client and the emulator.
type line struct {
	network http.RoundTripper

	mu     sync.Mutex
	fate   func(operation string) fate
	counts map[string]int // of requests that came through, by operation
	flying int
	most   int // requests at once
}

// fate is what becomes of a request.
type fate string

const (
	arrives fate = ""
	lost    fate = "the answer is lost"
	unheard fate = "the request is lost"
	// Any other is the code of a refusal.
)

func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	l.mu.Lock()
	how := l.fate(operation)
	l.flying++
	l.most = max(l.most, l.flying)
	if how == arrives || how == lost {
		l.counts[operation]++
	}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.flying--
		l.mu.Unlock()
	}()
	switch how {
	case arrives:
		return l.network.RoundTrip(request)
	case unheard:
		return nil, errors.New("connection reset by peer")
	case lost:
		answer, err := l.network.RoundTrip(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		return nil, errors.Join(errors.New("unexpected EOF"), err)
	}
	return refusal(request, how), nil
}

// refusal is how DynamoDB refuses.
func refusal(request *http.Request, code fate) *http.Response {
	status, body := http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#`+string(code)+`","message":"refused by the test"}`
	switch code {
	case "InternalServerError":
		status = http.StatusInternalServerError
	case "TransactionConflict":
		body = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled by the test",` +
			`"CancellationReasons":[{"Code":"TransactionConflict","Message":"conflict"},{"Code":"None"}]}`
	}
	return &http.Response{
		StatusCode: status, Request: request, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}
}

// befall decides from now on what becomes of requests.
func (l *line) befall(fate func(operation string) fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fate = fate
}

// reset forgets what was counted, and loses nothing from now on.
func (l *line) reset() {
	l.befall(func(string) fate { return arrives })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts, l.most = map[string]int{}, 0
}

func (l *line) counted() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// emulators are those that do what DynamoDB does. moto is none: it loses updates when two
// come at once.
var emulators = map[cloud.Kind]*cloud.Server{cloud.MiniStack: nil}

func TestMain(m *testing.M) { os.Exit(warden.Run(func() int { return testMain(m) })) }

// testMain starts the emulators that this machine can run: one of each for all tests.
func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dynamodb-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for kind := range emulators {
		if cloud.Missing(kind) != nil {
			continue // each says so
		}
		server, err := cloud.Start(context.Background(), cloud.Config{Kind: kind, Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Stop()
		emulators[kind] = server
	}
	// The tests wait for answers more than they compute. The command line has the last word.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// each runs a test on every emulator.
func each(t *testing.T, test func(t *testing.T, lay func(t testing.TB) *tables)) {
	for kind, server := range emulators {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cloud.Require(t, kind)
			test(t, func(t testing.TB) *tables { return layTables(t, server) })
		})
	}
}

// layTables makes two empty tables, which go with the test.
func layTables(t testing.TB, server *cloud.Server) *tables {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	l := &line{network: transport}
	l.reset()
	id := strings.ToLower(rand.Text())
	s := &tables{line: l, contests: contests(), options: dynamo.Options{Objects: "objects-" + id, Parts: "parts-" + id, Retry: patience}}
	s.settings = server.Config()
	s.settings.HTTPClient = &http.Client{Transport: l}
	client := s.client(nil)
	if err := client.CreateTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.reset()
	t.Cleanup(func() {
		l.reset()
		if err := client.DeleteTables(context.Background()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return s
}

// client returns one whose clock is now, or the real one where that is nil.
func (s *tables) client(now func() time.Time) *dynamo.Client {
	options := s.options
	options.Now = now
	return dynamo.New(s.settings, options)
}

func (s *tables) Margin() time.Duration { return dynamo.ClockMargin }

// contests is how often a race is run: a thousand times where there is time.
func contests() int {
	if os.Getenv("DTH_FAULTS") == "long" {
		return 1000
	}
	return 100
}

func (s *tables) Contests() int { return s.contests }

func (s *tables) journal(owner string, now func() time.Time) *records.Journal {
	return records.New(s.client(now), records.Options{Owner: owner})
}

// journals is the tables as the place of a journal.
type journals struct{ *tables }

func (s journals) Join(_ testing.TB, owner string, now func() time.Time) journal.Shared {
	return s.journal(owner, now)
}

// assemblies is the tables as the place of giant objects.
type assemblies struct{ *tables }

func (s assemblies) Join(t testing.TB, now func() time.Time) assembly.Store {
	t.Helper()
	store, err := giants.New(s.client(now), 0)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
