package credential

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

const form = "application/x-www-form-urlencoded"

// dateForm is how X-Qiniu-Date is written.
const dateForm = "20060102T150405Z"

// Management verifies a request to manage a bucket or its objects. body is the
// request's whole body. It returns [ErrNone], [ErrBad] or [ErrSkewed].
//
// Source: https://developer.qiniu.com/kodo/1201/access-token (Qiniu, and QBox in
// its older versions), https://developer.qiniu.com/kodo/3924/common-request-headers.
func (p Pair) Management(r *http.Request, body []byte, now time.Time) error {
	scheme, proof, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var signed string
	switch scheme {
	case "":
		return ErrNone
	case "Qiniu":
		signed = qiniu(r, body)
	case "QBox":
		signed = qbox(r, body)
	default:
		return ErrBad
	}
	if err := p.check(proof, signed); err != nil {
		return err
	}
	if date := r.Header.Get("X-Qiniu-Date"); date != "" {
		at, err := time.Parse(dateForm, date)
		if err != nil || at.Sub(now).Abs() > MaxSkew {
			return ErrSkewed
		}
	}
	return nil
}

// qiniu returns what the scheme Qiniu signs.
func qiniu(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.RequestURI + "\nHost: " + r.Host)
	contentType := r.Header.Get("Content-Type")
	if contentType != "" {
		b.WriteString("\nContent-Type: " + contentType)
	}
	const prefix = "X-Qiniu-"
	var names []string
	for name := range r.Header {
		if strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("\n" + name + ": " + r.Header.Get(name))
	}
	b.WriteString("\n\n")
	if contentType != "" && contentType != "application/octet-stream" {
		b.Write(body)
	}
	return b.String()
}

// qbox returns what the scheme QBox signs.
func qbox(r *http.Request, body []byte) string {
	signed := r.RequestURI + "\n"
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == form {
		signed += string(body)
	}
	return signed
}
