package cloud

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// seen is a transport that keeps the body it was given.
type seen struct{ body io.Reader }

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.body = r.Body
	return &http.Response{Body: http.NoBody}, nil
}

func TestBodiesArePlain(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	base := &seen{}
	answer, err := plainBodies{base}.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if _, ok := base.body.(io.WriterTo); ok {
		t.Error("the body has WriteTo")
	}
	if content, err := io.ReadAll(base.body); err != nil || string(content) != "body" {
		t.Errorf("the body is %q, %v", content, err)
	}
}
