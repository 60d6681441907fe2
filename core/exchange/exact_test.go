package exchange_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestBodyHasExactlyItsLength: the last of four bytes is given out only when nothing is
// behind it, whatever frames the body and however it is read.
func TestBodyHasExactlyItsLength(t *testing.T) {
	t.Parallel()
	const id = "X-Store-Id: i\r\n"
	more, fewer := &exchange.LengthError{Want: 4, Got: 4, More: true}, func(got int64) *exchange.LengthError {
		return &exchange.LengthError{Want: 4, Got: got}
	}
	tests := map[string]struct {
		answer string
		want   *exchange.LengthError
	}{
		"length":                 {"200 OK\r\n" + id + "Content-Length: 4\r\n\r\nabcd", nil},
		"length, more":           {"200 OK\r\n" + id + "Content-Length: 5\r\n\r\nabcde", more},
		"length, fewer":          {"200 OK\r\n" + id + "Content-Length: 3\r\n\r\nabc", fewer(3)},
		"length, none":           {"200 OK\r\n" + id + "Content-Length: 0\r\n\r\n", fewer(0)},
		"chunks":                 {"200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", nil},
		"chunks, more":           {"200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", more},
		"chunks, one chunk more": {"200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n", more},
		"chunks, fewer":          {"200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", fewer(2)},
		"a range in chunks":      {"206 Partial Content\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", nil},
		"a range, more":          {"206 Partial Content\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", more},
		"until close":            {"200 OK\r\n" + id + "\r\nabcd", nil},
		"until close, more":      {"200 OK\r\n" + id + "\r\nabcdefgh", more},
		"until close, fewer":     {"200 OK\r\n" + id + "\r\nab", fewer(2)},
	}
	readers := map[string]func(io.Reader) ([]byte, error){
		"at once": func(r io.Reader) ([]byte, error) {
			b := make([]byte, 4)
			n, err := io.ReadFull(r, b)
			return b[:n], err
		},
		"all": io.ReadAll,
		"by byte": func(r io.Reader) ([]byte, error) {
			b := make([]byte, 4)
			n, err := io.ReadFull(iotest.OneByteReader(r), b)
			return b[:n], err
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for route, to := range routes(t, says(t, "HTTP/1.1 "+test.answer)) {
				for way, read := range readers {
					answer, err := to.client.Do(t.Context(), driver.Exchange{Method: "GET", URL: to.url + "/", Reply: reply}, exchange.Request{})
					if err != nil {
						t.Fatal(err)
					}
					if err := answer.Exactly(4); err != nil {
						t.Fatal(err)
					}
					got, err := read(answer.Body)
					_ = answer.Body.Close()
					checkLength(t, route+", "+way, got, err, test.want)
				}
			}
		})
	}
}

// checkLength compares how a body of four bytes ended.
func checkLength(t *testing.T, what string, got []byte, err error, want *exchange.LengthError) {
	t.Helper()
	if want == nil {
		if err != nil || string(got) != "abcd" {
			t.Errorf("%s: read %q, %v", what, got, err)
		}
		return
	}
	var length *exchange.LengthError
	if !errors.As(err, &length) {
		t.Fatalf("%s: read %q, %v; want %v", what, got, err, want)
	}
	if difference := cmp.Diff(want, length); difference != "" {
		t.Errorf("%s: %s", what, difference)
	}
	kind := driver.KindUnavailable
	if want.More {
		kind = driver.KindIntegrity
	}
	var failure *driver.Error
	if errors.As(err, &failure); failure.Kind != kind || failure.RequestID != "i" || len(got) > 3 {
		t.Errorf("%s: read %q, %#v; want kind %v, the request id, and the last byte kept back", what, got, failure, kind)
	}
}

// TestEmptyBodyIsReadToItsEnd: nothing reads the body of an empty object, so its end is
// read before.
func TestEmptyBodyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		more   bool
	}{
		"length":             {"Content-Length: 0\r\n\r\n", false},
		"chunks":             {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		"until close":        {"\r\n", false},
		"length, more":       {"Content-Length: 1\r\n\r\na", true},
		"chunks, more":       {"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", true},
		"until close, bytes": {"\r\na", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for route, to := range routes(t, says(t, "HTTP/1.1 200 OK\r\n"+test.answer)) {
				answer, err := to.client.Do(t.Context(), driver.Exchange{Method: "GET", URL: to.url + "/", Reply: reply}, exchange.Request{})
				if err != nil {
					t.Fatal(err)
				}
				if err := answer.Exactly(0); (driver.KindOf(err) == driver.KindIntegrity) != test.more || err == nil == test.more {
					t.Errorf("%s: %v", route, err)
				}
				_ = answer.Body.Close()
			}
		})
	}
}

func FuzzExactly(f *testing.F) {
	f.Add("abcd", 4, 1)
	f.Add("abcd", 3, 2)
	f.Add("abcd", 9, 9)
	f.Add("", 0, 1)
	f.Fuzz(func(t *testing.T, text string, n, step int) {
		if n < 0 || n > 1<<20 || step < 1 || step > 1<<20 {
			t.Skip()
		}
		answer := &exchange.Answer{Body: io.NopCloser(strings.NewReader(text))}
		if err := answer.Exactly(int64(n)); err != nil {
			if n > 0 || text == "" {
				t.Fatal(err)
			}
			return
		}
		var got []byte
		buffer := make([]byte, step)
		err := error(nil)
		for err == nil {
			var read int
			read, err = answer.Body.Read(buffer)
			got = append(got, buffer[:read]...)
		}
		switch {
		case len(text) == n:
			if !errors.Is(err, io.EOF) || string(got) != text {
				t.Errorf("read %q, %v", got, err)
			}
		case errors.Is(err, io.EOF) || len(got) >= n && n > 0:
			t.Errorf("%d of %d bytes, %v", len(got), n, err)
		}
	})
}
