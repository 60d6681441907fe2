package exchange

import (
	"fmt"
	"io"

	"github.com/dth-dev/dth/sdk/driver"
)

// LengthError says that a body has not the length that it must have.
type LengthError struct {
	Want int64 // bytes
	More bool  // there were more than Want
	Got  int64 // bytes that came before the end; Want where there were more
}

// Error returns what came instead.
func (e *LengthError) Error() string {
	if e.More {
		return fmt.Sprintf("the store sent more than the %d bytes it listed; it may decompress objects on the way", e.Want)
	}
	return fmt.Sprintf("the body ended after %d of %d bytes", e.Got, e.Want)
}

// exactBody is a body of a known length. It gives its last byte out only when the end
// behind it was read: what it gave out in full is complete, however it was read.
type exactBody struct {
	io.ReadCloser
	answer *Answer // for the error
	want   int64
	rest   int64 // bytes still to come
	end    error // what the body ended with
	past   [1]byte
}

// Exactly makes Body give out n bytes and fail where there are more or fewer: the last
// one comes only when the end behind it was read, whether the answer has a length, comes
// in chunks or until the connection closes. The failure is a *driver.Error with a
// *LengthError as its cause: KindIntegrity for more bytes, KindUnavailable for fewer.
// It must be called before Body is read. Of no bytes the end is read at once, because
// a reader of nothing never asks: the failure is returned, and Body is closed.
func (a *Answer) Exactly(n int64) error {
	a.exact = exactBody{ReadCloser: a.Body, answer: a, want: n, rest: n}
	a.Body = &a.exact
	if n > 0 {
		return nil
	}
	if _, err := a.Body.Read(a.exact.past[:]); err != io.EOF {
		_ = a.Body.Close()
		return err
	}
	return nil
}

// Read reads at most what is to come.
func (b *exactBody) Read(p []byte) (int, error) {
	if b.end != nil || len(p) == 0 {
		return 0, b.end
	}
	n, err := 0, error(nil)
	if b.rest > 0 {
		n, err = b.ReadCloser.Read(p[:min(int64(len(p)), b.rest)])
		b.rest -= int64(n)
	}
	if b.rest > 0 {
		if err == io.EOF { //nolint:errorlint // a failure that wraps it is no end
			err = b.failure(driver.KindUnavailable, &LengthError{Want: b.want, Got: b.want - b.rest})
		}
		b.end = err
		return n, err
	}
	more := 0
	for more == 0 && err == nil {
		more, err = b.ReadCloser.Read(b.past[:])
	}
	if more > 0 {
		err = b.failure(driver.KindIntegrity, &LengthError{Want: b.want, Got: b.want, More: true})
	}
	if b.end = err; err != io.EOF { //nolint:errorlint // as above
		n = max(n-1, 0)
	}
	return n, err
}

func (b *exactBody) failure(kind driver.Kind, cause *LengthError) error {
	return &driver.Error{
		Op: "GET", Kind: kind, Status: b.answer.Status, RequestID: b.answer.RequestID, Message: cause.Error(), Err: cause,
	}
}
