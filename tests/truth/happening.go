package truth

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// happening is what an event does to a request that it meets.
func (s *stage) happening(event Event, side Side, request memdriver.Request) memdriver.Effect {
	if effect := refusal(event.Kind); effect != nil {
		s.remember(event.Kind, side, request)
		return effect
	}
	switch event.Kind {
	case CutAnswer:
		s.remember(event.Kind, side, request)
		return memdriver.CutAnswer(event.Number)
	case LoseAnswer:
		s.remember(event.Kind, side, request)
		return memdriver.LoseAnswer()
	case CutRequest:
		return memdriver.CutRequest(int64(event.Number))
	case DamageAnswer:
		return s.damagedAnswer(event.Number)
	case DamageRequest:
		return memdriver.CorruptRequest(event.Number)
	case Late:
		s.remember(event.Kind, side, request)
		return s.later(event.Number, request)
	case KillAfter:
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				s.remember(event.Kind, side, request)
				next.ServeHTTP(unread{http.Header{}}, r)
				s.kill()
			})
		}
	}
	return memdriver.Do(func() { s.before(event, side, request) })
}

// before does what happens before a request that is then served as ever.
func (s *stage) before(event Event, side Side, request memdriver.Request) {
	key := event.Key
	if key == "" {
		key = request.Key
	}
	switch event.Kind {
	case Rewrite:
		_ = s.source.write(key, *event.Version) // fails only where there is no bucket
	case Remove:
		_ = s.source.erase(key) // as above
	case Pass:
		s.pass(side)
	case Interrupt:
		s.mu.Lock()
		cancel := s.cancel
		s.mu.Unlock()
		cancel()
	case KillFirst:
		s.kill()
	}
}

// remember keeps what excuses dth later.
func (s *stage) remember(kind Kind, side Side, request memdriver.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if side == Source && kind == Absent {
		s.lied[request.Key] = true
	}
	if side == Destination && request.Call == "CreateUpload" {
		s.lostIDs = true
	}
}

// refusal is the effect of the kinds that answer instead of doing anything; nil for others.
func refusal(kind Kind) memdriver.Effect {
	switch kind {
	case Fail500:
		return memdriver.Fail(500, "InternalError")
	case Slow503:
		return memdriver.Fail(503, "SlowDown")
	case Denied:
		return memdriver.Fail(403, "AccessDenied")
	case Absent:
		return memdriver.Fail(404, "NoSuchKey")
	case UploadAbsent:
		return memdriver.Fail(404, "NoSuchUpload")
	case BadRange:
		return memdriver.Fail(416, "InvalidRange")
	case Expired:
		return memdriver.Fail(403, "Expired")
	case PageMissing:
		return page(404)
	case PageLogin:
		return page(200)
	}
	return nil
}

// page answers in place of the store, as a proxy does.
func page(status int) memdriver.Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the client may see a broken connection
			const text = "<html><body>Please log in.</body></html>"
			w.Header().Del("X-Mem-Request-Id")
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text) // the client is gone when this fails
		})
	}
}

// damagedAnswer damages the bytes of a GET where what both stores state can show it.
func (s *stage) damagedAnswer(number int) memdriver.Effect {
	from, to := s.history.Source, s.history.Destination
	return func(next http.Handler) http.Handler {
		damaged := memdriver.CorruptAnswer(number)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The MD5 of an ETag is computed only where nothing cheaper can be compared at the
			// destination, and says nothing of a range.
			whole := r.Header.Get("Range") == ""
			if from.Checksums || from.ETagMD5 && whole && to.ETagMD5 && !to.Checksums {
				damaged.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// later answers that the request failed, and has it executed before a later one.
func (s *stage) later(after int, request memdriver.Request) memdriver.Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			again := r.Clone(context.Background())
			again.Body = io.NopCloser(bytes.NewReader(body))
			s.mu.Lock()
			command := s.commands
			s.late = append(s.late, lateEffect{s.arrived + after, func() { s.land(next, again, request, command) }})
			s.mu.Unlock()
			r.Body = io.NopCloser(bytes.NewReader(nil))
			memdriver.Fail(500, "InternalError")(nil).ServeHTTP(w, r)
		})
	}
}

// land executes a request of a command late, and remembers what came of it.
func (s *stage) land(next http.Handler, r *http.Request, request memdriver.Request, command int) {
	server := s.servers[Destination]
	open := map[string]bool{}
	for _, upload := range server.Uploads(request.Bucket) {
		open[upload.ID] = true
	}
	next.ServeHTTP(unread{http.Header{}}, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, upload := range server.Uploads(request.Bucket) {
		if !open[upload.ID] {
			s.lateMade[upload.ID] = true
		}
	}
	if command != s.commands { // what an earlier command deleted is not this one's doing
		s.deletions = slices.DeleteFunc(s.deletions, func(key string) bool { return key == request.Key })
	}
	object, _, err := server.Get(request.Bucket, request.Key)
	if s.landed[request.Key] == nil {
		s.landed[request.Key] = map[string]bool{}
	}
	if err != nil {
		s.landed[request.Key][""] = true // absent
		return
	}
	s.landed[request.Key][object.ETag] = true
}

// unread is an answer that does not arrive.
type unread struct{ header http.Header }

func (u unread) Header() http.Header            { return u.header }
func (u unread) Write(body []byte) (int, error) { return len(body), nil }
func (u unread) WriteHeader(int)                {}
