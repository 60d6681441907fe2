package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// echo answers with the request's body, and knows a fault called "own".
type echo struct {
	desk *Desk
	done chan string // gets the key of what was done
}

func (e *echo) OpenUploads() []OpenUpload {
	return []OpenUpload{{Bucket: "b", Key: "k", ID: "1", Parts: 2}}
}

func (e *echo) Close() error { close(e.done); return nil }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	e.desk.Serve(w, r, "Echo", key,
		func(w http.ResponseWriter, f *Fault) {
			w.WriteHeader(f.Status)
			_, _ = io.WriteString(w, f.Code)
		},
		func(w http.ResponseWriter, r *http.Request, f *Fault) {
			if f != nil {
				_, _ = io.WriteString(w, "own "+f.Code)
				return
			}
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
			e.done <- key
		})
}

// started is a running emulator.
type started struct {
	t             *testing.T
	desk          *Desk
	done          chan string
	main, control string
}

func start(t *testing.T) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{t: t, desk: NewDesk(), done: make(chan string, 1000)}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		c := &Config{Address: "127.0.0.1:0", Control: "127.0.0.1:0"}
		ended <- Run(ctx, c, s.desk, &echo{s.desk, s.done}, in)
	}()
	lines := bufio.NewScanner(out)
	for _, line := range []struct {
		prefix string
		into   *string
	}{{"ready ", &s.main}, {"control ", &s.control}} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), line.prefix+"http://127.0.0.1:") {
			t.Fatalf("the line is %q, want %q", lines.Text(), line.prefix)
		}
		*line.into = strings.TrimPrefix(lines.Text(), line.prefix)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	return s
}

func (s *started) do(method, url, body string) (int, string, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

func TestFaultsHappen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  string
		status int
		answer string
		broken bool // the answer breaks off, or there is none
		done   bool
	}{
		"none":        {`[]`, 200, "body", false, true},
		"error":       {`[{"op":"Echo","do":"error","status":503,"code":"Slow"}]`, 503, "Slow", false, false},
		"any":         {`[{"op":"*","do":"error","status":500,"code":"x"}]`, 500, "x", false, false},
		"other op":    {`[{"op":"Other","do":"error","status":500,"code":"x"}]`, 200, "body", false, true},
		"other key":   {`[{"op":"*","key":"nope","do":"error","status":500,"code":"x"}]`, 200, "body", false, true},
		"this key":    {`[{"op":"*","key":"ey","do":"error","status":500,"code":"x"}]`, 500, "x", false, false},
		"skipped":     {`[{"op":"*","skip":1,"do":"error","status":500,"code":"x"}]`, 200, "body", false, true},
		"reset":       {`[{"op":"*","do":"reset"}]`, 0, "", true, false},
		"lost answer": {`[{"op":"*","do":"lost-answer"}]`, 0, "", true, true},
		"truncate":    {`[{"op":"*","do":"truncate","bytes":2}]`, 200, "bo", true, true},
		"delay":       {`[{"op":"*","do":"delay","millis":1}]`, 200, "body", false, true},
		"own":         {`[{"op":"*","do":"own","code":"c"}]`, 200, "own c", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if status, answer, err := s.do("POST", s.control+"/faults", c.fault); err != nil || status != http.StatusNoContent {
				t.Fatal(status, answer, err)
			}
			status, answer, err := s.do("PUT", s.main+"/key", "body")
			if status != c.status || answer != c.answer || (err != nil) != c.broken {
				t.Errorf("got %d %q %v, want %d %q", status, answer, err, c.status, c.answer)
			}
			if done := len(s.done) == 1; done != c.done && name != "truncate" { // there, the client may be faster
				t.Errorf("done: %v, want %v", done, c.done)
			}
			if _, answer, err = s.do("PUT", s.main+"/key", "again"); err != nil || name != "skipped" && answer != "again" {
				t.Errorf("the next request: %q %v", answer, err)
			}
		})
	}
}

func TestFaultsHappenAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault Fault
		want  string
	}{
		"once":     {Fault{}, "x....."},
		"thrice":   {Fault{Times: 3}, "xxx..."},
		"for ever": {Fault{Times: -1}, "xxxxxx"},
		"later":    {Fault{Skip: 2, Times: 2}, "..xx.."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := NewDesk()
			c.fault.Op, c.fault.Do = "*", DoReset
			if err := d.AddFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			if got := pattern(d, 6); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			d.ClearFaults()
			if got := pattern(d, 2); got != ".." {
				t.Errorf("after clearing: %s", got)
			}
		})
	}
}

func pattern(d *Desk, n int) string {
	var text strings.Builder
	for range n {
		if d.match("Op", "key") == nil {
			text.WriteByte('.')
		} else {
			text.WriteByte('x')
		}
	}
	return text.String()
}

func TestShareIsSeeded(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) string {
		d := NewDesk()
		if err := d.AddFaults(Fault{Op: "*", Do: DoReset, Share: 0.3, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return pattern(d, 1000)
	}
	first, again, other := draw(1), draw(1), draw(2)
	if first != again || first == other {
		t.Error("equal seeds must choose equally, and others not")
	}
	if n := strings.Count(first, "x"); n < 200 || n > 400 {
		t.Errorf("%d of 1000 failed, want about 300", n)
	}
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, body := range map[string]string{
		"no op": `[{"do":"reset"}]`, "no do": `[{"op":"*"}]`, "no code": `[{"op":"*","do":"error","status":500}]`,
		"share": `[{"op":"*","do":"reset","share":2}]`, "unknown field": `[{"op":"*","do":"reset","tiems":2}]`, "no list": `{}`,
	} {
		if status, answer, err := s.do("POST", s.control+"/faults", body); err != nil || status != http.StatusBadRequest {
			t.Errorf("%s: %d %s %v", name, status, answer, err)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.desk.Refused("Echo")
	if err := s.desk.AddFaults(Fault{Op: "*", Skip: 2, Do: DoError, Status: 500, Code: "xx"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := s.do("PUT", s.main+"/key", "body"); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]Count{"Echo": {Requests: 3, Refused: 1, Failed: 1, In: 8, Out: 10}}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if _, _, err := s.do("DELETE", s.control+"/requests", ""); err != nil {
		t.Fatal(err)
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("after the reset: %v", got)
	}
}

func (s *started) requests() (counts map[string]Count) {
	s.t.Helper()
	_, answer, err := s.do("GET", s.control+"/requests", "")
	if err := errors.Join(err, json.Unmarshal([]byte(answer), &counts)); err != nil {
		s.t.Fatal(err)
	}
	return counts
}

func TestControlTellsUploadsAndSetsTheClock(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, answer, err := s.do("GET", s.control+"/uploads", "")
	if want := `[{"bucket":"b","key":"k","id":"1","created":"0001-01-01T00:00:00Z","parts":2}]`; err != nil || strings.TrimSpace(answer) != want {
		t.Errorf("uploads: %s %v", answer, err)
	}
	if _, _, err := s.do("POST", s.control+"/clock", `{"seconds":-3600}`); err != nil {
		t.Fatal(err)
	}
	if behind := time.Since(s.desk.Now()); behind < time.Hour || behind > 2*time.Hour {
		t.Errorf("the clock is %v behind, want an hour", behind)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	good := []string{"-bucket", "a,b", "-bucket", "c", "-access-key", "ak", "-secret-key", "sk"}
	c, err := Parse("x", "region-1", good, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{Address: "127.0.0.1:0", Buckets: []string{"a", "b", "c"}, AccessKey: "ak", SecretKey: "sk", Region: "region-1"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	for name, arguments := range map[string][]string{
		"no bucket": good[4:], "no secret": good[:6], "a bucket twice": append([]string{"-bucket", "a"}, good...), "an argument": append(good, "more"),
	} {
		if _, err := Parse("x", "r", arguments, nil); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		desk := NewDesk()
		err := Run(t.Context(), &Config{Address: address}, desk, &echo{desk, make(chan string)}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", address)) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
