package memdriver_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// codeOf returns the store's code in err; empty where there is none.
func codeOf(err error) string {
	var failure *driver.Error
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

// bed is a store with the object "key" of ten bytes, and a way to it.
type bed struct {
	*memdriver.Server
	t        *testing.T
	bucket   driver.Bucket
	executor *drivertest.Executor
}

func newBed(t *testing.T) bed {
	t.Helper()
	server := newServer(t, memdriver.Config{})
	if _, err := server.Put("box", "key", []byte("0123456789"), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	return bed{server, t, openBox(t, server, nil), newExecutor(t)}
}

func (b bed) get(ctx context.Context, key string) (drivertest.Answer, error) {
	exchange, err := b.bucket.SignGet(ctx, driver.GetRequest{Key: key})
	if err != nil {
		return drivertest.Answer{}, err
	}
	return b.executor.Do(ctx, exchange, drivertest.Send{})
}

func (b bed) put(key, body string) (drivertest.Answer, error) {
	exchange, err := b.bucket.SignPut(b.t.Context(), driver.PutRequest{Key: key, Size: int64(len(body))})
	if err != nil {
		return drivertest.Answer{}, err
	}
	return b.executor.Do(b.t.Context(), exchange, drivertest.Send{Body: []byte(body)})
}

func TestFaultStrikesWhatItNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault memdriver.Fault
		want  []bool // whether GET 1, 2, 3 and 4 of "key" fail
	}{
		"all":              {memdriver.Fault{}, []bool{true, true, true, true}},
		"by call":          {memdriver.Fault{Call: "Get"}, []bool{true, true, true, true}},
		"another call":     {memdriver.Fault{Call: "Put"}, []bool{false, false, false, false}},
		"by bucket":        {memdriver.Fault{Bucket: "box", Times: 1}, []bool{true, false, false, false}},
		"another bucket":   {memdriver.Fault{Bucket: "another"}, []bool{false, false, false, false}},
		"another key":      {memdriver.Fault{Key: "other"}, []bool{false, false, false, false}},
		"from the third":   {memdriver.Fault{Key: "key", First: 3}, []bool{false, false, true, true}},
		"second and third": {memdriver.Fault{First: 2, Times: 2}, []bool{false, true, true, false}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			test.fault.Effect = memdriver.Fail(503, "SlowDown")
			b.Inject(test.fault)
			for i, want := range test.want {
				_, err := b.get(t.Context(), "key")
				if (err != nil) != want {
					t.Errorf("GET %d: err = %v, want failure: %t", i+1, err, want)
				}
				if err != nil && (driver.KindOf(err) != driver.KindThrottled || codeOf(err) != "SlowDown") {
					t.Errorf("GET %d: err = %v, want SlowDown, throttled", i+1, err)
				}
			}
			b.Heal()
			if _, err := b.get(t.Context(), "key"); err != nil {
				t.Errorf("after Heal: %v", err)
			}
			if b.Count("Get") != len(test.want)+1 {
				t.Errorf("counted %d GETs, want %d", b.Count("Get"), len(test.want)+1)
			}
		})
	}
}

func TestControlCallsFail(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.Inject(memdriver.Fault{Call: "Stat", Key: "key", Effect: memdriver.Fail(403, "AccessDenied")})
	_, err := b.bucket.Stat(t.Context(), driver.StatRequest{Key: "key"})
	if driver.KindOf(err) != driver.KindDenied || codeOf(err) != "AccessDenied" {
		t.Errorf("err = %v, want AccessDenied", err)
	}
}

func TestAnswersBreak(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.Inject(memdriver.Fault{Call: "Get", Times: 1, Effect: memdriver.CutAnswer(4)})
	answer, err := b.get(t.Context(), "key")
	if driver.KindOf(err) != driver.KindUnavailable || string(answer.Body) != "0123" || answer.Header.Get("Content-Length") != "10" {
		t.Errorf("a cut answer: %q of %s bytes, %v", answer.Body, answer.Header.Get("Content-Length"), err)
	}
	b.Inject(memdriver.Fault{Call: "Get", Times: 1, Effect: memdriver.CorruptAnswer(3)})
	if answer, err = b.get(t.Context(), "key"); err != nil || string(answer.Body) != "0122456789" {
		t.Errorf("a corrupt answer: %q, %v", answer.Body, err)
	}
}

func TestRequestsBreak(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.CutRequest(3)})
	if _, err := b.put("cut", "0123456789"); driver.KindOf(err) != driver.KindUnavailable {
		t.Errorf("a cut request: %v", err)
	}
	b.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.CorruptRequest(3)})
	if _, err := b.put("corrupt", "0123456789"); err != nil {
		t.Errorf("a corrupt request: %v", err)
	}
	b.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.LoseAnswer()})
	if _, err := b.put("lost", "0123456789"); driver.KindOf(err) != driver.KindUnavailable {
		t.Errorf("a lost answer: %v", err)
	}
	for key, want := range map[string]string{"cut": "", "corrupt": "0122456789", "lost": "0123456789"} {
		if _, body, err := b.Get("box", key); string(body) != want || (err != nil) != (want == "") {
			t.Errorf("%q holds %q, %v, want %q", key, body, err, want)
		}
	}
}

func TestObjectChangesBetweenRequests(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.Inject(memdriver.Fault{Call: "Get", First: 2, Times: 1, Effect: memdriver.Do(func() {
		if _, err := b.Put("box", "key", []byte("new"), driver.Attributes{}); err != nil {
			t.Error(err)
		}
	})})
	for i, want := range []string{"0123456789", "new"} {
		if answer, err := b.get(t.Context(), "key"); err != nil || string(answer.Body) != want {
			t.Errorf("GET %d returned %q, %v, want %q", i+1, answer.Body, err, want)
		}
	}
}

func TestHeldRequests(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	reached, release := make(chan struct{}, 2), make(chan struct{})
	b.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Do(func() { reached <- struct{}{} })})
	b.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Hold(release)})

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := b.get(ctx, "key")
		ended <- err
	}()
	<-reached
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a held request whose client left: %v", err)
	}

	go func() {
		_, err := b.get(t.Context(), "key")
		ended <- err
	}()
	<-reached
	select {
	case err := <-ended:
		t.Errorf("a held request ended: %v", err)
	default:
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("a released request: %v", err)
	}
}
